import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Request decoder")
struct RequestDecoderTests {
    @Test("Accepts what the grammar allows", arguments: RequestSamples.accepted)
    func accepts(_ sample: WireSample) {
        let transcript = Transcript.requests(wire(sample.text))
        #expect(transcript.lines.dropLast() == sample.events[...])
        #expect(transcript.lines.last == "start true partial false left 0")
    }

    @Test("Refuses what a section forbids", arguments: RequestSamples.refused)
    func refuses(_ sample: WireSample) throws {
        let rule = try #require(sample.rule)
        let transcript = Transcript.requests(wire(sample.text))
        #expect(transcript.lines.last == "refused \(rule.requestStatus.code) \(rule)")
    }

    @Test(
        "Gives the same events wherever the bytes are cut", arguments: RequestSamples.accepted + RequestSamples.refused)
    func split(_ sample: WireSample) {
        let bytes = wire(sample.text)
        let whole = Transcript.requests(bytes)
        #expect(Transcript.requests(bytes, cuts: Array(1..<max(bytes.count, 1))) == whole)
        // Beyond a few hundred bytes a cut at every one of them tests the same loop over and over.
        let step = max(1, bytes.count / 400)
        for cut in stride(from: 1, to: bytes.count, by: step) where Transcript.requests(bytes, cuts: [cut]) != whole {
            Issue.record("differs when cut at \(cut)")
        }
    }

    @Test("Every rule of a request names a section and repeats nothing", arguments: WireProblem.Rule.allCases)
    func explanations(_ rule: WireProblem.Rule) {
        #expect(rule.explanation.contains("RFC "))
        #expect(rule.explanation.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        #expect(WireProblem(response: rule).status == .badGateway)
        #expect([400, 413, 414, 417, 431, 501, 505].contains(WireProblem(request: rule).status.code))
    }

    @Test("Throws the same again once it has thrown")
    func staysFailed() throws {
        var decoder = RequestDecoder()
        var input = ByteBuffer(string: "GET\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in 0..<3 {
            #expect(throws: WireProblem(request: .requestLineInvalid)) { try decoder.next(from: &input) }
        }
        #expect(!decoder.isAtMessageStart && !decoder.hasPartialHead)
    }

    @Test("Knows whether a request has begun")
    func progress() throws {
        var decoder = RequestDecoder()
        var input = ByteBuffer()
        func feed(_ text: String) throws -> Bool {
            input.writeString(text)
            return try decoder.next(from: &input) != nil
        }
        #expect(decoder.isAtMessageStart)
        #expect(try !feed("\r\n"))
        #expect(decoder.isAtMessageStart && !decoder.hasPartialHead)
        #expect(try !feed("G"))
        #expect(!decoder.isAtMessageStart && decoder.hasPartialHead)
        #expect(try feed("ET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"))
        #expect(!decoder.isAtMessageStart && !decoder.hasPartialHead)
        #expect(try feed("x"))
        #expect(try feed(""))
        #expect(decoder.isAtMessageStart && !decoder.hasPartialHead)
    }

    @Test("Leaves the fields of an earlier request alone when it uses their room again")
    func reuse() throws {
        var decoder = RequestDecoder()
        var kept: [Headers] = []
        for number in 0..<4 {
            var input = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\nA: \(number)\r\nB: x\(number)\r\n\r\n")
            guard case .head(let head) = try decoder.next(from: &input) else {
                Issue.record("no head")
                return
            }
            if number != 1 { kept.append(head.headers) }
        }
        #expect(kept.map(\.description) == ["A: 0\nB: x0", "A: 2\nB: x2", "A: 3\nB: x3"])
    }

    @Test("Takes a head of exactly the limit and no byte more")
    func headLimit() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"
        let exact = Transcript.requests(wire(text), limits: ParserLimits(headBytes: text.utf8.count))
        #expect(exact.lines.first == "GET / authority 'a' none [A=b]")
        for bytes in 0..<text.utf8.count {
            let cut = Transcript.requests(wire(text), limits: ParserLimits(headBytes: bytes))
            #expect(cut.lines == ["refused 431 headTooLarge"])
        }
    }

    @Test("Takes content of exactly the limit and no byte more")
    func contentLimit() {
        let length = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        let chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        for text in [length, chunks] {
            let exact = Transcript.requests(wire(text), limits: ParserLimits(contentBytes: 3))
            #expect(exact.lines.contains("content \"abc\""))
            let over = Transcript.requests(wire(text), limits: ParserLimits(contentBytes: 2))
            #expect(over.lines.last == "refused 413 contentTooLarge")
        }
    }

    @Test("Lines received as name, colon, space, value are passed on in one piece")
    func receivedLines() throws {
        var decoder = RequestDecoder()
        var input = ByteBuffer(string: "GET / HTTP/1.1\r\nA: b\r\nHost: a\r\nC:d\r\nE: \r\nF: g \r\n\r\n")
        guard case .head(let head) = try decoder.next(from: &input) else {
            Issue.record("no head")
            return
        }
        #expect(head.headers.entries.map(\.origin) == [.receivedLine, .received, .receivedLine, .received])
        var output = ByteBuffer()
        head.headers.write(into: &output)
        #expect(String(buffer: output) == "A: b\r\nC: d\r\nE: \r\nF: g\r\n")
    }

    @Test("Content is a slice of what was received, never a copy")
    func slices() throws {
        var decoder = RequestDecoder()
        var input = ByteBuffer(string: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        let address = input.withUnsafeReadableBytes { $0.baseAddress.map { Int(bitPattern: $0) } ?? 0 }
        _ = try decoder.next(from: &input)
        guard case .body(let part) = try decoder.next(from: &input) else {
            Issue.record("no content")
            return
        }
        let partAddress = part.withUnsafeReadableBytes { $0.baseAddress.map { Int(bitPattern: $0) } ?? 0 }
        #expect(partAddress - address == 47)
    }
}
