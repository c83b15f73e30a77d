import HTTPTypes

/// Which of the four forms a request-target has, and where its parts lie (RFC 9112 section 3.2).
struct TargetForm: Sendable {
    /// What to make of the path.
    enum Path: Sendable {
        /// Path and query are the bytes of the range.
        case bytes(Range<Int>)
        /// There is none: `*`, or CONNECT.
        case asterisk
    }

    /// Of an absolute-form: whether it is `https`, else `http`.
    var isSecure: Bool?
    /// The authority that the target itself carries; it wins over `Host`.
    var authority: Range<Int>?
    var path: Path

    init(
        of target: Range<Int>,
        in bytes: Span<UInt8>,
        isConnect: Bool,
        isOptions: Bool
    ) throws(WireProblem.Rule) {
        let first = bytes[target.lowerBound]
        if isConnect {
            // RFC 9112 section 3.2.3: CONNECT takes the authority-form and no other.
            guard first != UInt8(ascii: "/"), first != UInt8(ascii: "*") else { throw .targetForm }
            let parts = try bytes.authority(in: target, otherwise: .authorityInvalid)
            // RFC 9110 section 9.3.6: both the host and a valid port are required.
            guard !parts.host.isEmpty, let port = parts.port, port > 0 else { throw .connectPort }
            authority = parts.host.lowerBound..<target.upperBound
            path = .asterisk
            return
        }
        if first == UInt8(ascii: "/") {
            path = .bytes(target)
            return
        }
        if first == UInt8(ascii: "*"), target.count == 1 {
            // RFC 9112 section 3.2.4: only for a server-wide OPTIONS.
            guard isOptions else { throw .targetForm }
            path = .asterisk
            return
        }
        // RFC 9112 section 3.2.2.
        let authorityStart = try Self.endOfScheme(of: target, in: bytes)
        isSecure = authorityStart - target.lowerBound == 8
        var authorityEnd = authorityStart
        while authorityEnd < target.upperBound, bytes[authorityEnd] != UInt8(ascii: "/"),
            bytes[authorityEnd] != UInt8(ascii: "?")
        {
            authorityEnd += 1
        }
        let parts = try bytes.authority(in: authorityStart..<authorityEnd, otherwise: .authorityInvalid)
        // RFC 9110 section 4.2.1: an http URI without a host is invalid.
        guard !parts.host.isEmpty else { throw .authorityInvalid }
        authority = parts.whole
        // RFC 9112 section 3.2.4: OPTIONS for a URI without path and query is the asterisk-form. Any other empty path
        // is `/` (RFC 9110 section 4.2.3).
        path = isOptions && authorityEnd == target.upperBound ? .asterisk : .bytes(authorityEnd..<target.upperBound)
    }

    private static func endOfScheme(of target: Range<Int>, in bytes: Span<UInt8>) throws(WireProblem.Rule) -> Int {
        let start = target.lowerBound
        if target.count >= 7, bytes.spells("http://", in: start..<start + 7) { return start + 7 }
        if target.count >= 8, bytes.spells("https://", in: start..<start + 8) { return start + 8 }
        var at = start
        while at < target.upperBound, bytes[at].isSchemeByte { at += 1 }
        let hasScheme =
            at > start && target.upperBound - at >= 3 && bytes.spells("://", in: at..<at + 3)
        throw hasScheme ? .schemeUnsupported : .targetForm
    }
}

/// Where the parts of a valid `uri-host [ ":" port ]` lie.
struct AuthorityParts: Sendable {
    var host: Range<Int>
    var port: Int?
    /// Host and port; without the colon of an empty port, which is the same as none (RFC 3986 section 6.2.3).
    var whole: Range<Int>
}

extension Span<UInt8> {
    /// The parts of an authority (RFC 9110 sections 4.2 and 7.2, RFC 3986 section 3.2). An empty one is valid.
    func authority(
        in range: Range<Int>,
        otherwise rule: WireProblem.Rule
    ) throws(WireProblem.Rule) -> AuthorityParts {
        var at = range.lowerBound
        if at < range.upperBound, self[at] == UInt8(ascii: "[") {
            while at < range.upperBound, self[at] != UInt8(ascii: "]") { at += 1 }
            guard at < range.upperBound, isIPv6Address(in: range.lowerBound + 1..<at) else { throw rule }
            at += 1
        } else {
            while at < range.upperBound, ByteSet.host.contains(self[at]) { at += 1 }
        }
        let host = range.lowerBound..<at
        if at == range.upperBound { return AuthorityParts(host: host, port: nil, whole: host) }
        guard self[at] == Octet.colon, !host.isEmpty else { throw authorityProblem(in: range, rule) }
        if at + 1 == range.upperBound { return AuthorityParts(host: host, port: nil, whole: host) }
        guard let port = FieldGrammar.decimal(extracting(at + 1..<range.upperBound)), port <= 0xFFFF else {
            throw authorityProblem(in: range, rule)
        }
        return AuthorityParts(host: host, port: port, whole: range)
    }

    private func authorityProblem(in range: Range<Int>, _ rule: WireProblem.Rule) -> WireProblem.Rule {
        for index in range where self[index] == UInt8(ascii: "@") {
            // RFC 9110 section 4.2.4: treated as an error, because it is used to disguise the authority.
            return .userInformation
        }
        return rule
    }

    /// RFC 3986 section 3.2.2, `IPv6address`: no zone and no future version, since nothing could be dialled with them.
    private func isIPv6Address(in range: Range<Int>) -> Bool {
        var groups = 0
        var hasGap = false
        var at = range.lowerBound
        while at < range.upperBound {
            if self[at] == Octet.colon {
                let isGap = at + 1 < range.upperBound && self[at + 1] == Octet.colon
                // A colon without a gap stands between two groups.
                guard isGap ? !hasGap : groups > 0 && at + 1 < range.upperBound else { return false }
                hasGap = hasGap || isGap
                at += isGap ? 2 : 1
                if isGap, at < range.upperBound, self[at] == Octet.colon { return false }
                continue
            }
            let start = at
            while at < range.upperBound, at - start < 5, FieldGrammar.hexDigit(self[at]) != nil { at += 1 }
            if at < range.upperBound, self[at] == UInt8(ascii: ".") {
                guard isIPv4Address(in: start..<range.upperBound) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(at - start) else { return false }
            guard at == range.upperBound || self[at] == Octet.colon else { return false }
            groups += 1
        }
        return hasGap ? groups < 8 : groups == 8
    }

    private func isIPv4Address(in range: Range<Int>) -> Bool {
        var parts = 0
        var at = range.lowerBound
        while true {
            let start = at
            while at < range.upperBound, self[at].isDigit { at += 1 }
            guard (1...3).contains(at - start), let part = FieldGrammar.decimal(extracting(start..<at)),
                part < 256
            else { return false }
            guard at - start == 1 || self[start] != UInt8(ascii: "0") else { return false }
            parts += 1
            guard at < range.upperBound else { return parts == 4 }
            guard self[at] == UInt8(ascii: "."), parts < 4 else { return false }
            at += 1
        }
    }
}

extension UInt8 {
    fileprivate var isSchemeByte: Bool {
        isDigit || (self | 0x20) &- 0x61 < 26 || self == UInt8(ascii: "+") || self == UInt8(ascii: "-")
            || self == UInt8(ascii: ".")
    }
}
