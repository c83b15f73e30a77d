import HTTPTypes
import NIOCore

/// How the content of a message is delimited (RFC 9112 section 6.3).
///
/// `Content-Length: 0` is read as ``none``; the encoders write it again where it says something.
package enum BodyFraming: Equatable, Sendable {
    /// There is no content.
    case none
    /// Exactly so many bytes, more than zero.
    case length(Int)
    /// Chunks, then a trailer section.
    case chunked
    /// Everything up to the end of the connection; only of a response.
    case untilClose
}

/// What `Connection` asks for (RFC 9110 section 7.6.1), as far as the codec acts on it.
struct ConnectionOptions: OptionSet, Sendable {
    var rawValue: UInt8
    static let close = ConnectionOptions(rawValue: 1)
    static let keepAlive = ConnectionOptions(rawValue: 2)
    static let upgrade = ConnectionOptions(rawValue: 4)
    /// Some other field is named.
    static let others = ConnectionOptions(rawValue: 8)

    /// RFC 9112 section 9.3.
    func persists(isHTTP10: Bool) -> Bool {
        if contains(.close) { return false }
        return isHTTP10 ? contains(.keepAlive) : true
    }
}

/// What the fields of a head say about its message, read from the bytes they were found in.
extension FieldLines {
    /// The framing that the fields alone ask for; `nil` when they ask for none.
    func framing(in bytes: Span<UInt8>, isHTTP10: Bool) throws(WireProblem.Rule) -> BodyFraming? {
        if contains(.transferEncoding) {
            // RFC 9112 section 6.1: two framings in one message are how requests are smuggled.
            guard !contains(.contentLength) else { throw .contentLengthWithTransferEncoding }
            // RFC 9112 section 6.1: HTTP/1.0 has no transfer codings; the framing is faulty.
            guard !isHTTP10 else { throw .transferEncodingInHTTP10 }
            try requireChunked(in: bytes)
            return .chunked
        }
        guard contains(.contentLength) else { return nil }
        let length = try contentLength(in: bytes)
        return length == 0 ? BodyFraming.none : .length(length)
    }

    /// RFC 9110 section 8.6 and RFC 9112 section 6.3: one field of `1*DIGIT`. Of the two ways the latter leaves for a
    /// repeated number, over lines or in a list, this is the strict one: refuse it.
    private func contentLength(in bytes: Span<UInt8>) throws(WireProblem.Rule) -> Int {
        var length: Int?
        for entry in entries where entry.known == .contentLength {
            guard length == nil else { throw .contentLengthRepeated }
            guard let value = FieldGrammar.decimal(bytes.extracting(entry.value)) else {
                throw bytes.extracting(entry.value).hasComma ? .contentLengthRepeated : .contentLengthInvalid
            }
            length = value
        }
        return length ?? 0
    }

    /// RFC 9112 sections 6.1, 6.3 and 7: the only coding spoken is `chunked`, once and last.
    ///
    /// A list with empty elements and parameters of `chunked` are refused although lists elsewhere may have them: what
    /// delimits a message must not be open to two readings.
    private func requireChunked(in bytes: Span<UInt8>) throws(WireProblem.Rule) {
        var lastIsChunked = false
        var chunkedCount = 0
        var hasOther = false
        for entry in entries where entry.known == .transferEncoding {
            if bytes.spells("chunked", in: entry.value) {
                lastIsChunked = true
                chunkedCount += 1
                continue
            }
            var rest = entry.value
            // A comma at the end is an empty member as well, one that the walk below would not come to.
            guard !rest.isEmpty, bytes[rest.upperBound - 1] != Octet.comma else { throw .transferEncodingInvalid }
            repeat {
                let member = bytes.nextMember(of: &rest)
                let name = member.lowerBound..<bytes.endOfToken(from: member.lowerBound, to: member.upperBound)
                guard !name.isEmpty else { throw .transferEncodingInvalid }
                lastIsChunked = bytes.spells("chunked", in: name)
                if lastIsChunked {
                    guard name == member else { throw .transferEncodingInvalid }
                    chunkedCount += 1
                    continue
                }
                // A parameter of a coding that is refused below whatever it says; anything else is no list at all.
                let next = bytes.endOfBlank(from: name.upperBound, to: member.upperBound)
                guard next == member.upperBound || bytes[next] == Octet.semicolon else {
                    throw .transferEncodingInvalid
                }
                hasOther = true
            } while !rest.isEmpty
        }
        // RFC 9112 section 6.1: a sender applies chunked once.
        guard chunkedCount < 2 else { throw .chunkedRepeated }
        // RFC 9112 section 6.3: without it at the end the length of a request is unknown, a MUST before the 501 below.
        guard lastIsChunked else { throw .chunkedNotLast }
        // RFC 9112 section 6.1.
        guard !hasOther else { throw .codingUnknown }
    }

