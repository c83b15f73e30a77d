import NIOCore

/// A scanner of field lines up to and with the empty line that ends them: of a request, a response or a trailer
/// section.
///
/// It reads every byte once. When the bytes run out it remembers where it stopped, in the middle of a line if need be,
/// so a head that drips in costs as much as one that comes at once, and a fault is seen at the byte that is wrong in
/// both cases. Offsets count from the start of the section's message, which must stay where the caller's bytes begin.
struct FieldLines: Sendable {
    private enum Phase: UInt8 {
        case lineStart, name, blank, value, lineFeed, lastLineFeed, complete
    }

    /// The fields so far. `Host` is not among them when it is kept apart.
    private(set) var entries: [Headers.Entry] = []
    /// Where the value of the last `Host` lies.
    private(set) var host = 0..<0
    /// The number of `Host` lines, when they are kept apart.
    private(set) var hostCount = 0
    /// The known fields among them, `Host` included where it is kept apart.
    private(set) var known = KnownFields()

    private let keepsHostApart: Bool
    private var phase = Phase.lineStart
    private var position = 0
    private var start = 0
    private var lineStart = 0
    private var nameEnd = 0
    private var valueStart = 0

    init(keepsHostApart: Bool) { self.keepsHostApart = keepsHostApart }

    var isComplete: Bool { phase == .complete }
    /// Past the empty line, once complete.
    var end: Int { position }

    func contains(_ field: KnownField) -> Bool { known.contains(field) }

    /// The fields over the bytes that they were found in.
    func headers(in received: ByteBuffer) -> Headers {
        var known = known
        if keepsHostApart { known.remove(.host) }
        return Headers(received: received, entries: entries, known: known)
    }

    /// Starts another section at `offset`.
    ///
    /// The room for entries is used again when nobody holds the last message's headers any more; a copy that somebody
    /// holds stays as it is.
    mutating func begin(at offset: Int) {
        if !entries.isEmpty { entries.removeAll(keepingCapacity: true) }
        host = 0..<0
        hostCount = 0
        known = KnownFields()
        phase = .lineStart
        position = offset
        start = offset
    }

    /// Goes on where it stopped. Returns whether the section is complete.
    ///
    /// - Parameters:
    ///   - limit: The offset that the section must not reach.
    ///   - maximumCount: The number of lines that are accepted.
    mutating func scan(
        _ bytes: Span<UInt8>,
        limit: Int,
        maximumCount: Int
    ) throws(WireProblem.Rule) -> Bool {
        let end = min(bytes.count, limit)
        var at = position
        scanning: while true {
            switch phase {
            case .lineStart:
                guard at < end else { break scanning }
                let first = bytes[at]
                if first == Octet.carriageReturn {
                    at += 1
                    phase = .lastLineFeed
                    continue
                }
                guard entries.count + hostCount < maximumCount else { throw .tooManyFields }
                // RFC 9112 section 2.2 for the first line, section 5.2 (obs-fold) for the others: refused, not
                // replaced.
                guard !FieldGrammar.isBlank(first) else { throw at == start ? .leadingWhitespace : .obsoleteFold }
                lineStart = at
                phase = .name
                fallthrough
            case .name:
                at = bytes.endOfToken(from: at, to: end)
                guard at < end else { break scanning }
                guard bytes[at] == Octet.colon else { throw problem(inName: bytes[at], at: at) }
                // RFC 9110 section 5.1: a name is a token, and a token has at least one byte.
                guard at > lineStart else { throw .fieldNameEmpty }
                nameEnd = at
                at += 1
                phase = .blank
                fallthrough
            case .blank:
                at = bytes.endOfBlank(from: at, to: end)
                guard at < end else { break scanning }
                valueStart = at
                phase = .value
                fallthrough
            case .value:
                at = bytes.endOfText(from: at, to: end)
                guard at < end else { break scanning }
                guard bytes[at] == Octet.carriageReturn else {
                    // RFC 9112 section 2.2; RFC 9110 section 5.5.
                    throw bytes[at] == Octet.lineFeed ? .bareLineFeed : .fieldValueInvalid
                }
                at += 1
                phase = .lineFeed
                fallthrough
            case .lineFeed:
                guard at < end else { break scanning }
                // RFC 9112 section 2.2.
                guard bytes[at] == Octet.lineFeed else { throw .bareCarriageReturn }
                keepLine(bytes, carriageReturn: at - 1)
                at += 1
                phase = .lineStart
            case .lastLineFeed:
                guard at < end else { break scanning }
                // RFC 9112 section 2.2.
                guard bytes[at] == Octet.lineFeed else { throw .bareCarriageReturn }
                position = at + 1
                phase = .complete
                return true
            case .complete:
                return true
            }
        }
        position = at
        // RFC 6585 section 5.
        guard at < limit else { throw .headTooLarge }
        return false
    }

    /// Leaves out the fields about the connection that the codec has acted on.
    mutating func dropConnectionFields() {
        var kept = 0
        for index in entries.indices {
            switch entries[index].known {
            case .connection, .keepAlive, .transferEncoding: continue
            default: break
            }
            if kept != index { entries[kept] = entries[index] }
            kept += 1
        }
        while entries.count > kept { entries.removeLast() }
        known.remove(.connection)
        known.remove(.keepAlive)
        known.remove(.transferEncoding)
    }

    private mutating func keepLine(_ bytes: Span<UInt8>, carriageReturn: Int) {
        var valueEnd = carriageReturn
        while valueEnd > valueStart, FieldGrammar.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
        let known = KnownField(name: bytes.extracting(lineStart..<nameEnd))
        self.known.insert(known)
        if known == .host, keepsHostApart {
            host = valueStart..<valueEnd
            hostCount += 1
            return
        }
        let isExact =
            valueStart == nameEnd + 2 && valueEnd == carriageReturn && bytes[nameEnd + 1] == Octet.space
        entries.append(
            Headers.Entry(
                name: lineStart..<nameEnd,
                value: valueStart..<valueEnd,
                known: known,
                origin: isExact ? .receivedLine : .received
            )
        )
    }

    private func problem(inName byte: UInt8, at index: Int) -> WireProblem.Rule {
        switch byte {
        // RFC 9112 section 5.1.
        case Octet.space, Octet.tab: .whitespaceBeforeColon
        case Octet.lineFeed: .bareLineFeed
        default: .fieldNameInvalid
        }
    }
}
