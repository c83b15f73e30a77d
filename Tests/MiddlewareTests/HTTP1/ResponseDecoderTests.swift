import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Response decoder")
struct ResponseDecoderTests {
    private func transcript(of sample: WireSample, cuts: [Int] = []) -> Transcript {
        Transcript.responses(
            wire(sample.text),
            to: [sample.method],
            offersUpgrade: sample.offersUpgrade,
            cuts: cuts
        )
    }

    @Test("Accepts what the grammar allows", arguments: ResponseSamples.accepted)
    func accepts(_ sample: WireSample) {
        let transcript = transcript(of: sample)
        #expect(transcript.lines.dropLast() == sample.events[...])
        #expect(transcript.lines.last == "left 0")
    }

    @Test("Refuses what a section forbids with 502", arguments: ResponseSamples.refused)
    func refuses(_ sample: WireSample) throws {
        let rule = try #require(sample.rule)
        #expect(transcript(of: sample).lines.last == "refused 502 \(rule)")
    }

    @Test(
        "Gives the same events wherever the bytes are cut",
        arguments: ResponseSamples.accepted + ResponseSamples.refused
    )
    func split(_ sample: WireSample) {
        let whole = transcript(of: sample)
        let count = sample.text.unicodeScalars.count
        #expect(transcript(of: sample, cuts: Array(1..<max(count, 1))) == whole)
        for cut in stride(from: 1, to: count, by: max(1, count / 400))
        where transcript(of: sample, cuts: [cut]) != whole {
            Issue.record("differs when cut at \(cut)")
        }
    }

    @Test("Reads response after response on one connection")
    func keepAlive() {
        let one = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
        let last = "HTTP/1.1 200 OK\r\n\r\nrest"
        let transcript = Transcript.responses(wire(one + head + last), to: [.get, .head, .post])
        #expect(
            transcript.lines == [
                "200 OK length(1) [Content-Length=1]", "content \"a\"", "end -", "200 OK none [Content-Length=7]",
                "200 OK untilClose last []", "content \"rest\"", "end -", "left 0",
            ]
        )
    }

    @Test("Leaves the bytes of another protocol alone")
    func switched() throws {
        var decoder = ResponseDecoder()
        decoder.start(answering: .get, offersUpgrade: true)
        var input = ByteBuffer(string: "HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n\u{1}tunnel")
        _ = try decoder.next(from: &input)
        #expect(try decoder.next(from: &input) == nil)
        #expect(input.readableBytes == 7)
        #expect(try decoder.close() == nil)
    }

    @Test("Tells a connection that closed unused from one that broke off")
    func progress() throws {
        var decoder = ResponseDecoder()
        #expect(decoder.isAtMessageStart)
        #expect(try decoder.close() == nil)
        decoder.start(answering: .get)
        #expect(!decoder.isAtMessageStart && !decoder.hasPartialHead)
        var input = ByteBuffer(string: "H")
        _ = try decoder.next(from: &input)
        #expect(decoder.hasPartialHead)
        #expect(throws: WireProblem(response: .truncated)) { try decoder.close() }
        #expect(throws: WireProblem(response: .truncated)) { try decoder.next(from: &input) }
    }
}
