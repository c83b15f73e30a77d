import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// Every state of a connection and every event in it, seen from outside: what became of the exchange, and of the
/// connection.
@Suite("UpstreamConnection")
struct UpstreamConnectionTests {
    enum State: Sendable {
        /// In the pool, behind an answer.
        case idle
        /// The request went out.
        case awaitingHead
        /// Some of a head has come.
        case partialHead
        /// A head with `Content-Length: 10` and `abc` have come, and nobody has read.
        case unreadBody
        /// The same, and `abc` has been read.
        case readBody
        /// An answer in three parts is complete, and nobody has read.
        case complete
        /// The head of a request and some of its body went out, and more does not come.
        case uploading
    }

    enum Event: Sendable {
        case bytes(String)
        case end
        case reset
        case time(Int)
        /// The client goes away.
        case leave
        /// The answer is dropped.
        case drop
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let state: State
        let event: Event
        /// What became of the exchange once its answer was read.
        let outcome: String
        /// Idle, busy and waiting.
        let counts: [Int]

        init(_ state: State, _ event: Event, _ outcome: String, _ counts: [Int]) {
            (self.state, self.event, self.outcome, self.counts) = (state, event, outcome, counts)
        }

        var testDescription: String { "\(state), \(event)" }
    }

    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let (idle, busy, gone) = ([1, 0, 0], [0, 1, 0], [0, 0, 0])

