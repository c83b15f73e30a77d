/// The field names that the library itself acts on, recognised once while a head is read so that framing, hop-by-hop
/// removal and forwarding compare one byte instead of a name.
///
/// A field whose name is not in this list is ``other`` and is found by its name.
package enum KnownField: UInt8, Sendable, CaseIterable {
    case other
    case connection
    case contentLength
    case date
    case expect
    case forwarded
    case host
    case keepAlive
    case proxyAuthenticate
    case proxyAuthorization
    case proxyConnection
    case server
    case te
    case trailer
    case transferEncoding
    case upgrade
    case via
    case xForwardedFor
    case xForwardedHost
    case xForwardedProto

    /// The lower-case spelling, empty for ``other``.
    package var canonicalName: StaticString {
        switch self {
        case .other: ""
        case .connection: "connection"
        case .contentLength: "content-length"
        case .date: "date"
        case .expect: "expect"
        case .forwarded: "forwarded"
        case .host: "host"
        case .keepAlive: "keep-alive"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyConnection: "proxy-connection"
        case .server: "server"
        case .te: "te"
        case .trailer: "trailer"
        case .transferEncoding: "transfer-encoding"
        case .upgrade: "upgrade"
        case .via: "via"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        }
    }

    /// The known field that `name` spells, in any case.
    package init(name: Span<UInt8>) {
        guard !name.isEmpty else {
            self = .other
            return
        }
        // Length and first letter leave at most two candidates, so most names are decided without reading them.
        let candidate: KnownField
        switch (name.count, name[0] | 0x20) {
        case (2, UInt8(ascii: "t")): candidate = .te
        case (3, UInt8(ascii: "v")): candidate = .via
        case (4, UInt8(ascii: "d")): candidate = .date
        case (4, UInt8(ascii: "h")): candidate = .host
        case (6, UInt8(ascii: "e")): candidate = .expect
        case (6, UInt8(ascii: "s")): candidate = .server
        case (7, UInt8(ascii: "t")): candidate = .trailer
        case (7, UInt8(ascii: "u")): candidate = .upgrade
        case (9, UInt8(ascii: "f")): candidate = .forwarded
        case (10, UInt8(ascii: "c")): candidate = .connection
        case (10, UInt8(ascii: "k")): candidate = .keepAlive
        case (14, UInt8(ascii: "c")): candidate = .contentLength
        case (15, UInt8(ascii: "x")): candidate = .xForwardedFor
        case (16, UInt8(ascii: "p")): candidate = .proxyConnection
        case (16, UInt8(ascii: "x")): candidate = .xForwardedHost
        case (17, UInt8(ascii: "t")): candidate = .transferEncoding
        case (17, UInt8(ascii: "x")): candidate = .xForwardedProto
        case (18, UInt8(ascii: "p")): candidate = .proxyAuthenticate
        case (19, UInt8(ascii: "p")): candidate = .proxyAuthorization
        default:
            self = .other
            return
        }
        self = candidate.canonicalName.spells(name) ? candidate : .other
    }
}

extension StaticString {
    /// Whether `name` is this lower-case field name in any case.
    fileprivate func spells(_ name: Span<UInt8>) -> Bool {
        withUTF8Buffer { equalIgnoringCase(name, lowercase: $0.span) }
    }
}

/// Whether `name` equals `lowercase`, ASCII letters of `name` in either case.
package func equalIgnoringCase(_ name: Span<UInt8>, lowercase: Span<UInt8>) -> Bool {
    guard name.count == lowercase.count else { return false }
    for index in name.indices {
        let (byte, expected) = (name[index], lowercase[index])
        // Setting bit 5 alone would also make `^` and `~` equal, both of which are legal in a name.
        guard byte == expected || (byte | 0x20 == expected && expected &- 0x61 < 26) else { return false }
    }
    return true
}
