/// The layout of `CancellationError` is known at run time only, so that an async function which names it makes room for
/// one in its task whenever it runs, thrown or not. These name it elsewhere.
extension Error {
    /// Whether it says that nobody waits any more.
    package var isCancellation: Bool {
        @inline(never) get { self is CancellationError }
    }
}

/// What is thrown when nobody waits any more.
package enum Cancelled {
    package static let error: any Error = CancellationError()
}
