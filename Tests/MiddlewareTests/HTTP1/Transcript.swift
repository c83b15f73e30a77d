import HTTPTypes
import Middleware
import NIOCore
import Testing

/// What a decoder made of a byte sequence, as lines that can be compared: content is joined, since its parts follow the
/// cuts of the input, and everything else is kept in order.
struct Transcript: Equatable, CustomStringConvertible {
    var lines: [String] = []
    private var content: [UInt8] = []

    var description: String { lines.joined(separator: "\n") }

    mutating func add(_ line: String) {
        if !content.isEmpty {
            lines.append("content \(String(decoding: content, as: UTF8.self).debugDescription)")
            content = []
        }
        lines.append(line)
    }

    mutating func add(content part: ByteBuffer) { content.append(contentsOf: part.readableBytesView) }

    /// Feeds requests in pieces that end at `cuts`.
    static func requests(
        _ bytes: [UInt8],
        cuts: [Int] = [],
        limits: ParserLimits = ParserLimits()
    ) -> Transcript {
        var decoder = RequestDecoder(limits: limits)
        var transcript = Transcript()
        var input = ByteBuffer()
        for piece in pieces(of: bytes, cuts: cuts) {
            input.writeBytes(piece)
            do {
                while let event = try decoder.next(from: &input) {
                    switch event {
                    case .head(let head): transcript.add(describe(head))
                    case .body(let part): transcript.add(content: part)
                    case .end(let trailers): transcript.add("end \(describe(trailers))")
                    }
                }
            } catch {
                transcript.add("refused \(error.status.code) \(error.rule)")
                return transcript
            }
            input.discardReadBytes()
        }
        transcript.add(
            "start \(decoder.isAtMessageStart) partial \(decoder.hasPartialHead) left \(input.readableBytes)")
        return transcript
    }

    /// Feeds responses to requests of those methods, then closes the connection.
    static func responses(
        _ bytes: [UInt8],
        to methods: [HTTPRequest.Method] = [.get],
        offersUpgrade: Bool = false,
        cuts: [Int] = [],
        limits: ParserLimits = ParserLimits()
    ) -> Transcript {
        var decoder = ResponseDecoder(limits: limits)
        var transcript = Transcript()
        var input = ByteBuffer()
        var waiting = methods[...]
        func startNext() {
            if decoder.isAtMessageStart, let method = waiting.popFirst() {
                decoder.start(answering: method, offersUpgrade: offersUpgrade)
            }
        }
        func note(_ event: ResponseEvent) {
            switch event {
            case .informational(let status, let headers):
                transcript.add("informational \(status.code) \(status.reasonPhrase) [\(describe(headers))]")
            case .head(let head): transcript.add(describe(head))
            case .body(let part): transcript.add(content: part)
            case .end(let trailers): transcript.add("end \(describe(trailers))")
            }
        }
        do {
            for piece in pieces(of: bytes, cuts: cuts) {
                input.writeBytes(piece)
                startNext()
                while let event = try decoder.next(from: &input) {
                    note(event)
                    startNext()
                }
                input.discardReadBytes()
            }
            if let event = try decoder.close() { note(event) }
        } catch {
            transcript.add("refused \(error.status.code) \(error.rule)")
            return transcript
        }
        transcript.add("left \(input.readableBytes)")
        return transcript
    }

    private static func pieces(of bytes: [UInt8], cuts: [Int]) -> [ArraySlice<UInt8>] {
        let bounds = [0] + cuts + [bytes.count]
        return zip(bounds, bounds.dropFirst()).map { bytes[$0..<$1] }
    }

    private static func describe(_ head: RequestHead) -> String {
        var line = "\(head.method) \(head.target)"
        if let isSecure = head.isSecureTarget { line += isSecure ? " scheme https" : " scheme http" }
        line += " authority '\(head.authority.text)' \(head.framing)"
        if head.isHTTP10 { line += " 1.0" }
        if !head.persists { line += " last" }
        if head.expectsContinue { line += " continue" }
        if let upgrade = head.upgrade { line += " upgrade \(upgrade)" }
        return line + " [\(describe(head.headers))]"
    }

    private static func describe(_ head: ResponseHead) -> String {
        var line = "\(head.status.code) \(head.status.reasonPhrase) \(head.framing)"
        if head.isHTTP10 { line += " 1.0" }
        if !head.persists { line += " last" }
        if head.switchesProtocol { line += " switched" }
        return line + " [\(describe(head.headers))]"
    }

    private static func describe(_ headers: Headers?) -> String {
        guard let headers else { return "-" }
        return headers.map { "\($0.name.rawName)=\($0.value)" }.joined(separator: "|")
    }
}

/// The bytes of text in which every character stands for one byte.
func wire(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
}

/// A sample that a decoder accepts, or one that it refuses by a rule.
struct WireSample: Sendable, CustomTestStringConvertible {
    /// The section that decides it.
    var section: String
    var text: String
    /// Lines of the transcript, except the last.
    var events: [String] = []
    var rule: WireProblem.Rule?
    var method = HTTPRequest.Method.get
    var offersUpgrade = false

    var testDescription: String { "\(section): \(String(text.prefix(90)).debugDescription)" }

    static func accepted(
        _ section: String,
        _ text: String,
        _ events: String...,
        to method: HTTPRequest.Method = .get,
        offersUpgrade: Bool = false
    ) -> WireSample {
        WireSample(section: section, text: text, events: events, method: method, offersUpgrade: offersUpgrade)
    }

    static func refused(
        _ section: String,
        _ text: String,
        _ rule: WireProblem.Rule,
        to method: HTTPRequest.Method = .get
    ) -> WireSample {
        WireSample(section: section, text: text, rule: rule, method: method)
    }
}