    /// RFC 9110 section 7.6.1: a list of tokens.
    func connectionOptions(in bytes: Span<UInt8>) throws(WireProblem.Rule) -> ConnectionOptions {
        var options: ConnectionOptions = []
        guard contains(.connection) else { return options }
        for entry in entries where entry.known == .connection {
            // The value of nearly all that have the field.
            if entry.valueLength == 10, bytes.spells("keep-alive", in: entry.value) {
                options.insert(.keepAlive)
                continue
            }
            let value = bytes.extracting(entry.value)
            var reader = FieldListReader()
            while let member = reader.next(in: value) {
                guard value.endOfToken(from: member.lowerBound, to: member.upperBound) == member.upperBound else {
                    throw .connectionInvalid
                }
                switch member.count {
                case 5 where value.spells("close", in: member): options.insert(.close)
                case 7 where value.spells("upgrade", in: member): options.insert(.upgrade)
                case 10 where value.spells("keep-alive", in: member): options.insert(.keepAlive)
                default: options.insert(.others)
                }
            }
        }
        return options
    }

    /// Whether 100-continue is expected. RFC 9110 section 10.1.1: any other expectation is answered 417.
    func expectsContinue(in bytes: Span<UInt8>) throws(WireProblem.Rule) -> Bool {
        guard contains(.expect) else { return false }
        var expects = false
        for entry in entries where entry.known == .expect {
            let value = bytes.extracting(entry.value)
            var reader = FieldListReader()
            while let member = reader.next(in: value) {
                guard value.spells("100-continue", in: member) else { throw .expectationUnknown }
                expects = true
            }
        }
        return expects
    }

    /// The first protocol that `Upgrade` offers (RFC 9110 section 7.8), `name` or `name/version`; `nil` when it is
    /// malformed, since a server may always ignore an offer.
    func upgradeToken(in bytes: Span<UInt8>) -> String? {
        guard let entry = entries.first(where: { $0.known == .upgrade && !$0.value.isEmpty }) else { return nil }
        let value = bytes.extracting(entry.value)
        var reader = FieldListReader()
        guard let member = reader.next(in: value) else { return nil }
        let name = value.endOfToken(from: member.lowerBound, to: member.upperBound)
        guard name > member.lowerBound else { return nil }
        if name < member.upperBound {
            guard value[name] == UInt8(ascii: "/"), name + 1 < member.upperBound,
                value.endOfToken(from: name + 1, to: member.upperBound) == member.upperBound
            else { return nil }
        }
        return String(decoding: value.extracting(member))
    }
}

extension Span<UInt8> {
    /// Takes the next member of a comma-separated list off `rest`, without the white space around it; it may be empty.
    ///
    /// For lists of tokens: it knows no quoted strings. A trailing comma yields no empty member.
    fileprivate func nextMember(of rest: inout Range<Int>) -> Range<Int> {
        var comma = rest.lowerBound
        while comma < rest.upperBound, self[comma] != Octet.comma { comma += 1 }
        let member = FieldGrammar.trimmed(rest.lowerBound..<comma, in: self)
        rest = Swift.min(comma + 1, rest.upperBound)..<rest.upperBound
        return member
    }

    fileprivate var hasComma: Bool {
        for index in indices where self[index] == Octet.comma { return true }
        return false
    }
}
