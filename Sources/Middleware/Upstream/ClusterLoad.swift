import Synchronization

/// What a cluster does at the moment, over all event loops, as far as it is limited. Safe to use from any thread.
final class ClusterLoad: Sendable {
    private let limit: Int
    private let waitLimit: Int
    private let running = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)

    init(_ limits: CircuitLimits) {
        limit = limits.requests
        waitLimit = limits.pendingRequests
    }

    /// Counts an exchange in; `false` when there are as many as may be.
    func begin() -> Bool { Self.enter(running, limit) }

    /// Counts it out.
    @inline(__always)
    func end() { if limit < .max { running.subtract(1, ordering: .relaxed) } }

    /// Counts in one that waits for a connection; `false` when there are as many as may be.
    func beginWait() -> Bool { Self.enter(waiting, waitLimit) }

    /// Counts it out.
    func endWait() { if waitLimit < .max { waiting.subtract(1, ordering: .relaxed) } }

    private static func enter(_ count: borrowing Atomic<Int>, _ limit: Int) -> Bool {
        guard limit < .max else { return true }
        guard count.add(1, ordering: .relaxed).newValue <= limit else {
            count.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }
}
