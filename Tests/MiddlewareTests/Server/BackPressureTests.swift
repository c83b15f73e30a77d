import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// Who does not take what comes holds back who sends it, both ways.
@Suite("Server: back-pressure")
struct BackPressureTests {
    @Test("a client that does not read stops the pulling of the answer's source; reading on ends it whole")
    func slowReader() async throws {
        let meter = MeteredSource.Meter()
        let stand = ServerStand(
            HandlerFunction { _, _ in
                Response(.ok, body: .stream(MeteredSource(meter, partBytes: 1024, count: 500)))
            }
        )
        let client = try await stand.connect(capacity: 32 << 10)
        try await client.setReading(false)
        try await client.send(request("GET /"))
        try await stand.settle(turns: 200)
        let pulled = meter.pulls
        #expect(pulled > 0 && pulled <= 40)
        try await client.setReading(true)
        #expect(try await client.answer().body.utf8.count == 500 << 10)
        #expect(meter.pulls == 501)
    }

    @Test("a handler that does not read stops the wire: a bounded part of the body is taken")
    func slowHandler() async throws {
        let gate = Gate()
        let stand = ServerStand(
            HandlerFunction { request, _ in
                await gate.pass()
                return Response(.ok, body: .text("\(try await request.body.collect(upTo: 1 << 24).readableBytes)"))
            }
        )
        let client = try await stand.connect(capacity: 1 << 24)
        let body = String(repeating: "z", count: 4 << 20)
        try await client.send(request("POST /", body: body))
        try await stand.settle(turns: 500)
        let waiting = try await client.unsentCount()
        // 64 KiB and one read are the server's; the rest stays with the client.
        #expect(body.utf8.count - waiting <= 64 << 10 + 2 * (16 << 10))
        gate.open()
        #expect(try await client.answer(to: .post).body == "\(body.utf8.count)")
    }

    @Test("pipelined requests behind a slow one are taken up to the same bound")
    func pipelinedBehindSlow() async throws {
        let gate = Gate()
        let stand = ServerStand(
            HandlerFunction { request, _ in
                if request.path == "/slow" { await gate.pass() }
                return Response(.ok, body: .text("a"))
            }
        )
        let client = try await stand.connect(capacity: 1 << 24)
        let many = String(repeating: request("GET /next"), count: 6000)
        try await client.send(request("GET /slow") + many)
        try await stand.settle(turns: 500)
        let unsent = try await client.unsentCount()
        #expect(many.utf8.count - unsent <= 64 << 10 + 2 * (16 << 10))
        gate.open()
        for _ in 0..<6001 { #expect(try await client.answer().body == "a") }
    }

    @Test("a client that pipelines and reads no answer is answered no further than the line takes")
    func pipelinesWithoutReading() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { _, _ in
                notes.add("")
                return Response(.ok, body: .bytes(ByteBuffer(repeating: 0x61, count: 8 << 10)))
            }
        )
        let client = try await stand.connect(capacity: 64 << 10)
        try await client.setReading(false)
        try await client.send(String(repeating: request("GET /"), count: 1000))
        try await stand.settle(turns: 200)
        #expect(notes.count <= 20)
        try await client.setReading(true)
        for _ in 0..<1000 { #expect(try await client.answer().body.utf8.count == 8 << 10) }
    }

    @Test("what a handler reads comes while the client still sends, and the wire is read on")
    func readsOn() async throws {
        let stand = ServerStand(
            HandlerFunction { request, _ in
                var count = 0
                for try await part in try request.body.chunks() { count += part.readableBytes }
                return Response(.ok, body: .text("\(count)"))
            }
        )
        let client = try await stand.connect(capacity: 1 << 24)
        let chunk = "10000\r\n" + String(repeating: "c", count: 0x10000) + "\r\n"
        try await client.send(request("POST /", "Transfer-Encoding: chunked"))
        for _ in 0..<50 { try await client.send(chunk) }
        try await client.send("0\r\n\r\n" + request("GET /"))
        #expect(try await client.answer(to: .post).body == "\(50 << 16)")
        #expect(try await client.answer().body == "0")
    }

    @Test(
        "a source that is always ready, and a client that is always faster, do not keep the loop to themselves",
        .timeLimit(.minutes(1))
    )
    func sharesTheLoop() async throws {
        let meter = MeteredSource.Meter()
        let stand = ServerStand(
            HandlerFunction { _, _ in
                Response(.ok, body: .stream(MeteredSource(meter, partBytes: 64 << 10)))
            }
        )
        let client = try await stand.connectHeld(capacity: .max)
        try await client.send(request("GET /"))
        // Neither of these would ever come back from a loop that only writes.
        try await stand.settle(turns: 3)
        try await client.finishSending()
        #expect(try await stand.until { meter.isCancelled })
    }

    @Test("an echo streams both ways at once in bounded memory")
    func echo() async throws {
        let stand = ServerStand(HandlerFunction { request, _ in Response(.ok, body: request.body) })
        let client = try await stand.connect(capacity: 64 << 10)
        try await client.setReading(false)
        let body = String(repeating: "e", count: 2 << 20)
        try await client.send(request("POST /", body: body))
        try await stand.settle(turns: 500)
        // What the line holds on the way back, what the server holds, and one read each.
        let unsent = try await client.unsentCount()
        #expect(body.utf8.count - unsent <= 256 << 10)
        try await client.setReading(true)
        #expect(try await client.answer(to: .post).body == body)
    }
}

