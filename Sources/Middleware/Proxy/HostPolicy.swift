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

/// What may be the authority of a request that is forwarded.
enum AuthorityGrammar {
    /// Whether the bytes are `host[:port]`: an IPv6 address in brackets, or a name or IPv4 address of letters, digits
    /// and `-._~`. Stricter than `reg-name` (RFC 3986 section 3.2.2): percent-encodings and sub-delims have no place in
    /// a host that is believed from a header.
    static func isAuthority(_ text: Span<UInt8>) -> Bool {
        var end = 0
        if !text.isEmpty, text[0] == UInt8(ascii: "[") {
            guard let (_, close) = bracketed(text) else { return false }
            end = close
        } else {
            while end < text.count, ByteSet.unreserved.contains(text[end]) { end += 1 }
            guard end > 0 else { return false }
        }
        guard end < text.count else { return true }
        guard text[end] == UInt8(ascii: ":") else { return false }
        return port(text.extracting((end + 1)..<text.count)) != nil
    }

    /// The IPv6 address in the brackets that the text begins with, and the offset behind them.
    static func bracketed(_ text: Span<UInt8>) -> (IPAddress, end: Int)? {
        var end = 0
        var hasColon = false
        while end < text.count, text[end] != UInt8(ascii: "]") {
            if text[end] == UInt8(ascii: ":") { hasColon = true }
            end += 1
        }
        guard hasColon, end < text.count, let address = IPAddress(text.extracting(1..<end)) else { return nil }
        return (address, end + 1)
    }

    /// `1*5DIGIT` up to 65535.
    static func port(_ text: Span<UInt8>) -> UInt16? {
        guard text.count <= 5, let number = FieldGrammar.decimal(text) else { return nil }
        return UInt16(exactly: number)
    }
}