    static let rows: [Row] = [
        Row(.idle, .bytes("x"), "200 ok", gone),
        Row(.idle, .bytes(ok), "200 ok", gone),
        Row(.idle, .end, "200 ok", gone),
        Row(.idle, .reset, "200 ok", gone),
        Row(.idle, .time(54), "200 ok", idle),
        Row(.idle, .time(55), "200 ok", gone),
        Row(.idle, .leave, "200 ok", idle),
        Row(.idle, .drop, "200 ok", idle),

        Row(.awaitingHead, .bytes(ok), "200 ok", idle),
        Row(.awaitingHead, .bytes(ok + "x"), "200 ok", gone),
        Row(.awaitingHead, .bytes(ok + ok), "200 ok", gone),
        Row(
            .awaitingHead, .bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"), "200 ok", gone
        ),
        Row(.awaitingHead, .bytes("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), "200 ok", gone),
        Row(.awaitingHead, .bytes("HTTP/1.1 204 No Content\r\n\r\n"), "204 ", idle),
        Row(.awaitingHead, .bytes("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), "304 ", idle),
        Row(.awaitingHead, .bytes("HTTP/1.1 103 Early Hints\r\n\r\n"), "waiting", busy),
        Row(.awaitingHead, .bytes("HTTP/1.1 100 Continue\r\n\r\n" + ok), "200 ok", idle),
        Row(.awaitingHead, .bytes("HTTP/1.1 101 Upgrade\r\n\r\n"), "failed: responseHead.origin.malformed", gone),
        Row(.awaitingHead, .bytes("garbage\r\n\r\n"), "failed: responseHead.origin.malformed", gone),
        Row(
            .awaitingHead, .bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "failed: responseHead.origin.malformed", gone),
        Row(.awaitingHead, .end, "failed: responseHead.origin.closed", gone),
        Row(.awaitingHead, .reset, "failed: responseHead.origin.closed", gone),
        Row(.awaitingHead, .time(59), "waiting", busy),
        Row(.awaitingHead, .time(60), "failed: responseHead.origin.timedOut", gone),
        Row(.awaitingHead, .leave, "failed: CancellationError", gone),

        Row(.partialHead, .bytes("\r\nContent-Length: 2\r\n\r\nok"), "200 ok", idle),
        Row(.partialHead, .end, "failed: responseHead.origin.closed", gone),
        Row(.partialHead, .reset, "failed: responseHead.origin.closed", gone),
        Row(.partialHead, .time(60), "failed: responseHead.origin.timedOut", gone),
        Row(.partialHead, .leave, "failed: CancellationError", gone),

        Row(.unreadBody, .bytes("defghij"), "200 abcdefghij", idle),
        Row(.unreadBody, .bytes("defghijk"), "200 abcdefghij", gone),
        Row(.unreadBody, .end, "200 abc, broken: closedInBody", gone),
        Row(.unreadBody, .reset, "200 abc, broken: closedInBody", gone),
        // It is the reader who is slow.
        Row(.unreadBody, .time(3_600), "200 abc…", busy),
        Row(.unreadBody, .leave, "200 abc, broken: CancellationError", gone),
        Row(.unreadBody, .drop, "200 …", gone),

        Row(.readBody, .bytes("defghij"), "200 abcdefghij", idle),
        Row(.readBody, .end, "200 abc, broken: closedInBody", gone),
        Row(.readBody, .reset, "200 abc, broken: closedInBody", gone),
        Row(.readBody, .time(59), "200 abc…", busy),
        Row(.readBody, .time(60), "200 abc, broken: bodyTimeout", gone),
        Row(.readBody, .leave, "200 abc, broken: CancellationError", gone),
        Row(.readBody, .drop, "200 abc…", gone),

        Row(.complete, .bytes("x"), "200 onetwothree", gone),
        Row(.complete, .end, "200 onetwothree", gone),
        Row(.complete, .reset, "200 onetwothree", gone),
        Row(.complete, .time(3_600), "200 onetwothree", idle),
        Row(.complete, .leave, "200 onetwothree", idle),
        Row(.complete, .drop, "200 …", idle),

        Row(.uploading, .bytes(ok), "200 ok", gone),
        Row(.uploading, .end, "failed: responseHead.origin.closed", gone),
        Row(.uploading, .reset, "failed: responseHead.origin.closed", gone),
        // It is the client who is slow.
        Row(.uploading, .time(3_600), "waiting", busy),
        Row(.uploading, .leave, "failed: CancellationError", gone),
    ]

    @Test("each event in each state", arguments: rows)
    func table(row: Row) async throws {
        try await withRig { rig in
            let (exchange, source) = try await reach(row.state, in: rig)
            switch row.event {
            case .bytes(let text): rig.origins[0].send(text)
            case .end: rig.origins[0].wire.close()
            case .reset: rig.origins[0].wire.reset()
            case .time(let seconds): rig.time.advance(by: .seconds(seconds))
            case .leave: exchange.leave()
            case .drop: exchange.drop()
            }
            await rig.settle()
            exchange.task = Task(executorPreference: rig.worker.executor) { await exchange.read() }
            await rig.settle()
            #expect(exchange.outcome == row.outcome)
            #expect(rig.counts == row.counts)
            #expect(rig.origins[0].hasEnded == (row.counts == Self.gone))
            if row.counts == Self.gone, let source { #expect(source.isReleased) }
        }
    }

    private func reach(
        _ state: State,
        in rig: UpstreamRig
    ) async throws -> (RigExchange, ScriptedSource.Record?) {
        let source = ScriptedSource([.bytes("some"), .hang])
        var request = Request(state == .uploading ? .post : .get, "/")
        if state == .uploading { request.body = .stream(source) }
        let exchange = await rig.sent(request, reads: state == .idle)
        let origin = try #require(rig.origins.first)
        var parts: [String] = []
        switch state {
        case .awaitingHead, .uploading: break
        case .idle: parts = [Self.ok]
        case .partialHead: parts = ["HTTP/1.1 200 OK\r\nServer: a"]
        case .unreadBody, .readBody: parts = ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "abc"]
        case .complete:
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            parts = [head, "3\r\none\r\n", "3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"]
        }
        for part in parts {
            origin.send(part)
            await rig.settle()
        }
        if state == .readBody { await exchange.readPart() }
        return (exchange, state == .uploading ? source.record : nil)
    }

    @Test("a connection that dies under a waiting read throws there")
    func deathWhileReading() async throws {
        try await withRig { rig in
            let exchange = await rig.sent(Request(.get, "/"))
            rig.origins[0].send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            await rig.settle()
            #expect(exchange.outcome == "200 abc…")
            await rig.advance(.seconds(59))
            rig.origins[0].send("d")
            await rig.advance(.seconds(59))
            #expect(exchange.outcome == "200 abcd…")
            await rig.advance(.seconds(1))
            #expect(exchange.outcome == "200 abcd, broken: bodyTimeout" && rig.counts == Self.gone)
        }
    }

    @Test("the deadline of a context breaks off what it waits for", arguments: ["head", "body"])
    func deadline(phase: String) async throws {
        try await withRig { rig in
            let exchange = rig.send(Request(.get, "/"), limit: .seconds(2))
            await rig.settle()
            if phase == "body" { rig.origins[0].send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") }
            await rig.settle()
            await rig.advance(.seconds(2))
            #expect(exchange.outcome == (phase == "head" ? "failed: " : "200 abc, broken: ") + "DeadlineExceeded")
            #expect(rig.counts == Self.gone && rig.origins[0].hasEnded)
        }
    }

    @Test("cancelling a bare task breaks off what it waits for", arguments: ["head", "body"])
    func bareTask(phase: String) async throws {
        try await withRig { rig in
            let exchange = rig.send(Request(.get, "/"), watchesTask: true)
            await rig.settle()
            if phase == "body" { rig.origins[0].send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") }
            await rig.settle()
            exchange.task?.cancel()
            await rig.settle()
            #expect(exchange.outcome == (phase == "head" ? "failed: " : "200 abc, broken: ") + "CancellationError")
            #expect(rig.counts == Self.gone && rig.origins[0].hasEnded)
        }
    }

    @Test("timeouts that are zero are no limit")
    func unlimited() async throws {
        try await withRig(
            .quiet {
                $0.headTimeout = .zero
                $0.idleTimeout = .zero
            }
        ) { rig in
            let exchange = await rig.sent(Request(.get, "/"))
            await rig.advance(.seconds(1_000_000))
            rig.origins[0].send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            await rig.advance(.seconds(1_000_000))
            rig.origins[0].send("defghij")
            await rig.settle()
            #expect(exchange.outcome == "200 abcdefghij")
        }
    }

    @Test("informational answers are passed on, but for 100")
    func informational() async throws {
        try await withRig { rig in
            let exchange = await rig.sent(Request(.get, "/"))
            rig.origins[0].send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
            await rig.settle()
            rig.origins[0].send("HTTP/1.1 102 Processing\r\n\r\n" + Self.ok)
            await rig.settle()
            #expect(exchange.informational == [103, 102] && exchange.outcome == "200 ok")
            #expect(rig.counts == Self.idle)
        }
    }
}
