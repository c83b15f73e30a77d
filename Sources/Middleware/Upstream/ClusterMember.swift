/// An endpoint as a member of a cluster.
struct ClusterMember: Sendable {
    let state: EndpointState
    /// With its present weight, tier and labels.
    var endpoint: Endpoint
    /// When it began to grow into its share; `nil` for one that has it.
    var startedAt: Int64?

    /// How much of its share it takes, from 0.1 to 1.
    func growth(within slowStart: Duration, at now: Int64) -> Double {
        guard let startedAt else { return 1 }
        let elapsed = Double(max(0, now - startedAt))
        // A tenth to begin with (Envoy): with nothing at all it would never warm up.
        return min(1, max(0.1, elapsed / Double(slowStart.nanoseconds)))
    }
}

extension Endpoint {
    /// Whether it has all of these labels.
    func has(_ labels: [String: String]) -> Bool {
        labels.allSatisfy { attributes.labels[$0.key] == $0.value }
    }
}
