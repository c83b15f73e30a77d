/// Which fields of a message are meant for this connection alone and are not forwarded, RFC 9110 section 7.6.1.
///
/// These are the fields of ``HopByHop/names`` and those that `Connection` names:
/// ```swift
/// let hop = HopByHop(of: request.headers)
/// request.headers.write(into: &buffer, skip: { hop.drops($0, in: request.headers) })
/// hop.writeAcceptsTrailers(into: &buffer)
/// ```
///
/// `Connection` comes from the other side and must not be able to take away what this gateway relies on. So a name in
/// it counts for nothing when it names
/// - a field of ``HopByHop/isEndToEnd(_:)``, which section 7.6.1 forbids to name because it is meant for all recipients
///   (`Cache-Control` is its example), or which carries credentials or forwarding facts;
/// - a field that a part of this gateway has set, unless that part set `Connection` as well.
///
/// Decision 0007 says how other gateways do it and why.
package struct HopByHop: Sendable {
    /// What is never forwarded, whatever `Connection` says.
    ///
    /// `Proxy-Authenticate` and `Proxy-Authorization` are between a client and a proxy that it has chosen (RFC 9110
    /// section 11.7): a gateway is none, so credentials for a proxy never reach an origin, and no origin asks for them.
    /// `Trailer` stays: it announces what is forwarded (section 6.6.2). What of `TE` goes on, ``acceptsTrailers`` says.
    package static let names = KnownFields(
        .connection, .keepAlive, .proxyAuthenticate, .proxyAuthorization, .proxyConnection, .te, .transferEncoding,
        .upgrade
    )

    private let dropped: KnownFields
    /// What `Connection` names beyond ``names``, in lower case; empty for nearly every message.
    private let named: Set<String>
    private let sparesOwn: Bool

    /// Whether `TE` says that trailers are welcome (RFC 9110 section 10.1.4), which holds for the whole way to the
    /// origin.
    package let acceptsTrailers: Bool

    /// Reads the fields of a message once.
    ///
    /// - Parameters:
    ///   - keepingUpgrade: `Upgrade` stays, for whoever forwards the upgrade.
    ///   - also: Fields that are left out besides, such as those that the gateway writes anew.
    package init(of headers: Headers, keepingUpgrade: Bool = false, also: KnownFields = KnownFields()) {
        self.init(of: headers, having: KnownFields(of: headers), keepingUpgrade: keepingUpgrade, also: also)
    }

    /// The same for fields of which it is known which are present.
    package init(
        of headers: Headers,
        having present: KnownFields,
        keepingUpgrade: Bool = false,
        also: KnownFields = KnownFields()
    ) {
        var dropped = Self.names
        dropped.formUnion(also)
        if keepingUpgrade { dropped.remove(.upgrade) }
        self.dropped = dropped
        acceptsTrailers = present.contains(.te) && Self.acceptsTrailers(headers)
        guard present.contains(.connection) else {
            named = []
            sparesOwn = true
            return
        }
        var named: Set<String> = []
        var sparesOwn = true
        for entry in headers.entries where entry.known == .connection {
            Self.collectNames(of: entry, in: headers, into: &named)
            if entry.origin == .own { sparesOwn = false }
        }
        self.named = named
        self.sparesOwn = sparesOwn
    }

    /// Whether an entry is left out.
    @inline(__always)
    package func drops(_ entry: Headers.Entry, in headers: Headers) -> Bool {
        dropped.contains(entry.known) || (!named.isEmpty && isNamed(entry, in: headers))
    }

    /// Whether any of the fields that a message has is left out.
    func dropsAny(of present: KnownFields) -> Bool { !named.isEmpty || !dropped.isDisjoint(with: present) }

    /// Appends what tells an HTTP/1.1 origin that trailers are welcome, if they are. `Connection` may stand in a head
    /// twice.
    package func writeAcceptsTrailers(into buffer: inout some ByteSink) {
        // RFC 9110 section 10.1.4: the sender of TE names it in Connection.
        if acceptsTrailers { buffer.write("TE: trailers\r\nConnection: TE\r\n") }
    }

    /// Whether a field is meant for all recipients, or carries what this gateway or the origin decides by: `Connection`
    /// cannot take it away. `name` is in lower case.
    package static func isEndToEnd(_ name: String) -> Bool {
        switch name {
        // Meant for all recipients: control data, conditions, and what says how a recipient reads the content.
        case "accept", "age", "authorization", "cache-control", "cookie", "date", "etag", "expect", "expires", "host",
            "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified",
            "location", "origin", "pragma", "proxy-status", "range", "retry-after", "set-cookie", "traceparent",
            "tracestate", "trailer", "vary", "www-authenticate":
            true
        // Facts about the way of the message.
        case "cdn-loop", "forwarded", "via", "x-real-ip", "x-request-id":
            true
        default:
            // What describes the content, what browsers vouch for, and the rest of the X-Forwarded family.
            name.hasPrefix("content-") || name.hasPrefix("sec-") || name.hasPrefix("x-forwarded-")
                || name.hasPrefix("access-control-") || name.hasPrefix("accept-")
        }
    }

    private func isNamed(_ entry: Headers.Entry, in headers: Headers) -> Bool {
        if sparesOwn, entry.origin == .own { return false }
        return named.contains(headers.withName(of: entry) { String(decoding: $0).lowercased() })
    }

    /// Adds the options of one `Connection` line that name a field to drop.
    private static func collectNames(of entry: Headers.Entry, in headers: Headers, into named: inout Set<String>) {
        headers.withValue(of: entry) { value in
            var reader = FieldListReader()
            while let member = reader.next(in: value) {
                let option = value.extracting(member)
                guard !isConnectionOption(option) else { continue }
                let name = String(decoding: option).lowercased()
                if !isEndToEnd(name) { named.insert(name) }
            }
        }
    }

    /// Whether an option needs no look at the fields: it names none, or one of ``names``.
    private static func isConnectionOption(_ option: Span<UInt8>) -> Bool {
        switch option.count {
        case 5: spells(option, "close")
        case 10: spells(option, "keep-alive") || spells(option, "connection")
        default: names.contains(KnownField(name: option))
        }
    }

    private static func acceptsTrailers(_ headers: Headers) -> Bool {
        for entry in headers.entries where entry.known == .te {
            let accepts = headers.withValue(of: entry) { value in
                var reader = FieldListReader()
                while let member = reader.next(in: value) {
                    if spells(value.extracting(member), "trailers") { return true }
                }
                return false
            }
            if accepts { return true }
        }
        return false
    }

    private static func spells(_ text: Span<UInt8>, _ lowercase: StaticString) -> Bool {
        lowercase.withUTF8Buffer { equalIgnoringCase(text, lowercase: $0.span) }
    }
}

extension HopByHop {
    /// Whether a message with these fields can have any that concern the connection alone.
    package static func mayApply(to present: KnownFields) -> Bool { !names.isDisjoint(with: present) }
}

extension Headers {
    /// Removes the hop-by-hop fields of a message that was received. Costs one look at each field when there are none.
    package mutating func removeHopByHop(keepingUpgrade: Bool = false) {
        let present = KnownFields(of: self)
        let hop = HopByHop(of: self, having: present, keepingUpgrade: keepingUpgrade)
        guard hop.dropsAny(of: present) else { return }
        removeEntries(from: 0) { hop.drops($1, in: $0) }
    }
}
