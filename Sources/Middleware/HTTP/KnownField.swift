/// The field names that the library itself acts on, recognised once while a head is read so that framing, hop-by-hop
/// removal and forwarding compare one byte instead of a name.
///
/// A field whose name is not in this list is ``other`` and is found by its name.
package enum KnownField: UInt8, Sendable, CaseIterable {
    case other
    case accessControlAllowCredentials
    case accessControlAllowOrigin
    case accessControlExposeHeaders
    case connection
    case contentLength
    case contentSecurityPolicy
    case contentSecurityPolicyReportOnly
    case crossOriginEmbedderPolicy
    case crossOriginOpenerPolicy
    case crossOriginResourcePolicy
    case date
    case expect
    case forwarded
    case host
    case keepAlive
    case origin
    case permissionsPolicy
    case proxyAuthenticate
    case proxyAuthorization
    case proxyConnection
    case referrerPolicy
    case secFetchSite
    case server
    case strictTransportSecurity
    case te
    case trailer
    case transferEncoding
    case upgrade
    case vary
    case via
    case xContentTypeOptions
    case xForwardedFor
    case xForwardedHost
    case xForwardedProto
    case xFrameOptions
    case xHTTPMethod
    case xHTTPMethodOverride
    case xMethodOverride

    /// The lower-case spelling, empty for ``other``.
    package var canonicalName: StaticString {
        switch self {
        case .other: ""
        case .accessControlAllowCredentials: "access-control-allow-credentials"
        case .accessControlAllowOrigin: "access-control-allow-origin"
        case .accessControlExposeHeaders: "access-control-expose-headers"
        case .connection: "connection"
        case .contentLength: "content-length"
        case .contentSecurityPolicy: "content-security-policy"
        case .contentSecurityPolicyReportOnly: "content-security-policy-report-only"
        case .crossOriginEmbedderPolicy: "cross-origin-embedder-policy"
        case .crossOriginOpenerPolicy: "cross-origin-opener-policy"
        case .crossOriginResourcePolicy: "cross-origin-resource-policy"
        case .date: "date"
        case .expect: "expect"
        case .forwarded: "forwarded"
        case .host: "host"
        case .keepAlive: "keep-alive"
        case .origin: "origin"
        case .permissionsPolicy: "permissions-policy"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyConnection: "proxy-connection"
        case .referrerPolicy: "referrer-policy"
        case .secFetchSite: "sec-fetch-site"
        case .server: "server"
        case .strictTransportSecurity: "strict-transport-security"
        case .te: "te"
        case .trailer: "trailer"
        case .transferEncoding: "transfer-encoding"
        case .upgrade: "upgrade"
        case .vary: "vary"
        case .via: "via"
        case .xContentTypeOptions: "x-content-type-options"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xFrameOptions: "x-frame-options"
        case .xHTTPMethod: "x-http-method"
        case .xHTTPMethodOverride: "x-http-method-override"
        case .xMethodOverride: "x-method-override"
        }
    }

    /// The known field that `name` spells, in any case.
    package init(name: Span<UInt8>) {
        guard !name.isEmpty else {
            self = .other
            return
        }
        // Length and a letter or two leave at most one candidate, so most names are decided without reading them.
        let letter = name[0] | 0x20
        let candidate: KnownField
        switch name.count {
        case 2: candidate = letter == UInt8(ascii: "t") ? .te : .other
        case 3: candidate = letter == UInt8(ascii: "v") ? .via : .other
        case 4:
            candidate =
                letter == UInt8(ascii: "h")
                ? .host : letter == UInt8(ascii: "d") ? .date : letter == UInt8(ascii: "v") ? .vary : .other
        case 6:
            candidate =
                letter == UInt8(ascii: "s")
                ? .server : letter == UInt8(ascii: "e") ? .expect : letter == UInt8(ascii: "o") ? .origin : .other
        case 7: candidate = letter == UInt8(ascii: "u") ? .upgrade : letter == UInt8(ascii: "t") ? .trailer : .other
        case 9: candidate = letter == UInt8(ascii: "f") ? .forwarded : .other
        case 10:
            candidate = letter == UInt8(ascii: "c") ? .connection : letter == UInt8(ascii: "k") ? .keepAlive : .other
        case 13: candidate = letter == UInt8(ascii: "x") ? .xHTTPMethod : .other
        case 14:
            candidate =
                letter == UInt8(ascii: "c") ? .contentLength : letter == UInt8(ascii: "s") ? .secFetchSite : .other
        case 15:
            candidate =
                letter == UInt8(ascii: "r")
                ? .referrerPolicy
                : letter != UInt8(ascii: "x")
                    ? .other : name[3] | 0x20 == UInt8(ascii: "o") ? .xForwardedFor : .xFrameOptions
        case 16:
            candidate =
                letter == UInt8(ascii: "x") ? .xForwardedHost : letter == UInt8(ascii: "p") ? .proxyConnection : .other
        case 17:
            candidate =
                letter == UInt8(ascii: "t")
                ? .transferEncoding
                : letter != UInt8(ascii: "x")
                    ? .other : name[2] | 0x20 == UInt8(ascii: "f") ? .xForwardedProto : .xMethodOverride
        case 18: candidate = name[1] | 0x20 == UInt8(ascii: "r") ? .proxyAuthenticate : .permissionsPolicy
        case 19: candidate = letter == UInt8(ascii: "p") ? .proxyAuthorization : .other
        case 22: candidate = name[2] | 0x20 == UInt8(ascii: "c") ? .xContentTypeOptions : .xHTTPMethodOverride
        case 23: candidate = letter == UInt8(ascii: "c") ? .contentSecurityPolicy : .other
        case 25: candidate = letter == UInt8(ascii: "s") ? .strictTransportSecurity : .other
        case 26: candidate = letter == UInt8(ascii: "c") ? .crossOriginOpenerPolicy : .other
        case 27: candidate = letter == UInt8(ascii: "a") ? .accessControlAllowOrigin : .other
        case 28:
            candidate = name[13] | 0x20 == UInt8(ascii: "e") ? .crossOriginEmbedderPolicy : .crossOriginResourcePolicy
        case 29: candidate = letter == UInt8(ascii: "a") ? .accessControlExposeHeaders : .other
        case 32: candidate = letter == UInt8(ascii: "a") ? .accessControlAllowCredentials : .other
        case 35: candidate = letter == UInt8(ascii: "c") ? .contentSecurityPolicyReportOnly : .other
        default: candidate = .other
        }
        guard candidate != .other else {
            self = .other
            return
        }
        self = name.spells(candidate.canonicalName) ? candidate : .other
    }
}

