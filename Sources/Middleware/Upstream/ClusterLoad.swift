/// What a cluster does at the moment, over all event loops, as far as it is limited. Safe to use from any thread.
final class ClusterLoad: Sendable {
    /// Exchanges in flight.
    let running: BoundedCount
    /// Exchanges that wait for a connection.
    let waiting: BoundedCount
    /// Tries after the first one.
    let retries: BoundedCount

    init(_ limits: CircuitLimits) {
        running = BoundedCount(limit: limits.requests)
        waiting = BoundedCount(limit: limits.pendingRequests)
        retries = BoundedCount(limit: limits.retries)
    }
}
