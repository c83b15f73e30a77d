import NIOCore

/// What an origin is told about the client behind the gateway: `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded`
/// (RFC 7239).
///
/// ```swift
/// ForwardedHeaders()                          // the X-Forwarded fields; a client cannot forge them; no `Forwarded`
/// var headers = ForwardedHeaders()
/// headers.forwarded = .append                 // for origins that read RFC 7239
/// headers.xForwardedFor = .replace            // the client's address alone, without the way
/// ```
///
/// What a client sends in these fields reaches no origin, unless a policy is ``Policy/pass``: fields are kept only from
/// a proxy that ``ClientAddress`` trusts, and only those that it was told this proxy writes (``PeerTrust``). Without a
/// ``ClientAddress`` every request is told from scratch.
///
/// It knows these four fields and no others: `X-Real-IP` and the like are for a header rewrite. Decision 0007.
public struct ForwardedHeaders: Sendable {
    /// What becomes of one field.
    public enum Policy: Sendable, Hashable {
        /// What a trusted proxy has written stays: a list (`X-Forwarded-For`, `Forwarded`) gets our entry behind it, a
        /// single value (`X-Forwarded-Proto`, `X-Forwarded-Host`) stays as it is. From anybody else: ``replace``.
        case append
        /// Only what this gateway knows: the client's address, the scheme and the authority, as ``ClientAddress`` has
        /// found them.
        case replace
        /// The field does not reach the origin.
        case remove
        /// The field passes as it came, from anybody. Nothing that reads it can know who wrote it.
        case pass
    }

    /// How a party is named in `Forwarded` (RFC 7239 section 6).
    public enum Node: Sendable, Hashable {
        /// By its address.
        case address
        /// By its address and port.
        case addressAndPort
        /// As `unknown`: somebody was there, who is not told.
        case unknown
        /// By a name of this kind: `_`, then letters, digits and `._-`.
        case obfuscated(String)
    }

    /// The addresses that the request came through, the client's first. ``Policy/append``.
    public var xForwardedFor = Policy.append
    /// `http` or `https`, as the client spoke. ``Policy/append``.
    public var xForwardedProto = Policy.append
    /// The authority that the client asked for. ``Policy/append``.
    public var xForwardedHost = Policy.append
    /// All of this in one standard field. ``Policy/remove``, so that an origin which prefers it is not told lies.
    public var forwarded = Policy.remove
    /// How `for` of `Forwarded` names who connected to this gateway. ``Node/address``.
    public var forwardedFor = Node.address
    /// How `by` of `Forwarded` names this gateway; `nil`, the default, leaves it out.
    public var forwardedBy: Node?

    public init() {}

    /// Every field reaches the origin as the client sent it: for a gateway whose neighbours do this.
    public static var untouched: ForwardedHeaders {
        var headers = ForwardedHeaders()
        headers.xForwardedFor = .pass
        headers.xForwardedProto = .pass
        headers.xForwardedHost = .pass
        headers.forwarded = .pass
        return headers
    }

    /// What is wrong with it; empty for usable values.
    public var problems: [String] {
        [forwardedFor, forwardedBy].compactMap { node in
            guard case .obfuscated(let name) = node, !Self.isObfuscated(name) else { return nil }
            return "names a node \(name), which is not _ and letters, digits or ._-"
        }
    }

    // MARK: For the forwarder

    /// What is known of a request when its head is written. Read where it is needed rather than copied out.
    package struct Facts {
        private let head: Request.Head
        private let context: RequestContext
        package let trust: PeerTrust

        /// The facts of a request in its context. The authority is the client's, whatever Host the origin is sent.
        package init(_ head: Request.Head, trust: PeerTrust, context: RequestContext) {
            self.head = head
            self.trust = trust
            self.context = context
        }

        fileprivate var scheme: String { head.scheme }
        fileprivate var authority: Authority { head.clientAuthority }
        fileprivate var peer: Peer { context.peer }
        /// The text of the peer's address, made once a connection.
        fileprivate var peerText: AddressText { context.peerText }
        /// Who sent the request, when somebody has found out.
        fileprivate var client: SocketAddress? { context[ClientAddressKey.self] }
        fileprivate var clientText: AddressText { client.map { AddressText($0) } ?? peerText }
    }

    /// The fields of a request that do not pass as they came.
    package func replaced(having present: KnownFields, trust: PeerTrust) -> KnownFields {
        var fields = KnownFields()
        if xForwardedFor != .pass { fields.insert(.xForwardedFor) }
        if forwarded != .pass { fields.insert(.forwarded) }
        if xForwardedProto != .pass, !keeps(.xForwardedProto, xForwardedProto, .xForwardedProto, present, trust) {
            fields.insert(.xForwardedProto)
        }
        if xForwardedHost != .pass, !keeps(.xForwardedHost, xForwardedHost, .xForwardedHost, present, trust) {
            fields.insert(.xForwardedHost)
        }
        return fields
    }

