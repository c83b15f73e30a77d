import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// What becomes of the connections of a loop when its server stops.
@Suite("Server: drain of connections")
struct DrainTests {
    private let slow = HandlerFunction { request, context in
        if request.path == "/slow" { try await context.sleep(for: .seconds(5)) }
        return Response(.ok, body: .text(request.path))
    }

    @Test("idle connections close at once, new ones and used ones")
    func idle() async throws {
        let (stand, notes) = (ServerStand(slow), Notes())
        let fresh = try await stand.connect()
        let used = try await stand.connect()
        try await used.send(request("GET /"))
        _ = try await used.answer()
        try await stand.settle()
        try await stand.drain(notes)
        for client in [fresh, used] {
            #expect(try await client.ending() != .open)
            #expect(try await client.rest() == "")
            #expect(try await client.isForgotten())
        }
        #expect(notes.count > 0)
    }

    @Test("a busy connection ends behind its answer, which says so")
    func busy() async throws {
        let (stand, notes) = (ServerStand(slow), Notes())
        let client = try await stand.connect()
        try await client.send(request("GET /slow"))
        try await stand.settle()
        try await stand.drain(notes)
        try await stand.settle()
        #expect(notes.count == 0)
        try await stand.pass(.seconds(5))
        let answer = try await client.answer()
        #expect(answer.body == "/slow" && answer.closes)
        #expect(try await client.ending() == .ended)
        try await client.close()
        #expect(try await client.isForgotten())
        #expect(notes.count > 0)
    }

    @Test("a request whose head or body is on its way is still served")
    func partial() async throws {
        let (stand, notes) = (ServerStand(collectHandler), Notes())
        let (head, body) = (try await stand.connect(), try await stand.connect())
        try await head.send("GET / HTTP/1.1\r\nHo")
        try await body.send(request("POST /", "Content-Length: 4") + "ab")
        try await stand.settle()
        try await stand.drain(notes)
        try await head.send("st: a\r\n\r\n")
        try await body.send("cd")
        let answers = [try await head.answer(), try await body.answer(to: .post)]
        #expect(answers.map(\.status) == [200, 200] && answers.allSatisfy(\.closes))
        #expect(answers[1].body == "abcd")
    }

    @Test("a connection that comes in the last moment is closed")
    func late() async throws {
        let (stand, notes) = (ServerStand(slow), Notes())
        try await stand.drain(notes)
        let client = try await stand.connect()
        #expect(try await client.ending() != .open)
        #expect(try await client.isForgotten())
    }

    @Test("the deadline breaks off what is left: handlers, uploads, downloads, waits")
    func deadline() async throws {
        let (meter, outcomes, notes) = (MeteredSource.Meter(), Outcomes(), Notes())
        let stand = ServerStand(
            HandlerFunction { request, context in
                outcomes.watch(context)
                switch request.path {
                case "/sleep": try await context.sleep(for: .seconds(1000))
                case "/upload": _ = try await request.body.collect(upTo: 1000)
                default: return Response(.ok, body: .stream(MeteredSource(meter)))
                }
                return Response(.ok)
            }
        )
        let clients = [try await stand.connect(), try await stand.connect(), try await stand.connect()]
        try await clients[0].send(request("GET /sleep"))
        try await clients[1].send(request("POST /upload", "Content-Length: 10"))
        try await clients[2].setReading(false)
        try await clients[2].send(request("GET /download"))
        try await stand.settle()
        try await stand.drain(notes)
        try await stand.settle()
        #expect(notes.count == 0 && outcomes.count == 0)
        try await stand.abort()
        #expect(try await stand.until { outcomes.count == 3 && notes.count > 0 })
        #expect(meter.isCancelled)
        try await clients[2].setReading(true)
        for client in clients {
            #expect(try await client.ending() != .open)
            #expect(try await client.isForgotten())
        }
    }

    @Test("an answer that a slow client has not taken yet is not lost to the drain")
    func slowClient() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { _, _ in Response(.ok, body: .text(String(repeating: "s", count: 10_000))) }
        )
        let client = try await stand.connectHeld()
        try await client.hold(true)
        try await client.send(request("GET /"))
        try await stand.settle()
        try await stand.drain(notes)
        try await stand.settle()
        try await client.hold(false)
        try await stand.settle()
        let text = try await client.text()
        do {
            #expect(text.utf8.count > 10_000)
        }
    }

    @Test("a swap of the handler shows with the next request, and drops no connection")
    func swap() async throws {
        let stand = ServerStand(slow)
        let client = try await stand.connect()
        try await client.send(request("GET /slow") + request("GET /b"))
        try await stand.settle()
        try await stand.replace(HandlerFunction { _, _ in Response(.ok, body: .text("new")) })
        try await stand.pass(.seconds(5))
        #expect(try await client.answer().body == "/slow")
        #expect(try await client.answer().body == "new")
        #expect(try await client.state() == .open)
    }
}
