import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// What a client may take its time with, on a clock that the test moves.
@Suite("Server: timeouts")
struct ServerTimeoutTests {
    private func stand(
        _ handler: HandlerFunction = collectHandler,
        _ configure: (inout Server.Configuration) -> Void = { _ in }
    ) -> ServerStand {
        ServerStand(handler) {
            $0.timeouts.head = .seconds(10)
            $0.timeouts.bodyIdle = .seconds(30)
            $0.timeouts.keepAlive = .seconds(75)
            $0.timeouts.write = .seconds(20)
            $0.limits.bodyBytesPerSecond = 0
            configure(&$0)
        }
    }

    // MARK: Head

    @Test("a head that does not come in time is answered with 408 and the end")
    func head() async throws {
        let stand = stand()
        let client = try await stand.connect()
        try await client.send("GET / HTTP/1.1\r\nHo")
        try await stand.pass(.seconds(9))
        #expect(try await client.state() == .open)
        try await stand.pass(.seconds(2))
        let answer = try await client.answer()
        #expect(answer.status == 408 && answer.closes)
        #expect(try await client.ending() == .ended)
        try await stand.pass(.seconds(3))
        #expect(try await client.ending() != .open)
        #expect(try await client.isForgotten())
    }

    @Test("a head that drips in is not given longer for it")
    func drippedHead() async throws {
        let stand = stand()
        let client = try await stand.connect()
        for byte in "GET / HTTP/1.1\r\nHost".utf8 {
            try await client.send(ByteBuffer(integer: byte))
            try await stand.pass(.seconds(1))
        }
        #expect(try await client.answer().status == 408)
    }

    @Test("the time for a head begins with its first byte, also behind other requests")
    func laterHead() async throws {
        let stand = stand()
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        _ = try await client.answer()
        try await stand.pass(.seconds(60))
        try await client.send("GET / HT")
        try await stand.pass(.seconds(9))
        #expect(try await client.state() == .open)
        try await client.send("TP/1.1\r\nHost: a\r\n\r\nGET / HT")
        #expect(try await client.answer().status == 200)
        try await stand.pass(.seconds(9))
        #expect(try await client.state() == .open)
        try await stand.pass(.seconds(2))
        #expect(try await client.answer().status == 408)
    }

    @Test("a client that connects and sends nothing is closed without an answer")
    func nothing() async throws {
        let stand = stand()
        let client = try await stand.connect()
        try await stand.pass(.seconds(11))
        #expect(try await client.ending() != .open)
        #expect(try await client.rest() == "")
        #expect(try await client.isForgotten())
    }

    // MARK: Keep-alive

    @Test("an idle connection closes after its time, without an answer")
    func keepAlive() async throws {
        let stand = stand()
        let client = try await stand.connect()
        for _ in 0..<2 {
            try await client.send(request("GET /"))
            _ = try await client.answer()
            try await stand.pass(.seconds(70), step: .seconds(1))
            #expect(try await client.state() == .open)
        }
        try await stand.pass(.seconds(7), step: .seconds(1))
        #expect(try await client.ending() != .open)
        #expect(try await client.rest() == "")
        #expect(try await client.isForgotten())
    }

    @Test("empty lines do not keep a connection open")
    func emptyLines() async throws {
        let stand = stand()
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        _ = try await client.answer()
        try await stand.pass(.seconds(40), step: .seconds(1))
        try await client.send("\r\n")
        try await stand.pass(.seconds(40), step: .seconds(1))
        #expect(try await client.ending() != .open)
    }

    @Test("a short keep-alive is kept to")
    func shortKeepAlive() async throws {
        let stand = stand { $0.timeouts.keepAlive = .milliseconds(500) }
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        _ = try await client.answer()
        try await stand.pass(.milliseconds(750))
        #expect(try await client.ending() != .open)
    }

