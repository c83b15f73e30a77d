/// Something that is suspended on behalf of a context and can be woken with an error. On the context's loop only.
package protocol ContextWait: AnyObject {
    /// Ends the wait by throwing `error` from it.
    func interrupt(_ error: any Error)
}

/// Thrown by every wait of the library under a context whose deadline has passed. Becomes 504 unless a handler answers.
public struct DeadlineExceeded: Error {
    public init() {}
}

/// What ends the waits of a context: a failure of its exchange, or its deadline.
///
/// Unchecked because it is touched on its worker's loop only; entries from elsewhere go through `perform`.
package final class Cancellation: @unchecked Sendable {
    private let worker: Worker
    @exclusivity(unchecked) private var failure: (any Error)?
    @exclusivity(unchecked) private var wait: (any ContextWait)?
    @exclusivity(unchecked) private var others: [any ContextWait] = []
    @exclusivity(unchecked) private var deadline = Int64.max
    @exclusivity(unchecked) private var timer: LoopTimer?

    package init(worker: Worker) { self.worker = worker }

    deinit {
        guard let timer else { return }
        // The last reference may go elsewhere than on the loop.
        let ferry = Ferry(timer)
        worker.perform { ferry.value.invalidate() }
    }

    /// Starts a wait, or throws what already ended it.
    package func begin(_ wait: any ContextWait) throws {
        try check()
        if self.wait == nil { self.wait = wait } else { others.append(wait) }
    }

    /// Ends a wait.
    package func end(_ wait: any ContextWait) {
        if self.wait === wait {
            self.wait = others.popLast()
        } else if let index = others.firstIndex(where: { $0 === wait }) {
            others.remove(at: index)
        }
    }

    /// Throws what has ended the waits of this context.
    package func check() throws {
        if let failure { throw failure }
        if deadline < .max, deadline <= worker.eventNow { throw DeadlineExceeded() }
    }

    /// Ends every wait, and every later one, with `error`.
    package func fail(_ error: any Error) {
        guard failure == nil else { return }
        failure = error
        interrupt(error)
    }

    /// Moves the deadline; `.max` is none.
    package func setDeadline(_ instant: Int64) {
        deadline = instant
        guard instant < .max else {
            timer?.clear()
            return
        }
        let timer =
            self.timer
            ?? LoopTimer(on: worker.timers) { [weak self] in self?.interrupt(DeadlineExceeded()) }
        self.timer = timer
        timer.set(instant)
    }

    /// Makes it as new, for the next exchange of a connection.
    package func reset() {
        failure = nil
        wait = nil
        if !others.isEmpty { others.removeAll() }
        if deadline < .max { setDeadline(.max) }
    }

    private func interrupt(_ error: any Error) {
        let waits = (wait.map { [$0] } ?? []) + others
        wait = nil
        others.removeAll()
        for wait in waits { wait.interrupt(error) }
    }
}
