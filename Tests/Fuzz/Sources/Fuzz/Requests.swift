import Codec
import HTTPTypes
import NIOCore

/// Reads requests, and holds what was read against the other ways to read it.
func fuzzRequests(_ input: Input) {
    let limits = input.limits
    var whole = Transcript(for: .cuts)
    var expected = Transcript(for: .forwarding)
    var writer = RequestWriter()
    let ending = readRequests(input.message, limits: limits) { event in
        Invariants.check(event, limits)
        whole.note(event)
        expected.note(event)
        writer.write(event)
    }
    whole.end(ending)
    expected.end(ending)

    compareCuts(of: input, with: whole) { cuts in
        var other = Transcript(for: .cuts)
        let ending = readRequests(input.message, cuts: cuts, limits: limits) { other.note($0) }
        other.end(ending)
        return other
    }

    if input.isSampled(oneIn: 64, shift: 8) { compareWithNIO(requests: input.message) }
    guard writer.output.readableBytes > 0 else { return }
    var forwarded = Transcript(for: .forwarding)
    var again = RequestWriter()
    let forwardedEnding = readRequests(writer.output.readableBytesView[...], limits: .forForwarded) { event in
        forwarded.note(event)
        again.write(event)
    }
    forwarded.end(forwardedEnding)
    if case .refused(let rule) = forwardedEnding {
        require(false, "what is forwarded is refused: \(rule)\n\(String(buffer: writer.output))")
    }
    require(forwarded == expected, "forwarded\n\(forwarded)\nand read\n\(expected)")
    require(again.output == writer.output, "written anew\n\(writer.output)\nand again\n\(again.output)")
}

/// Feeds a decoder in pieces that end at `cuts`.
func readRequests(
    _ bytes: some Collection<UInt8>,
    cuts: [Int] = [],
    limits: ParserLimits,
    _ visit: (RequestEvent) -> Void
) -> Ending {
    var decoder = RequestDecoder(limits: limits)
    var input = ByteBuffer()
    var rest = bytes[...]
    var start = 0
    for cut in cuts + [bytes.count] {
        input.writeBytes(rest.prefix(cut - start))
        rest = rest.dropFirst(cut - start)
        start = cut
        do {
            while let event = try decoder.next(from: &input) { visit(event) }
        } catch {
            let repeated = "it does not throw the same again"
            do {
                let event = try decoder.next(from: &input)
                require(event != nil && event == nil, repeated)
            } catch let second {
                require(second == error, repeated)
            }
            return .refused(error.rule)
        }
        Invariants.check(left: input.readableBytes, limits)
        input.discardReadBytes()
    }
    let state: StaticString =
        switch (decoder.isAtMessageStart, decoder.hasPartialHead) {
        case (true, false): ", at the start\n"
        case (false, true): ", in a head\n"
        case (false, false): ", in content\n"
        case (true, true): ", at the start and in a head\n"
        }
    return .left(input.readableBytes, state)
}

/// The transcripts of other cuts: those of the input always; byte by byte, and at each place alone, for a sample.
func compareCuts(of input: Input, with whole: Transcript, _ read: ([Int]) -> Transcript) {
    func compare(_ cuts: [Int]) {
        let other = read(cuts)
        require(other == whole, "read whole\n\(whole)\nand cut at \(cuts)\n\(other)")
    }
    compare(input.cuts)
    guard input.isSampled(oneIn: 256, shift: 16) else { return }
    let count = input.message.count
    compare(Array(0..<count))
    for cut in stride(from: 1, to: count, by: isThorough ? 1 : max(1, count / 64)) { compare([cut]) }
}

/// Writes requests as they are forwarded.
private struct RequestWriter {
    var output = ByteBuffer()
    private var framing = BodyFraming.none

    mutating func write(_ event: RequestEvent) {
        switch event {
        case .head(let head):
            framing = write(head, into: &output)
            compareWithMemory(head)
        case .body(var part):
            if framing == .chunked { ChunkEncoder.writeChunkHead(size: part.readableBytes, into: &output) }
            output.writeBuffer(&part)
            if framing == .chunked { ChunkEncoder.writeChunkEnd(into: &output) }
        case .end(let trailers):
            if framing == .chunked { ChunkEncoder.writeLastChunk(trailers: trailers, into: &output) }
        }
    }

    private func write(_ head: RequestHead, into output: inout some ByteSink) -> BodyFraming {
        RequestEncoder.writeHead(
            method: head.method, target: head.target, authority: head.authority, headers: head.headers,
            framing: head.framing, persists: head.persists, upgrade: head.upgrade, into: &output
        )
    }

    /// A head that is written into memory of a given size, too little at first, is the same.
    private func compareWithMemory(_ head: RequestHead) {
        var (plain, fast) = (ByteBuffer(), ByteBuffer())
        _ = write(head, into: &plain)
        fast.writeHead(reserving: 0) { _ = write(head, into: &$0) }
        require(plain == fast, "a head written through a cursor differs")
    }
}

extension ParserLimits {
    /// For what was written anew: a head can grow by what the encoders write.
    static let forForwarded = ParserLimits(
        headBytes: 1 << 20, fieldCount: 1000, targetBytes: 1 << 20, chunkLineBytes: 1024, trailerBytes: 1 << 20,
        trailerCount: 1000
    )
}
