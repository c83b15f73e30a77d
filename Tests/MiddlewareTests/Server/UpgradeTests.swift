import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// Connections that are handed over to a handler (RFC 9110 section 7.8).
@Suite("Server: upgrades")
struct UpgradeTests {
    /// Greets, then sends back what comes.
    private struct Echo: Handler {
        let notes: Notes
        var gate: Gate?

        func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
            guard request.upgradeProtocol == "echo" || request.method == .connect else {
                return Response(.ok, body: .text("no upgrade"))
            }
            if let gate { await gate.pass() }
            var response = Response(request.method == .connect ? .ok : .switchingProtocols)
            response.upgrade = { [notes] connection, _ in
                let (inbound, outbound) = connection.halves()
                do {
                    try await outbound.write(ByteBuffer(string: "hello "))
                    while let bytes = try await inbound.read() { try await outbound.write(bytes) }
                    notes.add("end of input")
                } catch {
                    notes.add("failed")
                    throw error
                }
            }
            return response
        }
    }

    private let offer = request("GET /", "Connection: upgrade", "Upgrade: echo")
    private let switching = "HTTP/1.1 101 Switching Protocols\r\n"

    @Test("after a 101 the bytes go both ways, and the end ends it")
    func bothWays() async throws {
        let (notes, outcomes) = (Notes(), Outcomes())
        let echo = Echo(notes: notes)
        let stand = ServerStand(
            HandlerFunction { request, context in
                outcomes.watch(context)
                return try await echo.handle(request, context: context)
            }
        )
        let client = try await stand.connect()
        try await client.send(offer)
        #expect(try await client.sees("\r\n\r\nhello "))
        let head = try await client.rest()
        #expect(
            head.hasPrefix(switching) && head.contains("Upgrade: echo\r\n") && head.contains("Connection: upgrade\r\n"))
        #expect(!head.contains("Content-Length") && !head.contains("Transfer-Encoding"))
        for text in ["one", "GET / HTTP/1.1\r\n\r\n", "three"] {
            try await client.send(text)
            #expect(try await client.sees(text))
            _ = try await client.rest()
        }
        #expect(outcomes.count == 0)
        try await client.finishSending()
        #expect(try await client.ending() != .open)
        #expect(try await stand.until { outcomes.count == 1 })
        #expect(notes.all == ["end of input"] && outcomes.ends == [.complete])
        #expect(try await client.isForgotten())
    }

    @Test("bytes that came with the head, or before the answer, are not lost")
    func earlyBytes() async throws {
        let (notes, gate) = (Notes(), Gate())
        let stand = ServerStand(Echo(notes: notes, gate: gate))
        let client = try await stand.connect()
        try await client.send(offer + "early ")
        try await stand.settle()
        try await client.send("later ")
        try await stand.settle()
        gate.open()
        #expect(try await client.sees("\r\n\r\nhello early later "))
        try await client.send("last")
        #expect(try await client.sees("later last"))
        try await client.finishSending()
        #expect(try await client.isForgotten())
    }

    @Test("more early bytes than the server holds are not lost either")
    func manyEarlyBytes() async throws {
        let (notes, gate) = (Notes(), Gate())
        let stand = ServerStand(Echo(notes: notes, gate: gate))
        let client = try await stand.connect(capacity: 1 << 20)
        let text = (0..<40_000).map { "\($0 % 10)" }.joined() + String(repeating: "x", count: 200_000) + "end"
        try await client.send(offer + text)
        try await stand.settle(turns: 100)
        gate.open()
        #expect(try await client.sees("end"))
        let seen = try await client.rest()
        #expect(seen.hasSuffix("hello " + text))
        try await client.close()
        #expect(try await client.isForgotten())
    }

    @Test("CONNECT becomes a tunnel with a 2xx")
    func connectMethod() async throws {
        let stand = ServerStand(Echo(notes: Notes()))
        let client = try await stand.connect()
        try await client.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nearly")
        #expect(try await client.sees("\r\n\r\nhello early"))
        let head = try await client.rest()
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && !head.contains("Content-Length"))
        try await client.finishSending()
        #expect(try await client.isForgotten())
    }

    @Test("a CONNECT that is refused ends the connection: what follows is no request")
    func refusedConnect() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { request, _ in
                notes.add(request.method.rawValue)
                return Response(.forbidden)
            }
        )
        let client = try await stand.connect()
        try await client.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" + request("GET /smuggled"))
        let answer = try await client.answer(to: .connect)
        #expect(answer.status == 403 && answer.closes)
        #expect(try await client.ending() == .ended)
        #expect(notes.all == ["CONNECT"])
    }

    @Test("a 101 that nobody offered for does not hand the connection over")
    func notOffered() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { _, _ in
                var response = Response(.switchingProtocols)
                response.upgrade = { _, _ in notes.add("handed over") }
                return response
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        try await stand.settle()
        #expect(notes.count == 0)
    }

    @Test(
        "a handler that answers 1xx has failed: the client gets a final answer, not the next one",
        arguments: [100, 101, 103])
    func interimAsFinal(status: Int) async throws {
        let stand = ServerStand(
            HandlerFunction { request, _ in
                request.path == "/next"
                    ? Response(.ok, body: .text("next")) : Response(HTTPResponse.Status(code: status))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /") + request("GET /next"))
        do {
            let answer = try await client.answer()
            #expect(answer.status >= 500)
        }
    }

    @Test("an upgrade that fails, or that ends, closes the connection", arguments: [true, false])
    func ends(isFailure: Bool) async throws {
        struct Broken: Error {}
        let outcomes = Outcomes()
        let stand = ServerStand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                var response = Response(.switchingProtocols)
                response.upgrade = { connection, _ in
                    let (_, outbound) = connection.halves()
                    try await outbound.write(ByteBuffer(string: "bye"))
                    if isFailure { throw Broken() }
                }
                return response
            }
        )
        let client = try await stand.connect()
        try await client.send(offer)
        #expect(try await client.sees("bye"))
        #expect(try await client.ending() != .open)
        #expect(outcomes.ends == [isFailure ? .originFailed : .complete])
        #expect(try await client.isForgotten())
    }

    @Test("a client that leaves ends the upgrade", arguments: [true, false])
    func clientLeaves(byReset: Bool) async throws {
        let notes = Notes()
        let stand = ServerStand(Echo(notes: notes))
        let client = try await stand.connect()
        try await client.send(offer)
        #expect(try await client.sees("hello "))
        try await (byReset ? client.reset() : client.close())
        #expect(try await stand.until { notes.count == 1 })
        #expect(notes.all == [byReset ? "failed" : "end of input"])
        #expect(try await client.isForgotten())
    }

    @Test("a drain waits for an upgrade, and breaks it off at its deadline")
    func drain() async throws {
        let notes = Notes()
        let stand = ServerStand(Echo(notes: notes))
        let client = try await stand.connect()
        try await client.send(offer)
        #expect(try await client.sees("hello "))
        let drained = Notes()
        try await stand.drain(drained)
        try await client.send("still")
        #expect(try await client.sees("still"))
        #expect(drained.count == 0)
        try await stand.abort()
        #expect(try await client.ending() != .open)
        #expect(try await stand.until { drained.count > 0 && notes.count == 1 })
        #expect(try await client.isForgotten())
    }

    @Test("a reader that does not read holds the client back")
    func backPressure() async throws {
        let gate = Gate()
        let stand = ServerStand(
            HandlerFunction { _, _ in
                var response = Response(.switchingProtocols)
                response.upgrade = { connection, _ in
                    let (inbound, outbound) = connection.halves()
                    await gate.pass()
                    var count = 0
                    while let bytes = try await inbound.read() { count += bytes.readableBytes }
                    try await outbound.write(ByteBuffer(string: "\(count)"))
                }
                return response
            }
        )
        let client = try await stand.connect(capacity: 1 << 24)
        try await client.send(offer)
        try await client.send(String(repeating: "b", count: 1 << 20))
        try await client.finishSending()
        try await stand.settle(turns: 200)
        let unsent = try await client.unsentCount()
        #expect((1 << 20) - unsent <= 64 << 10 + 2 * (16 << 10))
        gate.open()
        #expect(try await client.sees("\(1 << 20)"))
    }

    @Test("bytes of a request's body are not taken for bytes of the new protocol")
    func bodyFirst() async throws {
        let stand = ServerStand(Echo(notes: Notes()))
        let client = try await stand.connect()
        try await client.send(request("POST /", "Connection: upgrade", "Upgrade: echo", "Content-Length: 6") + "bod")
        try await stand.settle()
        try await client.send("y..raw")
        try await client.finishSending()
        try await stand.settle()
        let seen = try await client.rest()
        do {
            #expect(!seen.contains("y..") || !seen.hasPrefix(switching))
        }
    }

    @Test("a listener that allows half-closed connections tells the upgrade of an end that came early")
    func earlyEnd() async throws {
        let (notes, gate) = (Notes(), Gate())
        let stand = ServerStand(Echo(notes: notes, gate: gate)) { $0.allowsHalfClose = true }
        let client = try await stand.connect()
        try await client.send(offer + "early")
        try await client.finishSending()
        try await stand.settle()
        gate.open()
        #expect(try await client.sees("hello early"))
        do {
            let isMet = try await stand.until { notes.all == ["end of input"] }
            try #require(isMet)
        }
        try await client.reset()
        #expect(try await client.isForgotten())
    }
}
