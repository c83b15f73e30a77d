extension ProxyFailure {
    /// No endpoint of a cluster may be chosen: 503 with `Retry-After`.
    init(_ refusal: ClusterRefusal, of cluster: String) {
        let (cause, detail): (Cause, String) =
            switch refusal {
            case .unavailable: (.unavailable, "no endpoint of \(cluster) is up")
            case .full: (.full, "the endpoints of \(cluster) are full")
            case .breaker: (.unavailable, "the breaker of \(cluster) is open")
            }
        self.init(.pool, .gateway, cause, detail: detail, isRetryable: false)
    }
}

extension Cluster {
    /// ``choose(hash:excluding:selection:context:)`` for those who forward.
    @inline(__always)
    func endpoint(
        hash: UInt64?, excluding tried: [EndpointState] = [], selection: Int = 0, context: RequestContext
    ) throws(ProxyFailure) -> EndpointChoice {
        do throws(ClusterRefusal) {
            return try choose(hash: hash, excluding: tried, selection: selection, context: context)
        } catch {
            throw ProxyFailure(error, of: name)
        }
    }
}
