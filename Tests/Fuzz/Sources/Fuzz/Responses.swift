import Codec
import HTTPTypes
import NIOCore

/// Reads responses, and holds what was read against the other ways to read it.
func fuzzResponses(_ input: Input) {
    let limits = input.limits
    let asked = Asked(methods: input.methods, offersUpgrade: input.offersUpgrade)
    var whole = Transcript(for: .cuts)
    var expected = Transcript(for: .forwarding)
    var writer = ResponseWriter(isToHTTP10: input.isToHTTP10)
    let ending = readResponses(input.message, to: asked, limits: limits) { event, method in
        Invariants.check(event, limits)
        whole.note(event)
        writer.write(event, answering: method, into: &expected)
    }
    whole.end(ending)

    compareCuts(of: input, with: whole) { cuts in
        var other = Transcript(for: .cuts)
        let ending = readResponses(input.message, to: asked, cuts: cuts, limits: limits) { event, _ in
            other.note(event)
        }
        other.end(ending)
        return other
    }

    if input.isSampled(oneIn: 64, shift: 8) { compareWithNIO(responses: input.message, to: asked) }
    guard writer.output.readableBytes > 0 else { return }
    // What the origin broke off and the end of the connection ends: whoever forwards it resets the connection instead.
    if writer.isUnended { expected.note(.end(trailers: nil)) }
    expected.end(ending)
    var forwarded = Transcript(for: .forwarding)
    let bytes = writer.output.readableBytesView
    let forwardedEnding = readResponses(bytes, to: asked, limits: .forForwarded) { event, method in
        Invariants.check(written: event, answering: method)
        forwarded.note(event)
    }
    forwarded.end(forwardedEnding)
    if case .refused(let rule) = forwardedEnding {
        require(rule == .truncated, "what is forwarded is refused: \(rule)\n\(String(buffer: writer.output))")
    }
    require(forwarded == expected, "forwarded\n\(forwarded)\nand read\n\(expected)")
}

/// What the responses answer.
struct Asked {
    var methods: [HTTPRequest.Method]
    var offersUpgrade: Bool
}

/// Feeds a decoder in pieces that end at `cuts`, then closes the connection.
func readResponses(
    _ bytes: some Collection<UInt8>,
    to asked: Asked,
    cuts: [Int] = [],
    limits: ParserLimits,
    _ visit: (ResponseEvent, HTTPRequest.Method) -> Void
) -> Ending {
    var decoder = ResponseDecoder(limits: limits)
    var input = ByteBuffer()
    var waiting = asked.methods[...]
    var method = HTTPRequest.Method.get
    func startNext() {
        guard decoder.isAtMessageStart, let next = waiting.popFirst() else { return }
        method = next
        decoder.start(answering: next, offersUpgrade: asked.offersUpgrade)
    }
    var isSwitched = false
    var rest = bytes[...]
    var start = 0
    do {
        for cut in cuts + [bytes.count] {
            input.writeBytes(rest.prefix(cut - start))
            rest = rest.dropFirst(cut - start)
            start = cut
            startNext()
            while let event = try decoder.next(from: &input) {
                if case .head(let head) = event { isSwitched = head.switchesProtocol }
                visit(event, method)
                startNext()
            }
            require(!decoder.isAtMessageStart || !decoder.hasPartialHead, "a head is partial before its start")
            if !isSwitched { Invariants.check(left: input.readableBytes, limits) }
            input.discardReadBytes()
        }
        if let event = try decoder.close() { visit(event, method) }
    } catch {
        do {
            let event = try decoder.next(from: &input)
            require(event != nil && event == nil, "it does not throw the same again")
        } catch let second {
            require(second == error, "it does not throw the same again")
        }
        return .refused(error.rule)
    }
    return .left(input.readableBytes, "\n")
}

/// Writes responses as they are forwarded, and into a transcript what is then to be read.
private struct ResponseWriter {
    var output = ByteBuffer()
    /// Whether content is being written whose end is the connection's.
    private(set) var isUnended = false
    private let isToHTTP10: Bool
    private var framing = BodyFraming.none
    private var isClosed = false

    init(isToHTTP10: Bool) { self.isToHTTP10 = isToHTTP10 }

    mutating func write(
        _ event: ResponseEvent,
        answering method: HTTPRequest.Method,
        into expected: inout Transcript
    ) {
        guard !isClosed else { return }
        switch event {
        case .informational(let status, let headers):
            // RFC 9110 section 15.2.
            guard !isToHTTP10 else { return }
            ResponseEncoder.writeInformational(status, headers: headers, into: &output)
            expected.note(event)
        case .head(let head):
            let start = output.writerIndex
            let written = write(head, answering: method, into: &output)
            compareWithMemory(head, answering: method, output.getSlice(at: start, length: output.writerIndex - start))
            framing = written.framing
            isUnended = framing == .untilClose
            expected.note(event, written: written)
        case .body(var part):
            guard framing != .none else { return }
            expected.note(event)
            if framing == .chunked { ChunkEncoder.writeChunkHead(size: part.readableBytes, into: &output) }
            output.writeBuffer(&part)
            if framing == .chunked { ChunkEncoder.writeChunkEnd(into: &output) }
        case .end(let trailers):
            guard framing != .none else { return }
            if framing == .chunked { ChunkEncoder.writeLastChunk(trailers: trailers, into: &output) }
            expected.note(framing == .chunked ? event : .end(trailers: nil))
            isClosed = framing == .untilClose
            isUnended = false
        }
    }

    private func write(
        _ head: ResponseHead,
        answering method: HTTPRequest.Method,
        into output: inout some ByteSink
    ) -> ResponseEncoder.Written {
        ResponseEncoder.writeHead(
            status: head.status, headers: head.headers,
            framing: head.framing == .untilClose && !isToHTTP10 ? .chunked : head.framing, answering: method,
            persists: head.persists, toHTTP10: isToHTTP10, date: nil, into: &output
        )
    }

    /// A head that is written into memory of a given size, too little at first, is the same.
    private func compareWithMemory(_ head: ResponseHead, answering method: HTTPRequest.Method, _ plain: ByteBuffer?) {
        var fast = ByteBuffer()
        fast.writeHead(reserving: 0) { _ = write(head, answering: method, into: &$0) }
        require(plain == fast, "a head written through a cursor differs")
    }
}
