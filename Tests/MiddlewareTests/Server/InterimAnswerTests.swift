import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// 1xx answers: those of handlers, and the 100 that a client waits for before it sends a body.
@Suite("Server: interim answers")
struct InterimAnswerTests {
    private let earlyHints = HTTPResponse.Status(code: 103, reasonPhrase: "Early Hints")

    @Test("interim answers come ahead of the final one, in order")
    func informational() async throws {
        let hints = earlyHints
        let stand = ServerStand(
            HandlerFunction { _, context in
                try await context.sendInformational(.init(code: 102, reasonPhrase: "Processing"), [:])
                try await context.sendInformational(hints, [HTTPField.Name(literal: "Link"): "</a.css>"])
                return Response(.ok, body: .text("done"))
            }
        )
        let client = try await stand.connect()
        for _ in 0..<2 {
            try await client.send(request("GET /"))
            let answer = try await client.answer()
            #expect(answer.informational == [102, 103] && answer.body == "done")
        }
    }

    @Test("an interim answer leaves while the handler still works")
    func leavesAtOnce() async throws {
        let (gate, hints) = (Gate(), earlyHints)
        let stand = ServerStand(
            HandlerFunction { _, context in
                try await context.sendInformational(hints, [:])
                await gate.pass()
                return Response(.ok)
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        #expect(try await client.sees("HTTP/1.1 103 Early Hints\r\n\r\n"))
        gate.open()
        #expect(try await client.answer().status == 200)
    }

    @Test("a client of HTTP/1.0 gets none, also behind one of HTTP/1.1")
    func http10() async throws {
        let hints = earlyHints
        let stand = ServerStand(
            HandlerFunction { _, context in
                try await context.sendInformational(hints, [:])
                return Response(.ok, body: .text("done"))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /") + "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + request("GET /"))
        #expect(try await client.answer().informational == [103])
        #expect(try await client.answer().informational == [])
        #expect(try await client.answer().informational == [103])
    }

    @Test("none follows the head of the final answer, and the server's own statuses are not for handlers")
    func notAfterTheHead() async throws {
        /// Sends one from within the body.
        final class Late: BodySource {
            private let context: RequestContext
            private var reads = 0
            init(_ context: RequestContext) { self.context = context }
            var knownLength: Int? { nil }
            func read() async throws -> BodyPart {
                reads += 1
                try await context.sendInformational(.init(code: 103), [:])
                return reads > 2 ? .end(trailers: nil) : .bytes(ByteBuffer(string: "part"))
            }
            func cancel(_ reason: any Error) {}
        }
        let stand = ServerStand(
            HandlerFunction { _, context in
                try await context.sendInformational(.init(code: 100), [:])
                try await context.sendInformational(.init(code: 101), [:])
                try await context.sendInformational(.init(code: 200), [:])
                return Response(.ok, body: .stream(Late(context)))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /") + request("GET /"))
        for _ in 0..<2 {
            let answer = try await client.answer()
            #expect(answer.informational == [] && answer.status == 200 && answer.body == "partpart")
        }
    }

    // MARK: Expect: 100-continue (RFC 9110 section 10.1.1)

    private let expecting = request("POST /", "Expect: 100-continue", "Content-Length: 5")

    @Test("100 is sent when the body is read, and not before")
    func continues() async throws {
        let gate = Gate()
        let stand = ServerStand(
            HandlerFunction { request, _ in
                await gate.pass()
                return Response(.ok, body: .bytes(try await request.body.collect(upTo: 100)))
            }
        )
        let client = try await stand.connect()
        try await client.send(expecting)
        #expect(try await client.rest() == "")
        gate.open()
        #expect(try await client.sees("HTTP/1.1 100 Continue\r\n\r\n"))
        try await client.send("12345" + request("GET /"))
        let answer = try await client.answer(to: .post)
        #expect(answer.informational == [100] && answer.body == "12345" && !answer.closes)
        #expect(try await client.answer().informational == [])
    }

    @Test("a body that came without waiting needs no 100")
    func didNotWait() async throws {
        let stand = ServerStand(collectHandler)
        let client = try await stand.connect()
        try await client.send(expecting + "123")
        try await stand.settle()
        try await client.send("45")
        let answer = try await client.answer(to: .post)
        #expect(answer.body == "12345" && answer.informational == [] && !answer.closes)
    }

    @Test("a request that is refused without its body being read gets no 100, and the connection ends")
    func refused() async throws {
        let stand = ServerStand(HandlerFunction { _, _ in Response(.forbidden) })
        let client = try await stand.connect()
        try await client.send(expecting)
        let answer = try await client.answer(to: .post)
        #expect(answer.status == 403 && answer.informational == [] && answer.closes)
        try await client.send("12345" + request("GET /"))
        #expect(try await client.ending() == .ended)
        #expect(try await client.rest() == "")
    }

    @Test("an expectation of HTTP/1.0, or of a request without a body, is ignored")
    func ignored() async throws {
        let stand = ServerStand(collectHandler)
        let client = try await stand.connect()
        try await client.send(request("GET /", "Expect: 100-continue"))
        #expect(try await client.answer().informational == [])
        let old = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        try await client.send(old)
        #expect(try await client.rest() == "")
        try await client.send("12345")
        #expect(try await client.answer(to: .post).informational == [])
    }

    @Test("another expectation is refused with 417, and no handler is called")
    func unknown() async throws {
        let stand = ServerStand(pathHandler)
        let client = try await stand.connect()
        try await client.send(request("GET /", "Expect: magic"))
        let answer = try await client.answer()
        #expect(answer.status == 417 && answer.closes)
    }

    @Test("an answer that streams the request's body asks for it ahead of its own head, never within")
    func streamedBack() async throws {
        let stand = ServerStand(HandlerFunction { request, _ in Response(.ok, body: request.body) })
        let client = try await stand.connect()
        try await client.send(request("POST /", "Expect: 100-continue", "Transfer-Encoding: chunked"))
        try await stand.settle()
        try await client.send("5\r\n12345\r\n0\r\n\r\n")
        do {
            let answer = try await client.answer(to: .post)
            #expect(answer.informational == [100] && answer.body == "12345")
        }
    }
}