/// Answers that come before the body of their request was read.
@Suite("Server: early answers")
struct EarlyAnswerTests {
    private let early = HandlerFunction { request, _ in
        Response(.ok, body: .text("early \(request.path)"))
    }

    @Test("a small body that nobody reads is thrown away, and the connection goes on", arguments: [true, false])
    func small(isChunked: Bool) async throws {
        let stand = ServerStand(early)
        let client = try await stand.connect()
        try await client.send(
            isChunked ? request("POST /a", "Transfer-Encoding: chunked") : request("POST /a", "Content-Length: 1000")
        )
        let answer = try await client.answer(to: .post)
        #expect(answer.body == "early /a" && !answer.closes)
        let body = String(repeating: "b", count: 1000)
        try await client.send(isChunked ? "3e8\r\n\(body)\r\n0\r\n\r\n" : body)
        try await client.send(request("GET /b"))
        #expect(try await client.answer().body == "early /b")
    }

    @Test("a large declared body that nobody reads ends the connection behind the answer, which says so")
    func large() async throws {
        let stand = ServerStand(early) { $0.limits.discardedBodyBytes = 1000 }
        let client = try await stand.connect()
        try await client.send(request("POST /a", "Content-Length: 1001"))
        let answer = try await client.answer(to: .post)
        #expect(answer.body == "early /a")
        do {
            #expect(answer.closes)
            let end = try await client.ending()
            #expect(end == .ended)
        }
        // The client may go on sending for a while without being reset, which would cost it the answer.
        try await client.send(String(repeating: "b", count: 1001) + request("GET /b"))
        #expect(try await client.state() == .ended)
        #expect(try await client.rest() == "")
        try await client.close()
        #expect(try await client.isForgotten())
    }

    @Test("a client that still sends while it is refused reads the answer first")
    func lingers() async throws {
        let stand = ServerStand(early) { $0.limits.discardedBodyBytes = 1000 }
        let client = try await stand.connect(capacity: 1 << 24)
        try await client.send(request("POST /a", body: String(repeating: "b", count: 3 << 20)))
        #expect(try await client.answer(to: .post).body == "early /a")
        #expect(try await client.ending() != .reset)
    }

    @Test("a body in chunks that turns out to be large ends the connection")
    func largeChunked() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { request, _ in
                notes.add(request.path)
                return Response(.ok, body: .text("early"))
            }
        ) { $0.limits.discardedBodyBytes = 1000 }
        let client = try await stand.connect()
        try await client.send(request("POST /a", "Transfer-Encoding: chunked"))
        #expect(try await client.answer(to: .post).body == "early")
        try await client.send("7d0\r\n" + String(repeating: "b", count: 2000) + "\r\n0\r\n\r\n" + request("GET /b"))
        #expect(try await client.ending() == .ended)
        #expect(notes.all == ["/a"])
    }

    @Test("a client that never sends the rest of a body that nobody reads is let go")
    func neverSent() async throws {
        let stand = ServerStand(early)
        let client = try await stand.connect()
        try await client.send(request("POST /a", "Content-Length: 1000"))
        #expect(try await client.answer(to: .post).body == "early /a")
        try await stand.pass(.seconds(5))
        #expect(try await client.ending() != .open)
        #expect(try await client.isForgotten())
    }

    @Test("a read that waits when the answer is out ends then, and gets no byte of the next request")
    func keptSource() async throws {
        let (kept, gate) = (Notes(), Gate())
        let stand = ServerStand(
            HandlerFunction { request, context in
                guard request.path == "/keep" else {
                    return Response(.ok, body: .bytes(try await request.body.collect(upTo: 1000)))
                }
                let source = Ferry(try request.body.open())
                context.spawn { _ in
                    do {
                        while case .bytes(let part) = try await source.value.read() { kept.add(String(buffer: part)) }
                        kept.add("ended")
                    } catch {
                        kept.add("threw")
                    }
                }
                await gate.pass()
                return Response(.ok, body: .text("early"))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /keep", "Content-Length: 10"))
        try await stand.settle()
        gate.open()
        #expect(try await client.answer(to: .post).body == "early")
        try await client.send("0123456789" + request("POST /next", "Content-Length: 6"))
        try await stand.settle()
        try await client.send("secret")
        do {
            #expect(kept.all == ["threw"])
            let answer = try await client.answer(to: .post)
            #expect(answer.body == "secret")
        }
    }

    @Test("a source that a handler kept is over once its answer is out")
    func lateRead() async throws {
        let (kept, gate) = (Notes(), Gate())
        let stand = ServerStand(
            HandlerFunction { request, context in
                guard request.path == "/keep" else {
                    return Response(.ok, body: .bytes(try await request.body.collect(upTo: 1000)))
                }
                let source = Ferry(try request.body.open())
                context.spawn { _ in
                    await gate.pass()
                    let part = try? await source.value.read()
                    kept.add(part == nil ? "threw" : "read")
                }
                return Response(.ok, body: .text("early"))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /keep", "Content-Length: 10"))
        #expect(try await client.answer(to: .post).body == "early")
        try await client.send("0123456789" + request("POST /next", "Content-Length: 6"))
        try await stand.settle()
        gate.open()
        #expect(try await stand.until { kept.count == 1 })
        try await client.send("secret")
        #expect(kept.all == ["threw"])
        #expect(try await client.answer(to: .post).body == "secret")
    }
}