extension Span<UInt8> {
    /// Whether it is that text, which is in lower case, in any case. For literals, of which no `String` is made.
    @inline(__always)
    package func spells(_ lowercase: StaticString) -> Bool {
        lowercase.withUTF8Buffer { equalIgnoringCase(self, lowercase: $0.span) }
    }

    /// The eight bytes from `index` on, the first one lowest.
    @inline(__always)
    package func word(at index: Int) -> UInt64 {
        UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// The first four bytes and the last four, which may be some of the first as well.
    @inline(__always)
    fileprivate var wordOfEnds: UInt64 {
        let first = UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self))
        let last = UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
        return UInt64(first) | UInt64(last) &<< 32
    }
}

extension UInt64 {
    /// Whether the eight bytes are those of `lowercase`, all of them ASCII, letters in either case.
    @inline(__always)
    fileprivate func spells(_ lowercase: UInt64) -> Bool {
        // Bit 5 of every byte that is a letter; each sum stays within its byte.
        let fromA = lowercase &+ 0x1F1F_1F1F_1F1F_1F1F
        let pastZ = lowercase &+ 0x0505_0505_0505_0505
        let letters = (fromA & ~pastZ & 0x8080_8080_8080_8080) &>> 2
        return (self ^ lowercase) & ~letters == 0
    }
}

/// Whether `name` equals `lowercase`, ASCII letters of `name` in either case. The last bytes are compared together with
/// some before them, so that none is compared alone.
package func equalIgnoringCase(_ name: Span<UInt8>, lowercase: Span<UInt8>) -> Bool {
    let count = name.count
    guard count == lowercase.count else { return false }
    if count >= 8 {
        var start = 0
        while start + 8 <= count {
            guard name.word(at: start).spells(lowercase.word(at: start)) else { return false }
            start += 8
        }
        return start == count || name.word(at: count - 8).spells(lowercase.word(at: count - 8))
    }
    if count >= 4 { return name.wordOfEnds.spells(lowercase.wordOfEnds) }
    for index in name.indices where !UInt64(name[index]).spells(UInt64(lowercase[index])) { return false }
    return true
}
