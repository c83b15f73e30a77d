/// Where raw connections and datagrams go: what `TCPProxy` and `UDPProxy` need of a cluster.
package protocol EndpointChooser: Sendable {
    /// For metrics and logs.
    var name: String { get }

    /// Chooses an endpoint and counts it in; the caller counts it out with ``EndpointState/end()``. On the loop only.
    func chooseEndpoint(
        hash: UInt64?, excluding tried: [EndpointState], context: RequestContext
    ) throws(ProxyFailure) -> EndpointChoice

    /// Takes note of how an endpoint did.
    func report(_ evidence: Evidence, of choice: EndpointChoice, at nanoseconds: Int64)

    /// What was chosen says nothing of its endpoint.
    func abandon(_ choice: EndpointChoice)

    /// Notes what is wrong, and what runs in the background, for the blueprint of who uses it.
    func describe(in blueprint: inout Blueprint)
}

extension Cluster: EndpointChooser {
    package func chooseEndpoint(
        hash: UInt64?, excluding tried: [EndpointState], context: RequestContext
    ) throws(ProxyFailure) -> EndpointChoice {
        try endpoint(hash: hash, excluding: tried, context: context)
    }

    package func describe(in blueprint: inout Blueprint) {
        blueprint.services.append(upkeep)
        check(&blueprint)
    }
}

/// One endpoint, of which nothing is known.
struct LoneEndpoint: EndpointChooser {
    private let state: EndpointState

    init(_ endpoint: Endpoint) { state = EndpointState(endpoint) }

    var name: String { state.endpoint.text }

    func chooseEndpoint(
        hash: UInt64?, excluding tried: [EndpointState], context: RequestContext
    ) throws(ProxyFailure) -> EndpointChoice {
        guard tried.isEmpty else {
            throw ProxyFailure(.pool, .gateway, .unavailable, endpoint: name, detail: "there is no other endpoint")
        }
        state.begin()
        return EndpointChoice(state: state)
    }

    func report(_ evidence: Evidence, of choice: EndpointChoice, at nanoseconds: Int64) {}

    func abandon(_ choice: EndpointChoice) {}

    func describe(in blueprint: inout Blueprint) {
        if let problem = state.endpoint.problem {
            blueprint.require(false, "forwards to \(name), which \(problem)", mend: "write it as host:port")
        }
    }
}

extension EndpointChoice {
    /// An endpoint that no breaker was asked about.
    package init(_ state: EndpointState) { self.init(state: state) }
}