    @Test("without limits nothing ends a connection that waits")
    func noLimits() async throws {
        let stand = stand {
            $0.timeouts.head = .zero
            $0.timeouts.bodyIdle = .zero
            $0.timeouts.keepAlive = .zero
            $0.timeouts.write = .zero
        }
        let client = try await stand.connect()
        try await stand.pass(.seconds(5000), step: .seconds(100))
        try await client.send("POST / HTTP/1.1\r\nHost")
        try await stand.pass(.seconds(5000), step: .seconds(100))
        try await client.send(": a\r\nContent-Length: 3\r\n\r\na")
        try await stand.pass(.seconds(5000), step: .seconds(100))
        try await client.send("bc")
        #expect(try await client.answer(to: .post).body == "abc")
        try await stand.pass(.seconds(5000), step: .seconds(100))
        try await client.send(request("GET /"))
        #expect(try await client.answer().status == 200)
    }

    // MARK: Body

    @Test("a body that stops coming makes the read throw; left to itself that is 408 and the end")
    func bodyIdle() async throws {
        let outcomes = Outcomes()
        let stand = stand(
            HandlerFunction { request, context in
                outcomes.watch(context)
                return Response(.ok, body: .bytes(try await request.body.collect(upTo: 100)))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 10"))
        try await stand.pass(.seconds(29), step: .seconds(1))
        try await client.send("a")
        try await stand.pass(.seconds(29), step: .seconds(1))
        #expect(try await client.state() == .open)
        try await stand.pass(.seconds(3))
        let answer = try await client.answer(to: .post)
        #expect(answer.status == 408 && answer.closes)
        #expect(try await client.ending() == .ended)
        #expect(outcomes.ends == [.complete])
    }

    @Test("a body that comes slowly on and on is refused when its whole time is over")
    func wholeBody() async throws {
        let stand = stand { $0.timeouts.body = .seconds(60) }
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 1000"))
        for _ in 0..<7 {
            try await client.send("a")
            try await stand.pass(.seconds(10), step: .seconds(1))
        }
        #expect(try await client.answer(to: .post).status == 408)
    }

    @Test("time in which the handler does not wait for the body does not count")
    func handlerTime() async throws {
        let stand = stand(
            HandlerFunction { request, context in
                try await context.sleep(for: .seconds(500))
                return Response(.ok, body: .bytes(try await request.body.collect(upTo: 100)))
            }
        ) { $0.timeouts.body = .seconds(60) }
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 3"))
        try await stand.pass(.seconds(501), step: .seconds(5))
        try await stand.pass(.seconds(20), step: .seconds(1))
        try await client.send("abc")
        #expect(try await client.answer(to: .post).body == "abc")
    }

    @Test("a body slower than the minimum rate is refused once the first idle time has gone by")
    func minimumRate() async throws {
        let stand = stand { $0.limits.bodyBytesPerSecond = 100 }
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 1000000"))
        var seconds = 0
        while try await client.state() == .open, seconds < 300 {
            try await client.send(String(repeating: "a", count: 50))
            try await stand.pass(.seconds(1), step: .milliseconds(500))
            seconds += 1
        }
        #expect(try await client.answer(to: .post).status == 408)
        #expect(seconds >= 29 && seconds <= 62)
    }

    @Test("a body that keeps to the minimum rate may take its time")
    func fastEnough() async throws {
        let stand = stand { $0.limits.bodyBytesPerSecond = 100 }
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 20000"))
        for _ in 0..<100 {
            try await client.send(String(repeating: "a", count: 200))
            try await stand.pass(.seconds(1), step: .seconds(1))
        }
        #expect(try await client.answer(to: .post).body.utf8.count == 20_000)
    }

    // MARK: Write

    @Test("a client that takes nothing of an answer is reset, and its source is cancelled")
    func write() async throws {
        let (meter, outcomes) = (MeteredSource.Meter(), Outcomes())
        let stand = stand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                return Response(.ok, body: .stream(MeteredSource(meter)))
            }
        )
        let client = try await stand.connect()
        try await client.setReading(false)
        try await client.send(request("GET /"))
        try await stand.pass(.seconds(19))
        #expect(try await client.state() == .open && !meter.isCancelled)
        try await stand.pass(.seconds(2))
        #expect(try await client.ending() == .reset)
        #expect(try await stand.until { meter.isCancelled && outcomes.count == 1 })
        #expect(outcomes.ends == [.clientGone])
        #expect(try await client.isForgotten())
    }

