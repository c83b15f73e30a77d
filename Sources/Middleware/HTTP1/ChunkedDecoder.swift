package import NIOCore

/// The chunked transfer coding (RFC 9112 section 7.1): chunk lines in, content and trailers out.
///
/// Chunk extensions are checked and dropped. Of a trailer section the fields that frame or route a message are refused,
/// and those that speak of the connection, of the client or of expectations are dropped (RFC 9110 section 6.5.1).
package struct ChunkedDecoder: Sendable {
    package enum Event: Sendable {
        /// A part of the content, a slice of the input.
        case body(ByteBuffer)
        case end(trailers: Headers?)
    }

    private enum State {
        case line
        case data(Int)
        case dataEnd, trailers, end
    }

    private var state = State.line
    private var contentBytes = 0
    private var extensionBytes = 0
    private var fields = FieldLines(keepsHostApart: false)

    package init() {}

    /// The next event, or `nil` when it needs more bytes; after the end always `nil`.
    package mutating func next(
        from input: inout ByteBuffer,
        limits: ParserLimits
    ) throws(WireProblem.Rule) -> Event? {
        while true {
            switch state {
            case .line:
                guard let line = try ChunkLine(input.readableBytesUInt8Span, limit: limits.chunkLineBytes) else {
                    return nil
                }
                extensionBytes += line.extensionBytes
                // RFC 9112 section 7.1.1: the total of what is ignored is limited as well.
                guard extensionBytes <= limits.chunkExtensionBytes else { throw .chunkExtensionsTooLarge }
                let (sum, overflows) = contentBytes.addingReportingOverflow(line.size)
                // RFC 9110 section 15.5.14.
                guard !overflows, sum <= limits.contentBytes else { throw .contentTooLarge }
                contentBytes = sum
                input.moveReaderIndex(forwardBy: line.lineBytes)
                state = line.size == 0 ? .trailers : .data(line.size)
            case .data(let remaining):
                guard let part = input.readSlice(length: min(remaining, input.readableBytes)),
                    part.readableBytes > 0
                else { return nil }
                let rest = remaining - part.readableBytes
                state = rest == 0 ? .dataEnd : .data(rest)
                return .body(part)
            case .dataEnd:
                guard try Self.endsChunk(input.readableBytesUInt8Span) else { return nil }
                input.moveReaderIndex(forwardBy: 2)
                state = .line
            case .trailers:
                guard try scanTrailers(input.readableBytesUInt8Span, limits) else { return nil }
                state = .end
                return .end(trailers: takeTrailers(from: &input))
            case .end:
                return nil
            }
        }
    }

    /// Whether CR LF is there; `false` when bytes are missing.
    private static func endsChunk(_ bytes: Span<UInt8>) throws(WireProblem.Rule) -> Bool {
        guard !bytes.isEmpty else { return false }
        // RFC 9112 section 7.1: the size is right or the message is wrong.
        guard bytes[0] == Octet.carriageReturn else { throw .chunkUnterminated }
        guard bytes.count > 1 else { return false }
        guard bytes[1] == Octet.lineFeed else { throw .chunkUnterminated }
        return true
    }

    private mutating func scanTrailers(_ bytes: Span<UInt8>, _ limits: ParserLimits) throws(WireProblem.Rule) -> Bool {
        do {
            guard
                try fields.scan(bytes, limit: limits.trailerBytes, maximumCount: limits.trailerCount)
            else { return false }
        } catch .headTooLarge {
            throw .trailersTooLarge
        } catch .tooManyFields {
            throw .tooManyTrailers
        }
        // RFC 9110 section 6.5.1. No honest sender puts these here, and whoever merged them would read another message.
        guard !fields.contains(.contentLength), !fields.contains(.transferEncoding), !fields.contains(.host) else {
            throw .trailerForbidden
        }
        return true
    }

    private mutating func takeTrailers(from input: inout ByteBuffer) -> Headers? {
        guard let section = input.readSlice(length: fields.end), !fields.entries.isEmpty else { return nil }
        let kept = fields.entries.filter { $0.known.mayStandInTrailers }
        return kept.isEmpty ? nil : Headers(received: section, entries: kept)
    }
}

