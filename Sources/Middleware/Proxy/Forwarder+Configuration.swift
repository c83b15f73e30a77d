extension Forwarder {
    /// How requests are forwarded: timeouts, connections, and what is said about the way they came.
    public struct Configuration: Sendable {
        /// The connections to each endpoint.
        public var connections = ConnectionLimits()
        /// From the last byte of a request to the head of its answer; then 504. 60 seconds unless set; zero or less is
        /// no limit.
        public var headTimeout = Duration.seconds(60)
        /// Between two reads of an answer's body that bring something, and for an endpoint to take any of a request's
        /// body; then the exchange is broken off, in the second case between one and two of these limits after
        /// something was taken. 60 seconds unless set; zero or less is no limit.
        public var idleTimeout = Duration.seconds(60)
        /// For the whole exchange, to the last byte of the answer's body. No limit unless set, because a download may
        /// take as long as it takes.
        public var totalTimeout: Duration?
        /// What the endpoint reads as `Host`.
        public var host = HostPolicy.preserve
        /// What the endpoint is told about the client.
        public var forwarded = ForwardedHeaders()
        /// What `Via` says.
        public var via = Via()

        public init() {}
    }
}

extension Forwarder.Configuration {
    /// Notes the values that are out of range, for the blueprint of a handler that holds a ``Forwarder``.
    public func check(_ blueprint: inout Blueprint) {
        if let problem = host.problem { blueprint.require(false, problem, mend: "give host or host:port") }
        if let problem = via.problem { blueprint.require(false, problem, mend: "give letters, digits and hyphens") }
        for problem in forwarded.problems { blueprint.require(false, problem, mend: "give a name such as _edge1") }
        let limits = connections
        blueprint.require(limits.connections > 0, "has \(limits.connections) connections", mend: "give 1 or more")
        blueprint.require(
            limits.idleConnections >= 0,
            "has \(limits.idleConnections) idle connections",
            mend: "give 0 or more"
        )
        blueprint.require(
            limits.queuedRequests >= 0,
            "has a queue of \(limits.queuedRequests) requests",
            mend: "give 0 or more"
        )
        blueprint.require(
            limits.requestsPerConnection > 0,
            "has \(limits.requestsPerConnection) requests for each connection",
            mend: "give 1 or more"
        )
        for (name, duration) in [
            ("a connect timeout", limits.connectTimeout), ("a queue timeout", limits.queueTimeout),
            ("an idle timeout", limits.idleTimeout),
        ] {
            blueprint.require(duration > .zero, "has \(name) of \(duration)", mend: "give more than zero")
        }
        if let totalTimeout {
            blueprint.require(
                totalTimeout > .zero, "has a total timeout of \(totalTimeout)", mend: "give more than zero")
        }
    }
}
