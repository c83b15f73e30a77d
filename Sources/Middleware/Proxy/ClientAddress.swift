package import NIOCore

/// Finds out who sent a request that came through trusted proxies, and tells everybody inside.
///
/// The other end of the connection is the client unless it is a trusted proxy. Then the forwarding field is read from
/// its end, where the nearest proxy wrote: every entry that is a trusted proxy itself is passed over, and the first
/// that is none is the client. What stands left of it was written by somebody who is not trusted, and is not looked at.
/// ```
/// X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.0.0.3        from 10.0.0.2, trusting 10.0.0.0/8: 198.51.100.7
/// ```
/// An entry that is no address (`unknown`, an obfuscated name, garbage) ends the walk at the proxy that reported it.
/// When every entry is a trusted proxy, the first is the client.
///
/// It sets ``ClientAddressKey`` and ``PeerTrustKey``, and the request's scheme and authority as configured. It believes
/// exactly one forwarding field, because of two that disagree one was written by the client. It does not change the
/// fields of the request (``ForwardedHeaders`` does that on the way out) and refuses nobody.
///
/// ## Placement
/// Outside everything that asks who the client is: logs, address rules, limiters, the proxy. Provides `client address`.
///
/// ## Example
/// ```swift
/// ClientAddress(trusting: ["10.0.0.0/8", "2001:db8:1::/48"])
/// ```
/// Customised, behind a proxy of another kind:
/// ```swift
/// var configuration = ClientAddress.Configuration()
/// configuration.field = .forwarded
/// configuration.adoptsAuthority = true
/// ClientAddress(trusting: ["192.0.2.10"], configuration)
/// ClientAddress(hops: 2)                                  // behind two proxies whose addresses are not known
/// ```
/// A handler inside reads `context[ClientAddressKey.self]`.
public struct ClientAddress: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// The field that trusted proxies write.
        public enum Field: Sendable, Hashable {
            /// `X-Forwarded-For`, with `X-Forwarded-Proto` and `X-Forwarded-Host` beside it.
            case xForwardedFor
            /// `Forwarded`, RFC 7239; scheme and authority are those of the entry that names the client.
            case forwarded
        }

        /// The one field that is believed. ``Field/xForwardedFor`` unless set.
        public var field = Field.xForwardedFor
        /// Whether ``Request/scheme`` becomes what the trusted proxy says. It does unless set; set it to false for a
        /// proxy that lets the client's own `X-Forwarded-Proto` through.
        public var adoptsScheme = true
        /// Whether ``Request/authority`` becomes what the trusted proxy says. Not unless set: many proxies that write
        /// `X-Forwarded-For` let the client's own `X-Forwarded-Host` through, and keep `Host` anyway.
        public var adoptsAuthority = false
        /// Whether who connects over a Unix-domain socket is a trusted proxy. Not unless set.
        public var trustsUnixSockets = false

        public init() {}
    }

    private enum Rule: Sendable {
        case networks([Network])
        case hops(Int)
    }

    private let configuration: Configuration
    private let rule: Rule

    /// Behind proxies whose addresses are in `networks`; bad values are reported by the ``blueprint``.
    public init(trusting networks: [Network], _ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        rule = .networks(networks)
    }

    /// Behind exactly that many proxies, whatever their addresses: with 1, the last entry is the client.
    ///
    /// Only for a listener that nobody but the nearest proxy can reach, since anybody else is believed as well. A
    /// request with fewer readable entries came some other way: nothing of it is believed.
    public init(hops: Int, _ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        rule = .hops(hops)
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("ClientAddress", placement: Placement(provides: ["client address"]))
        blueprint.preview = { _ in .passes }
        switch rule {
        case .networks(let networks):
            for network in networks {
                blueprint.require(
                    network.problem == nil,
                    "trusts \(network), which \(network.problem ?? "")",
                    mend: "write an address or a range such as 10.0.0.0/8"
                )
            }
        case .hops(let hops):
            blueprint.require(
                hops > 0,
                "stands behind \(hops) proxies",
                mend: "count the proxies in front, or leave it out when there are none"
            )
        }
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        let peer = context.peer.remote
        let found = resolve(peer: peer, headers: request.headers)
        if let client = found.client { context[ClientAddressKey.self] = client }
        if found.trust != context[PeerTrustKey.self] { context[PeerTrustKey.self] = found.trust }
        if let scheme = found.scheme { request.scheme = scheme }
        if let authority = found.authority { request.authority = authority }
        return nil
    }

    // MARK: The walk

    /// What is found out about a request.
    package struct Finding: Sendable {
        /// Who sent it; `nil` when it came over a Unix-domain socket and nobody says more.
        package var client: SocketAddress?
        /// Which fields are believed.
        package var trust: PeerTrust = []
        /// `http` or `https`, when that is said.
        package var scheme: String?
        /// `host[:port]`, when that is said.
        package var authority: String?
    }

    /// Decides by the other end of the connection and the fields alone.
    package func resolve(peer: SocketAddress?, headers: Headers) -> Finding {
        let address = peer.flatMap { IPAddress($0) }
        var finding = Finding(client: Self.unmapped(peer, address))
        guard isTrusted(address, depth: 0) else { return finding }
        var walk = Walk()
        let isComplete = follow(&walk, headers)
        if case .hops = rule, !isComplete { return finding }
        if let node = walk.client { finding.client = node.address.socketAddress(port: node.port) }
        switch configuration.field {
        case .xForwardedFor:
            finding.trust = .xForwardedFor
            if configuration.adoptsScheme {
                finding.trust.insert(.xForwardedProto)
                finding.scheme = headers.withOnlyValue(of: .xForwardedProto, Self.scheme)
            }
            if configuration.adoptsAuthority {
                finding.trust.insert(.xForwardedHost)
                finding.authority = headers.withOnlyValue(of: .xForwardedHost, Self.authority)
            }
        case .forwarded:
            finding.trust = .forwarded
            if configuration.adoptsScheme { finding.scheme = walk.proto.flatMap { Self.scheme($0.utf8.span) } }
            if configuration.adoptsAuthority { finding.authority = walk.host.flatMap { Self.authority($0.utf8.span) } }
        }
        return finding
    }

    /// How far the field has been followed.
    private struct Walk {
        var client: ForwardedNode?
        var proto: String?
        var host: String?
        var depth = 0
    }

    /// Follows the field from its end. Returns whether it came to an entry that is not a trusted proxy.
    private func follow(_ walk: inout Walk, _ headers: Headers) -> Bool {
        let field: KnownField = configuration.field == .forwarded ? .forwarded : .xForwardedFor
        for entry in headers.entries.reversed() where entry.known == field {
            var step = walk
            let end: Bool? = headers.withValue(of: entry) { value in
                var reader = BackwardListReader(value)
                while let range = reader.next(in: value) {
                    guard read(value.extracting(range), into: &step) else { return false }
                    step.depth += 1
                    guard isTrusted(step.client?.address, depth: step.depth) else { return true }
                }
                return nil
            }
            walk = step
            if let end { return end }
        }
        return false
    }

    /// Reads one entry; `false` when it does not name an address.
    private func read(_ entry: Span<UInt8>, into walk: inout Walk) -> Bool {
        guard configuration.field == .forwarded else {
            guard let node = ForwardedNode(entry) else { return false }
            walk.client = node
            return true
        }
        // RFC 7239 section 4: each parameter at most once.
        guard let parameters = FieldParameters(bytes: entry), parameters.names(once: "for"),
            let text = parameters["for"], let node = ForwardedNode(text.utf8.span)
        else { return false }
        walk.client = node
        walk.proto = parameters.names(once: "proto") ? parameters["proto"] : nil
        walk.host = parameters.names(once: "host") ? parameters["host"] : nil
        return true
    }

    /// Whether the party at that distance is a trusted proxy; `nil` is a Unix-domain socket.
    private func isTrusted(_ address: IPAddress?, depth: Int) -> Bool {
        switch rule {
        case .hops(let hops):
            return depth < hops
        case .networks(let networks):
            guard let address else { return configuration.trustsUnixSockets }
            for network in networks where network.contains(address) { return true }
            return false
        }
    }

    /// An IPv4 client of a listener for both families goes by its IPv4 address.
    private static func unmapped(_ peer: SocketAddress?, _ address: IPAddress?) -> SocketAddress? {
        guard case .v6 = peer, let address, address.isIPv4 else { return address == nil ? nil : peer }
        return address.socketAddress(port: UInt16(truncatingIfNeeded: peer?.port ?? 0))
    }

    private static func scheme(_ text: Span<UInt8>) -> String? {
        // Some proxies name the scheme of a WebSocket.
        switch String(decoding: text).lowercased() {
        case "http", "ws": "http"
        case "https", "wss": "https"
        default: nil
        }
    }

    private static func authority(_ text: Span<UInt8>) -> String? {
        AuthorityGrammar.isAuthority(text) ? String(decoding: text) : nil
    }
}

extension Headers {
    /// Lends the value of a field that is there once; `nil` for none or several, of which one may be the client's.
    fileprivate func withOnlyValue<R>(of known: KnownField, _ body: (Span<UInt8>) -> R?) -> R? {
        var found: Entry?
        for entry in entries where entry.known == known {
            guard found == nil else { return nil }
            found = entry
        }
        return found.flatMap { withValue(of: $0, body) }
    }
}

extension FieldParameters {
    fileprivate func names(once name: String) -> Bool {
        reduce(0) { $1.name == name ? $0 + 1 : $0 } == 1
    }
}
