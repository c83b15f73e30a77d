import HTTPTypes

/// A scanner of `HTTP-version SP status-code SP [ reason-phrase ] CR LF` (RFC 9112 section 4), resumable like
/// ``FieldLines``.
///
/// The space behind the code may be missing when there is no reason phrase: servers in use leave it out, it reads one
/// way only, and the line is written anew for the client.
struct StatusLine: Sendable {
    private enum Phase: UInt8 {
        case code, reason, lineFeed, complete
    }

    private(set) var code = 0
    private(set) var minorVersion: UInt8 = 1
    private var reason = 0..<0
    private var phase = Phase.code
    private var position = 0
    private var seen = 0

    var isComplete: Bool { phase == .complete }
    /// Whether no byte of a response was read yet.
    var isFresh: Bool { seen == 0 }
    /// Past the line, once complete.
    var end: Int { position }

    /// Goes on where it stopped. Returns whether the line is complete.
    mutating func scan(_ bytes: Span<UInt8>, limits: ParserLimits) throws(WireProblem.Rule) -> Bool {
        let end = min(bytes.count, limits.headBytes)
        seen = end
        if phase == .code {
            // Thirteen bytes, so they are simply read again when some were missing.
            guard let minor = try bytes.minorVersion(at: 0, to: end, exactly: .statusLineInvalid) else {
                return try suspend(limits)
            }
            guard try scanCode(bytes, to: end) else { return try suspend(limits) }
            minorVersion = minor
        }
        if phase == .reason {
            let start = reason.lowerBound
            position = bytes.endOfText(from: position, to: end)
            guard position < end else { return try suspend(limits) }
            guard bytes[position] == Octet.carriageReturn else {
                throw bytes[position] == Octet.lineFeed ? .bareLineFeed : .reasonInvalid
            }
            reason = start..<position
            position += 1
            phase = .lineFeed
        }
        if phase == .lineFeed {
            guard position < end else { return try suspend(limits) }
            // RFC 9112 section 2.2.
            guard bytes[position] == Octet.lineFeed else { throw .bareCarriageReturn }
            position += 1
            phase = .complete
        }
        return true
    }

    /// The status with the phrase that was received, read as ISO 8859-1 as HTTPTypes has it.
    func status(in bytes: Span<UInt8>) -> HTTPResponse.Status {
        let phrase = bytes.extracting(reason)
        if code == 200, phrase.count == 2, phrase[0] == UInt8(ascii: "O"), phrase[1] == UInt8(ascii: "K") {
            return .ok
        }
        var isASCII = true
        for index in phrase.indices where phrase[index] >= 0x80 { isASCII = false }
        if isASCII { return HTTPResponse.Status(code: code, reasonPhrase: String(decoding: phrase)) }
        var text = ""
        for index in phrase.indices { text.unicodeScalars.append(Unicode.Scalar(phrase[index])) }
        return HTTPResponse.Status(code: code, reasonPhrase: text)
    }

    private mutating func scanCode(_ bytes: Span<UInt8>, to end: Int) throws(WireProblem.Rule) -> Bool {
        guard 8 < end else { return false }
        guard bytes[8] == Octet.space else { throw .statusLineInvalid }
        var value = 0
        for index in 9..<12 {
            guard index < end else { return false }
            guard bytes[index].isDigit else { throw .statusCodeInvalid }
            value = value * 10 + Int(bytes[index] &- UInt8(ascii: "0"))
            // RFC 9110 section 15: the first digit defines a class, and there is none for 0.
            guard value > 0 else { throw .statusCodeInvalid }
        }
        guard 12 < end else { return false }
        switch bytes[12] {
        case Octet.space:
            position = 13
            reason = 13..<13
        case Octet.carriageReturn:
            position = 12
            reason = 12..<12
        case Octet.lineFeed: throw .bareLineFeed
        case let byte: throw byte.isDigit ? .statusCodeInvalid : .statusLineInvalid
        }
        code = value
        phase = .reason
        return true
    }

    private func suspend(_ limits: ParserLimits) throws(WireProblem.Rule) -> Bool {
        guard seen < limits.headBytes else { throw .headTooLarge }
        return false
    }
}
