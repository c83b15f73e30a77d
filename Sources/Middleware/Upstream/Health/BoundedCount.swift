import Synchronization

/// Counts what is under way, up to a limit. Safe to use from any thread.
package final class BoundedCount: Sendable {
    private let limit: Int
    private let running = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    /// What is under way now.
    package var count: Int { running.load(ordering: .relaxed) }

    /// Counts one in unless there are as many as may be; `false` then.
    @inline(__always)
    package func enter() -> Bool {
        guard running.add(1, ordering: .relaxed).newValue <= limit else {
            running.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Counts one out.
    @inline(__always)
    package func leave() { running.subtract(1, ordering: .relaxed) }
}
