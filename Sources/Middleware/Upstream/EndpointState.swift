import Synchronization

/// What a cluster knows of one of its endpoints: what is in flight, how it does. It stays the same object for as long as
/// the endpoint belongs to the cluster, whatever else changes. Safe to read from any thread.
public final class EndpointState: Sendable {
    /// The endpoint as it was when it joined. Its present weight is the cluster's to know.
    public let endpoint: Endpoint
    /// How long it takes to answer, for policies that ask for it.
    public let responseTime = ResponseTime()
    private let running = Atomic<Int>(0)

    public init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    /// The requests and connections that it serves now, over all event loops. Each counts to its last byte.
    public var inFlight: Int { running.load(ordering: .relaxed) }

    /// Counts one in.
    package func begin() { running.add(1, ordering: .relaxed) }

    /// Counts one in unless there are `limit`; `false` then.
    package func begin(limit: Int) -> Bool {
        guard running.add(1, ordering: .relaxed).newValue <= limit else {
            running.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Counts one out.
    package func end() { running.subtract(1, ordering: .relaxed) }
}
