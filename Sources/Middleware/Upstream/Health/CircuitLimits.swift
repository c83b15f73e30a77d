/// What a cluster and its endpoints take on at a time, and when they stop taking on anything.
///
/// ```swift
/// var limits = CircuitLimits()
/// limits.requestsPerEndpoint = 200
/// limits.endpointBreaker = CircuitBreaking(share: 0.5)
/// ```
///
/// A request past a limit of its endpoint goes to another one; past a limit of the cluster it is answered 503 at once.
/// How many connections there are to an endpoint is the business of ``ConnectionLimits``. (Envoy calls such limits
/// circuit breakers; here that is what opens and closes.)
public struct CircuitLimits: Sendable {
    /// The requests and connections that one endpoint serves at a time, to their last byte. Unlimited unless set.
    public var requestsPerEndpoint = Int.max
    /// The same for the whole cluster. Unlimited unless set.
    public var requests = Int.max
    /// The requests that wait for an endpoint or a connection at a time. Unlimited unless set.
    public var pendingRequests = Int.max
    /// The retries and hedges that are under way at a time. Unlimited unless set, as the retry budget limits them.
    public var retries = Int.max
    /// The breaker of each endpoint; `nil`, none, unless set: outlier detection does most of what it would, and
    /// compares besides.
    public var endpointBreaker: CircuitBreaking?
    /// The breaker of the cluster as a whole, over the evidence of all endpoints; `nil`, none, unless set.
    public var clusterBreaker: CircuitBreaking?

    public init() {}

    package func check(_ blueprint: inout Blueprint) {
        for (name, limit) in [
            ("requests for an endpoint", requestsPerEndpoint), ("requests", requests),
        ] {
            blueprint.require(limit >= 1, "allows \(limit) \(name) at a time", mend: "give 1 or more")
        }
        blueprint.require(
            pendingRequests >= 1, "allows \(pendingRequests) pending requests", mend: "give 1 or more")
        blueprint.require(retries >= 0, "allows \(retries) retries at a time", mend: "give 0 or more")
        endpointBreaker?.check("an endpoint", &blueprint)
        clusterBreaker?.check("the cluster", &blueprint)
    }
}