    /// Appends the lines that stand for what ``replaced(having:trust:)`` leaves out.
    package func write(
        _ facts: Facts,
        for headers: Headers,
        having present: KnownFields,
        into buffer: inout some ByteSink
    ) {
        writeFor(facts, headers, into: &buffer)
        if writes(xForwardedProto), !keeps(.xForwardedProto, xForwardedProto, .xForwardedProto, present, facts.trust) {
            writeProto(facts.scheme, into: &buffer)
        }
        if writes(xForwardedHost), !keeps(.xForwardedHost, xForwardedHost, .xForwardedHost, present, facts.trust),
            !facts.authority.isEmpty
        {
            buffer.write("X-Forwarded-Host: ")
            facts.authority.write(into: &buffer)
            buffer.write("\r\n")
        }
        if writes(forwarded) { writeForwarded(facts, headers, into: &buffer) }
    }

    private func writes(_ policy: Policy) -> Bool { policy == .append || policy == .replace }

    /// Whether the single value of a trusted proxy stays.
    private func keeps(
        _ field: KnownField,
        _ policy: Policy,
        _ vouched: PeerTrust,
        _ present: KnownFields,
        _ trust: PeerTrust
    ) -> Bool {
        policy == .append && trust.contains(vouched) && present.contains(field)
    }

    private func writeFor(_ facts: Facts, _ headers: Headers, into buffer: inout some ByteSink) {
        guard writes(xForwardedFor) else { return }
        let start = buffer.writerIndex
        buffer.write("X-Forwarded-For: ")
        let startOfValue = buffer.writerIndex
        if xForwardedFor == .append, facts.trust.contains(.xForwardedFor) {
            headers.writeMembers(of: .xForwardedFor, into: &buffer)
            if facts.peerText.isEmpty, buffer.writerIndex > startOfValue {
                // A Unix-domain socket has no address to add: the comma goes again.
                buffer.moveWriterIndex(to: buffer.writerIndex - 2)
            } else {
                facts.peerText.write(into: &buffer)
            }
        } else {
            facts.clientText.write(into: &buffer)
        }
        guard buffer.writerIndex > startOfValue else {
            buffer.moveWriterIndex(to: start)
            return
        }
        buffer.write("\r\n")
    }

    private func writeProto(_ scheme: String, into buffer: inout some ByteSink) {
        switch scheme {
        case "http": buffer.write("X-Forwarded-Proto: http\r\n")
        case "https": buffer.write("X-Forwarded-Proto: https\r\n")
        default:
            guard FieldGrammar.isToken(scheme.utf8.span) else { return }
            buffer.write(text: "X-Forwarded-Proto: \(scheme)\r\n")
        }
    }
}

// MARK: - RFC 7239

extension ForwardedHeaders {
    private func writeForwarded(_ facts: Facts, _ headers: Headers, into buffer: inout some ByteSink) {
        buffer.write("Forwarded: ")
        let isAppended = forwarded == .append && facts.trust.contains(.forwarded)
        if isAppended { headers.writeMembers(of: .forwarded, into: &buffer) }
        // Behind trusted proxies that speak of the client, our entry is about who connected to us.
        let told = isAppended ? facts.peer.remote : facts.client ?? facts.peer.remote
        // RFC 7239 section 5.2: `for` is where the request came from; section 4: `unknown` when that cannot be told.
        buffer.write("for=")
        writeNode(forwardedFor, told, into: &buffer)
        if let forwardedBy {
            buffer.write(";by=")
            writeNode(forwardedBy, facts.peer.local, into: &buffer)
        }
        if !facts.authority.isEmpty, let host = QuotedString.tokenOrEncoded(facts.authority.text) {
            buffer.write(";host=")
            buffer.write(text: host)
        }
        if FieldGrammar.isToken(facts.scheme.utf8.span) {
            buffer.write(";proto=")
            buffer.write(text: facts.scheme)
        }
        buffer.write("\r\n")
    }

    private func writeNode(_ node: Node, _ address: SocketAddress?, into buffer: inout some ByteSink) {
        switch node {
        case .unknown:
            buffer.write("unknown")
        case .obfuscated(let name):
            buffer.write(text: Self.isObfuscated(name) ? name : "unknown")
        case .address:
            writeAddress(address, port: nil, into: &buffer)
        case .addressAndPort:
            writeAddress(address, port: address?.port, into: &buffer)
        }
    }

    private func writeAddress(_ address: SocketAddress?, port: Int?, into buffer: inout some ByteSink) {
        let text = AddressText(address)
        guard !text.isEmpty else {
            buffer.write("unknown")
            return
        }
        // RFC 7239 section 4: what holds a colon or a bracket is no token, so it is quoted; section 6: IPv6 in
        // brackets.
        let isQuoted = text.isIPv6 || port != nil
        if isQuoted { buffer.write("\"") }
        if text.isIPv6 { buffer.write("[") }
        text.write(into: &buffer)
        if text.isIPv6 { buffer.write("]") }
        if let port { buffer.write(text: ":\(port)") }
        if isQuoted { buffer.write("\"") }
    }

    /// RFC 7239 section 6.3.
    private static func isObfuscated(_ name: String) -> Bool {
        let bytes = name.utf8.span
        guard bytes.count > 1, bytes[0] == UInt8(ascii: "_") else { return false }
        for index in bytes.indices where bytes[index] == UInt8(ascii: "~") || !ByteSet.unreserved.contains(bytes[index])
        {
            return false
        }
        return true
    }
}
