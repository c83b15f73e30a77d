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
/// var configuration = Forwarder.Configuration()
/// configuration.headTimeout = .seconds(5)
/// configuration.host = .origin
/// let proxy = ReverseProxy(to: "unix:/run/app.sock", configuration)
/// ```
///
/// A failure is answered and logged here (as a warning; at debug when the client is at fault): 502 when the origin
/// cannot be reached or breaks the protocol, 503 when there is no room for another request, 504 when it takes too long
/// (``ProxyFailure``). An answer that breaks off in its body cannot be taken back: the client's connection is reset, so
/// that it does not pass for a complete one.
///
/// How requests travel is ``Forwarder``'s business: streaming, hop-by-hop fields, `Via`, `X-Forwarded-For`. It does not
/// retry, does not balance and does not cache.
public struct ReverseProxy: Handler {
    private let endpoint: Endpoint
    private let forwarder: Forwarder

    /// A proxy to an origin: `host:port`, `http://host:port`, or `unix:/path`.
    public init(to endpoint: Endpoint, _ configuration: Forwarder.Configuration = Forwarder.Configuration()) {
        self.endpoint = endpoint
        forwarder = Forwarder(configuration)
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("ReverseProxy to \(endpoint)", placement: Placement(follows: ["client address"]))
        if let problem = endpoint.problem {
            blueprint.require(
                false, "\(endpoint.text) \(problem)", mend: "give host:port, http://host:port or unix:/path")
        }
        forwarder.configuration.check(&blueprint)
        return blueprint
    }

    @inline(__always)
    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        do {
            return try await forwarder.forward(request, to: endpoint, context: context)
        } catch let failure as ProxyFailure {
            // What a client does wrong is no news, and a client can cause any number of such lines.
            context.logger.log(
                level: failure.side == .client ? .debug : .warning,
                "forwarding failed",
                metadata: ["endpoint": "\(endpoint)", "code": "\(failure.code)", "detail": "\(failure.detail)"]
            )
            return Response(failure.answer)
        }
    }
}
