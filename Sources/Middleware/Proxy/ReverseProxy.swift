import Logging

/// Forwards every request to one origin.
///
/// ## Placement
/// At the end of a chain. What resolves the client's address behind trusted proxies (``ClientAddress``) stands outside, so
/// that the origin is told of the client and not of the last proxy.
///
/// ```swift
/// try await Server(ReverseProxy(to: "http://127.0.0.1:9000"), listeners: [.http(port: 8080)]).run()
/// ```
/// ```swift
/// var configuration = ForwarderConfiguration()
/// configuration.headTimeout = .seconds(5)
/// configuration.host = .origin
/// let proxy = ReverseProxy(to: "unix:/run/app.sock", configuration)
/// ```
///
/// A failure is answered and logged here: 502 when the origin cannot be reached or breaks the protocol, 503 when there is no
/// room for another request, 504 when it takes too long (``ProxyFailure``). An answer that breaks off in its body cannot be
/// taken back: the client's connection is reset, so that it does not pass for a complete one.
///
/// How requests travel is ``Forwarder``'s business: streaming, hop-by-hop fields, `Via`, `X-Forwarded-For`. It does not
/// retry, does not balance and does not cache.
public struct ReverseProxy: Handler {
    private let endpoint: Endpoint
    private let forwarder: Forwarder
    private let configuration: ForwarderConfiguration

    /// A proxy to an origin: `host:port`, `http://host:port`, or `unix:/path`.
    public init(to endpoint: Endpoint, _ configuration: ForwarderConfiguration = ForwarderConfiguration()) {
        self.endpoint = endpoint
        self.configuration = configuration
        forwarder = Forwarder(configuration)
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("ReverseProxy to \(endpoint)", placement: Placement(follows: ["client address"]))
        if let problem = endpoint.problem {
            blueprint.require(
                false, "\(endpoint.text) \(problem)", mend: "give host:port, http://host:port or unix:/path")
        }
        configuration.check(&blueprint)
        return blueprint
    }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        do {
            return try await forwarder.forward(request, to: endpoint, context: context)
        } catch let failure as ProxyFailure {
            context.logger.warning(
                "forwarding failed",
                metadata: ["endpoint": "\(endpoint)", "code": "\(failure.code)", "detail": "\(failure.detail)"]
            )
            return Response(failure.answer)
        }
    }
}

extension ForwarderConfiguration {
    /// Notes the values that are out of range.
    func check(_ blueprint: inout Blueprint) {
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
