/// An error that can stand for a limit of time that passed.
package protocol TimeLimited: Error {
    var isTimeout: Bool { get }
}

extension DeadlineExceeded: TimeLimited {
    package var isTimeout: Bool { true }
}

extension RequestTimeout: TimeLimited {
    package var isTimeout: Bool { true }
}
