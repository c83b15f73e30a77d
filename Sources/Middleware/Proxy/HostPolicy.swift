/// Which authority the origin is asked for in `Host` (`:authority`).
///
/// ```swift
/// ReverseProxy(to: "http://origin.internal", host: .origin)
/// ```
///
/// ``preserve`` is the default, as it is of Envoy, HAProxy, Caddy and Traefik, because links, redirects and cookies
/// that an origin makes from `Host` are then right for the client. nginx and YARP send the origin's own name; that is
/// what a shared host or a CDN behind the gateway needs. Decision 0007.
public enum HostPolicy: Sendable, Hashable {
    /// What the client asked for. A request without an authority (HTTP/1.0) takes the endpoint's.
    case preserve
    /// The endpoint's own: its host, and its port unless that is the default.
    case origin
    /// Always this `host[:port]`.
    case fixed(String)

    /// What is wrong with it; `nil` for a usable policy.
    public var problem: String? {
        guard case .fixed(let text) = self else { return nil }
        return AuthorityGrammar.isAuthority(text.utf8.span) ? nil : "sends Host \(text), which is no host[:port]"
    }

    /// The authority of the forwarded request.
    package func authority(client: Authority, endpoint: String) -> Authority {
        switch self {
        case .preserve: client.isEmpty ? Authority(endpoint) : client
        case .origin: Authority(endpoint)
        case .fixed(let text): Authority(text)
        }
    }
}
