import HTTPTypes

/// A scanner of `method SP request-target SP HTTP-version CR LF` (RFC 9112 section 3), resumable like ``FieldLines``.
struct RequestLine: Sendable {
    private enum Phase: UInt8 {
        case method, target, version, complete
    }

    private(set) var methodEnd = 0
    private(set) var targetEnd = 0
    /// The digit behind `HTTP/1.`.
    private(set) var minorVersion: UInt8 = 1

    private var phase = Phase.method
    private var position = 0

    var isComplete: Bool { phase == .complete }
    /// Whether no byte of a request was read yet.
    var isFresh: Bool { position == 0 }
    /// Past the line, once complete.
    var end: Int { position }
    var target: Range<Int> { methodEnd + 1..<targetEnd }

    /// Goes on where it stopped. Returns whether the line is complete.
    mutating func scan(_ bytes: Span<UInt8>, limits: ParserLimits) throws(WireProblem.Rule) -> Bool {
        let end = min(bytes.count, limits.headBytes)
        var at = position
        if phase == .method {
            let last = min(end, limits.methodBytes)
            at = bytes.endOfToken(from: at, to: last)
            guard at < end else { return try suspend(at, limits) }
            guard bytes[at] == Octet.space else {
                // RFC 9112 section 3: 501 for a method longer than any implemented; else it is no token.
                throw at == last && bytes[at].isTokenByte ? .methodTooLong : problem(bytes[at], .methodInvalid)
            }
            guard at > 0 else { throw .methodInvalid }
            methodEnd = at
            at += 1
            phase = .target
        }
        if phase == .target {
            let (sum, overflows) = (methodEnd + 1).addingReportingOverflow(limits.targetBytes)
            let last = overflows ? end : min(end, sum)
            at = bytes.endOfTarget(from: at, to: last)
            guard at < end else { return try suspend(at, limits) }
            guard bytes[at] == Octet.space else {
                // RFC 9112 section 3: 414 for a target longer than any that is parsed.
                throw at == last && bytes[at].isTargetByte ? .targetTooLong : problem(bytes[at], .targetInvalid)
            }
            guard at > methodEnd + 1 else { throw .requestLineInvalid }
            targetEnd = at
            at += 1
            phase = .version
        }
        if phase == .version {
            // Twelve bytes at most, so they are simply read again when some were missing.
            guard let minor = try bytes.minorVersion(at: at, to: end, exactly: .versionInvalid) else {
                return try suspend(at, limits, seen: end)
            }
            minorVersion = minor
            at += 8
            guard at < end else { return try suspend(at - 8, limits, seen: end) }
            guard bytes[at] == Octet.carriageReturn else { throw problem(bytes[at], .requestLineInvalid) }
            guard at + 1 < end else { return try suspend(at - 8, limits, seen: end) }
            // RFC 9112 section 2.2.
            guard bytes[at + 1] == Octet.lineFeed else { throw .bareCarriageReturn }
            position = at + 2
            phase = .complete
        }
        return true
    }

    /// The method as HTTPTypes has it. Makes a `String` of what is none of the common ones.
    func method(in bytes: Span<UInt8>) -> HTTPRequest.Method? {
        if methodEnd < 8, bytes.count >= 8 {
            switch bytes.word(at: 0) & ((1 << (8 * UInt64(methodEnd))) - 1) {
            case 0x54_4547: return .get
            case 0x5453_4F50: return .post
            case 0x4441_4548: return .head
            case 0x54_5550: return .put
            case 0x4554_454C_4544: return .delete
            case 0x48_4354_4150: return .patch
            case 0x53_4E4F_4954_504F: return .options
            case 0x54_4345_4E4E_4F43: return .connect
            default: break
            }
        }
        return bytes.extracting(0..<methodEnd).withUnsafeBufferPointer {
            HTTPRequest.Method(String(decoding: $0, as: UTF8.self))
        }
    }

    private mutating func suspend(
        _ at: Int,
        _ limits: ParserLimits,
        seen: Int? = nil
    ) throws(WireProblem.Rule) -> Bool {
        position = at
        // RFC 6585 section 5.
        guard seen ?? at < limits.headBytes else { throw .headTooLarge }
        return false
    }

    private func problem(_ byte: UInt8, _ otherwise: WireProblem.Rule) -> WireProblem.Rule {
        switch byte {
        case Octet.lineFeed: .bareLineFeed
        // A line that ends early: `GET /` is HTTP/0.9, which is not spoken here (RFC 9112 section 3).
        case Octet.carriageReturn, Octet.space, Octet.tab: .requestLineInvalid
        default: otherwise
        }
    }
}

extension Span<UInt8> {
    /// The minor version of `HTTP/1.x` at `start`; `nil` when the bytes end before it does.
    ///
    /// RFC 9112 section 2.3: the name is case-sensitive and both numbers are single digits. RFC 9110 section 2.5: a
    /// higher minor version is read as the highest that is known.
    @inline(__always)
    func minorVersion(
        at start: Int,
        to end: Int,
        exactly malformed: WireProblem.Rule
    ) throws(WireProblem.Rule) -> UInt8? {
        if end - start >= 8 {
            let word = word(at: start)
            if word == 0x312E_312F_5054_5448 { return 1 }
            if word == 0x302E_312F_5054_5448 { return 0 }
        }
        return try uncommonVersion(at: start, to: end, malformed)
    }

    private func uncommonVersion(
        at start: Int,
        to end: Int,
        _ malformed: WireProblem.Rule
    ) throws(WireProblem.Rule) -> UInt8? {
        let name: StaticString = "HTTP/1."
        for offset in 0..<8 {
            guard start + offset < end else { return nil }
            let byte = self[start + offset]
            if offset == 7 {
                guard byte.isDigit else { throw malformed }
                return byte &- UInt8(ascii: "0")
            }
            let expected = name.withUTF8Buffer { $0[offset] }
            if byte == expected { continue }
            // RFC 9110 section 15.6.6.
            throw offset == 5 && byte.isDigit ? .versionUnsupported : malformed
        }
        return nil
    }
}