    @Test("a client that takes something now and then is not reset")
    func slowWrite() async throws {
        let meter = MeteredSource.Meter()
        let stand = stand(
            HandlerFunction { _, _ in Response(.ok, body: .stream(MeteredSource(meter, count: 400))) }
        )
        let client = try await stand.connect()
        for _ in 0..<6 {
            try await client.setReading(false)
            if meter.pulls == 0 { try await client.send(request("GET /")) }
            try await stand.pass(.seconds(15), step: .seconds(1))
            try await client.setReading(true)
            try await stand.settle(turns: 5)
        }
        #expect(try await client.answer().body.utf8.count == 400 << 10)
    }

    @Test("a client that takes some of one large part now and then is not reset, until it takes none")
    func slowPart() async throws {
        let meter = MeteredSource.Meter()
        let stand = stand(
            HandlerFunction { _, _ in
                Response(.ok, body: .stream(MeteredSource(meter, partBytes: 400 << 10, count: 1)))
            }
        )
        let client = try await stand.connectHeld()
        try await client.hold(true)
        try await client.send(request("GET /"))
        for _ in 0..<6 {
            try await stand.pass(.seconds(15), step: .seconds(1))
            try await client.pass(1000)
        }
        #expect(try await !client.isOver())
        #expect(try await client.text().utf8.count == 6000)
        try await stand.pass(.seconds(41), step: .seconds(1))
        #expect(try await client.isOver())
    }

    @Test("a client that sends its body and takes nothing of the answer is reset all the same")
    func writeWhileReading() async throws {
        let meter = MeteredSource.Meter()
        let stand = stand(
            HandlerFunction { request, context in
                let source = Ferry(try request.body.open())
                context.spawn { _ in while case .bytes? = try? await source.value.read() {} }
                return Response(.ok, body: .stream(MeteredSource(meter)))
            }
        )
        let client = try await stand.connect()
        try await client.setReading(false)
        try await client.send(request("POST /", "Content-Length: 100"))
        for _ in 0..<10 {
            try await client.send("0123456789")
            try await stand.pass(.seconds(1))
        }
        try await stand.pass(.seconds(25))
        do {
            let state = try await client.state()
            try #require(state == .reset)
        }
        try await client.reset()
        #expect(try await stand.until { meter.isCancelled })
    }

    // MARK: The end of a connection

    @Test("a client that does not close behind the last answer is closed after a little while")
    func lingering() async throws {
        let stand = stand()
        let client = try await stand.connect()
        try await client.send(request("GET /", "Connection: close"))
        _ = try await client.answer()
        #expect(try await client.ending() == .ended)
        try await stand.pass(.seconds(3))
        #expect(try await client.ending() != .open)
        #expect(try await client.isForgotten())
    }

    @Test("a slow client gets the whole of its last answer, as long as it takes something")
    func lingeringSlowly() async throws {
        let stand = stand(
            HandlerFunction { _, _ in
                Response(.ok, body: .stream(ScriptedSource([.bytes(String(repeating: "s", count: 40_000))])))
            }
        )
        let client = try await stand.connectHeld()
        try await client.hold(true)
        try await client.send("GET / HTTP/1.0\r\n\r\n")
        try await stand.pass(.seconds(5))
        try await client.hold(false)
        try await stand.settle()
        let text = try await client.text()
        do {
            try #require(text.utf8.count > 40_000)
        }
    }
}
