import Codec
import HTTPTypes
import NIOCore

/// What was read, as lines that can be compared: content is joined, since its parts follow the cuts of the input, and
/// everything else is kept in order.
struct Transcript: Equatable {
    /// What a transcript is compared with.
    enum Purpose {
        /// The same bytes, cut elsewhere: everything that was read is written down.
        case cuts
        /// The message written anew: what the encoders own is left out.
        case forwarding
    }

    private let purpose: Purpose
    private var lines = ByteBuffer()
    private var content = ByteBuffer()

    init(for purpose: Purpose) { self.purpose = purpose }

    mutating func note(_ event: RequestEvent) {
        switch event {
        case .head(let head): note(head)
        case .body(var part): content.writeBuffer(&part)
        case .end(let trailers): noteEnd(trailers)
        }
    }

    /// A response, with the framing and the persistence to expect when it is written anew.
    mutating func note(_ event: ResponseEvent, written: ResponseEncoder.Written? = nil) {
        switch event {
        case .informational(let status, let headers):
            endContent()
            lines.write("informational ")
            note(status)
            lines.write("\n")
            note(headers)
        case .head(let head):
            endContent()
            lines.write("response ")
            note(head.status)
            note(written?.framing ?? head.framing)
            flag(head.isHTTP10 && purpose == .cuts, " 1.0")
            flag(!(written?.persists ?? head.persists), " last")
            flag(head.switchesProtocol, " switched")
            lines.write("\n")
            note(head.headers)
        case .body(var part): content.writeBuffer(&part)
        case .end(let trailers): noteEnd(trailers)
        }
    }

    /// The end of the input. What is left of it depends on nothing but the input either.
    mutating func end(_ ending: Ending) {
        endContent()
        guard purpose == .cuts else { return }
        switch ending {
        case .refused(let rule): lines.write(text: "refused \(rule)\n")
        case .left(let bytes, let state):
            lines.write("left ")
            lines.write(decimal: bytes)
            lines.write(state)
        }
    }

    private mutating func note(_ head: RequestHead) {
        endContent()
        lines.write(text: head.method.rawValue)
        lines.write(" ")
        head.target.write(into: &lines)
        lines.write(" at ")
        head.authority.write(into: &lines)
        if purpose == .cuts, let isSecure = head.isSecureTarget { lines.write(isSecure ? "https" : "http") }
        note(head.framing)
        flag(head.isHTTP10 && purpose == .cuts, " 1.0")
        flag(!head.persists, " last")
        // RFC 9110 section 10.1.1: HTTP/1.0 has no expectations, and what is forwarded is HTTP/1.1.
        flag(head.expectsContinue && purpose == .cuts, " continue")
        if let upgrade = head.upgrade {
            lines.write(" upgrade ")
            lines.write(text: upgrade)
        }
        lines.write("\n")
        note(head.headers)
    }

    private mutating func note(_ status: HTTPResponse.Status) {
        lines.write(decimal: status.code)
        lines.write(" ")
        lines.write(text: status.reasonPhrase)
    }

    private mutating func note(_ framing: BodyFraming) {
        switch framing {
        case .none: lines.write(" none")
        case .length(let length):
            lines.write(" length ")
            lines.write(decimal: length)
        case .chunked: lines.write(" chunked")
        case .untilClose: lines.write(" untilClose")
        }
    }

    private mutating func note(_ headers: Headers) {
        for entry in headers.entries where purpose == .cuts || !entry.known.isWrittenByEncoders {
            if purpose == .cuts {
                lines.write(entry.origin == .receivedLine ? "= " : "~ ")
                lines.write(decimal: Int(entry.known.rawValue))
            }
            headers.withName(of: entry) { lines.write($0) }
            lines.write(":")
            headers.withValue(of: entry) { lines.write($0) }
            lines.write("\n")
        }
    }

    private mutating func noteEnd(_ trailers: Headers?) {
        endContent()
        lines.write(trailers == nil ? "end\n" : "end, trailers\n")
        if let trailers { note(trailers) }
    }

    private mutating func endContent() {
        guard content.readableBytes > 0 else { return }
        lines.write("content ")
        lines.write(decimal: content.readableBytes)
        lines.write(" ")
        lines.writeBuffer(&content)
        lines.write("\n")
        content.clear()
    }

    private mutating func flag(_ condition: Bool, _ text: StaticString) {
        if condition { lines.write(text) }
    }
}

extension Transcript: CustomStringConvertible {
    var description: String { String(buffer: lines) }
}

/// How the reading of an input ended.
enum Ending: Equatable {
    case refused(WireProblem.Rule)
    /// So many bytes await more, and what the decoder says of itself.
    case left(Int, StaticString)

    static func == (left: Ending, right: Ending) -> Bool {
        switch (left, right) {
        case (.refused(let left), .refused(let right)): left == right
        case (.left(let left, _), .left(let right, _)): left == right
        default: false
        }
    }
}

extension KnownField {
    /// What the encoders leave out and write anew from their arguments.
    var isWrittenByEncoders: Bool {
        switch self {
        case .connection, .contentLength, .keepAlive, .proxyConnection, .transferEncoding, .upgrade: true
        default: false
        }
    }
}

extension Headers {
    func has(_ known: KnownField) -> Bool { entries.contains { $0.known == known } }
}