/// `chunk-size [ chunk-ext ] CR LF` (RFC 9112 section 7.1).
///
/// A line is at most a few hundred bytes, so an incomplete one is simply read again when more have come.
struct ChunkLine: Equatable {
    /// Leading zeros count: sixteen digits hold every size there can be.
    static let maximumDigits = 16

    private(set) var size = 0
    /// Past CR LF.
    private(set) var lineBytes = 0
    /// Between the size and CR LF.
    private(set) var extensionBytes = 0

    /// `nil` when the bytes end before the line does.
    init?(_ bytes: Span<UInt8>, limit: Int) throws(WireProblem.Rule) {
        let end = min(bytes.count, limit)
        var at = 0
        while at < end, let digit = FieldGrammar.hexDigit(bytes[at]) {
            // RFC 9112 section 7.1: a recipient guards against sizes that do not fit.
            guard at < Self.maximumDigits, size <= Int.max >> 4 else { throw .chunkSizeTooLarge }
            size = size << 4 | Int(digit)
            at += 1
        }
        let digits = at
        if at == 0, at < end { throw .chunkSizeInvalid }
        guard try Self.skipExtensions(bytes, from: &at, to: end, afterDigits: digits) else {
            // RFC 9112 section 7.1.1: the length of extensions is limited.
            guard bytes.count < limit else { throw .chunkLineTooLong }
            return nil
        }
        extensionBytes = at - digits - 2
        lineBytes = at
    }

    /// Goes past `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) CR LF`; `false` when the bytes end
    /// before.
    ///
    /// RFC 9112 section 7.1.1. White space that no extension follows is refused, and so is a line end within a quoted
    /// string: recipients disagree on where such a line ends.
    private static func skipExtensions(
        _ bytes: Span<UInt8>,
        from at: inout Int,
        to end: Int,
        afterDigits digits: Int
    ) throws(WireProblem.Rule) -> Bool {
        while true {
            let blank = at
            at = bytes.endOfBlank(from: at, to: end)
            guard at < end else { return false }
            if bytes[at] == Octet.carriageReturn, at == blank {
                at += 1
                guard at < end else { return false }
                // RFC 9112 section 2.2.
                guard bytes[at] == Octet.lineFeed else { throw .bareCarriageReturn }
                at += 1
                return true
            }
            guard bytes[at] == Octet.semicolon else { throw problem(bytes[at], isInSize: blank == digits) }
            at = bytes.endOfBlank(from: at + 1, to: end)
            let name = at
            at = bytes.endOfToken(from: at, to: end)
            guard at < end else { return false }
            guard at > name else { throw problem(bytes[at], isInSize: false) }
            let equals = bytes.endOfBlank(from: at, to: end)
            guard equals < end else { return false }
            guard bytes[equals] == UInt8(ascii: "=") else { continue }
            at = bytes.endOfBlank(from: equals + 1, to: end)
            guard at < end else { return false }
            if bytes[at] == UInt8(ascii: "\"") {
                guard try skipQuotedString(bytes, from: &at, to: end) else { return false }
                continue
            }
            let value = at
            at = bytes.endOfToken(from: at, to: end)
            guard at < end else { return false }
            guard at > value else { throw problem(bytes[at], isInSize: false) }
        }
    }

    /// RFC 9110 section 5.6.4.
    private static func skipQuotedString(
        _ bytes: Span<UInt8>,
        from at: inout Int,
        to end: Int
    ) throws(WireProblem.Rule) -> Bool {
        at += 1
        while at < end {
            let byte = bytes[at]
            guard FieldGrammar.isFieldValueByte(byte) else { throw problem(byte, isInSize: false) }
            at += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\") {
                guard at < end else { return false }
                guard FieldGrammar.isFieldValueByte(bytes[at]) else { throw problem(bytes[at], isInSize: false) }
                at += 1
            }
        }
        return false
    }

    private static func problem(_ byte: UInt8, isInSize: Bool) -> WireProblem.Rule {
        if byte == Octet.lineFeed { return .bareLineFeed }
        return isInSize ? .chunkSizeInvalid : .chunkExtensionInvalid
    }
}
