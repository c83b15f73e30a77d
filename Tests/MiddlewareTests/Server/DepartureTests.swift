import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// A client that goes away before its answer is whole: the work for it ends.
@Suite("Server: clients that leave")
struct DepartureTests {
    enum Way: CaseIterable, Sendable {
        case reset, close, fin
    }

    private func leave(_ client: StandClient, by way: Way) async throws {
        switch way {
        case .reset: try await client.reset()
        case .close: try await client.close()
        case .fin: try await client.finishSending()
        }
    }

    @Test("during a handler's wait: the wait ends, and the exchange is finished once", arguments: Way.allCases)
    func duringHandler(way: Way) async throws {
        let (notes, outcomes) = (Notes(), Outcomes())
        let stand = ServerStand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                do {
                    try await context.sleep(for: .seconds(1000))
                } catch {
                    notes.add("\(type(of: error)), task \(Task.isCancelled ? "cancelled" : "going on")")
                    throw error
                }
                return Response(.ok)
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        try await stand.settle()
        try await leave(client, by: way)
        #expect(try await stand.until { outcomes.count == 1 })
        #expect(notes.all == ["CancellationError, task cancelled"])
        #expect(outcomes.ends == [.clientGone])
        #expect(try await client.isForgotten())
        try await stand.settle()
        #expect(outcomes.count == 1)
    }

    @Test("a handler that does not notice ends in its own time, and its body is released", arguments: Way.allCases)
    func unnoticed(way: Way) async throws {
        let (gate, outcomes, meter) = (Gate(), Outcomes(), MeteredSource.Meter())
        let stand = ServerStand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                await gate.pass()
                return Response(.ok, body: .stream(MeteredSource(meter)))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /") + request("GET /never"))
        try await stand.settle()
        try await leave(client, by: way)
        try await stand.settle()
        gate.open()
        #expect(try await stand.until { outcomes.count == 1 && meter.isDropped })
        #expect(outcomes.ends == [.clientGone])
        #expect(meter.pulls <= 1 && gate.arrived == 1)
        #expect(try await client.isForgotten())
    }

    @Test("while the body is read: the read throws", arguments: Way.allCases)
    func duringBody(way: Way) async throws {
        let (notes, outcomes) = (Notes(), Outcomes())
        let stand = ServerStand(
            HandlerFunction { request, context in
                outcomes.watch(context)
                do {
                    _ = try await request.body.collect(upTo: 1000)
                } catch {
                    notes.add("\(type(of: error))")
                    throw error
                }
                return Response(.ok)
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 10") + "12345")
        try await stand.settle()
        try await leave(client, by: way)
        #expect(try await stand.until { outcomes.count == 1 })
        #expect(notes.all == ["CancellationError"] && outcomes.ends == [.clientGone])
        #expect(outcomes.all.first?.bytesReceived == 5)
        #expect(try await client.isForgotten())
    }

    @Test("while the answer streams: the source is cancelled and let go", arguments: Way.allCases)
    func duringAnswer(way: Way) async throws {
        let (meter, outcomes) = (MeteredSource.Meter(), Outcomes())
        let stand = ServerStand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                return Response(.ok, body: .stream(MeteredSource(meter)))
            }
        )
        let client = try await stand.connect()
        try await client.setReading(false)
        try await client.send(request("GET /"))
        try await stand.settle()
        try await leave(client, by: way)
        #expect(try await stand.until { meter.isCancelled && meter.isDropped && outcomes.count == 1 })
        #expect(outcomes.ends == [.clientGone])
        #expect(try await client.isForgotten())
    }

    @Test("while the answer's source waits: it is cancelled, as the rules for sources say", arguments: Way.allCases)
    func duringSourceWait(way: Way) async throws {
        let (source, outcomes) = (GatedSource("first"), Outcomes())
        let stand = ServerStand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                return Response(.ok, body: .stream(source))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        #expect(try await client.sees("first"))
        try await leave(client, by: way)
        do {
            let isMet = try await stand.until { source.isCancelled && outcomes.count == 1 }
            try #require(isMet)
        }
        source.cancel(CancellationError())
        #expect(try await stand.until { outcomes.ends == [.clientGone] })
        #expect(try await client.isForgotten())
    }

    @Test("while a source waits that minds its task: it ends", arguments: Way.allCases)
    func duringTaskWait(way: Way) async throws {
        let outcomes = Outcomes()
        let source = ScriptedSource([.bytes("first"), .hang])
        let (record, box) = (source.record, Ferry(source))
        let stand = ServerStand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                return Response(.ok, body: .stream(box.value))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        #expect(try await client.sees("first"))
        try await leave(client, by: way)
        #expect(try await stand.until { record.isReleased && outcomes.count == 1 })
        #expect(outcomes.ends == [.clientGone])
        #expect(try await client.isForgotten())
    }

    @Test("before the last bytes of a small answer have left: the exchange ends as gone")
    func beforeLastByte() async throws {
        let outcomes = Outcomes()
        let stand = ServerStand(
            HandlerFunction { _, context in
                outcomes.watch(context)
                return Response(.ok, body: .text("never read"))
            }
        )
        let client = try await stand.connect()
        try await client.setReading(false)
        try await client.send(request("GET /"))
        try await stand.settle()
        #expect(outcomes.count == 0)
        try await client.reset()
        #expect(try await stand.until { outcomes.count == 1 })
        #expect(outcomes.ends == [.clientGone])
        #expect(try await client.isForgotten())
    }

    @Test("work that was spawned goes on without the client")
    func spawned() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { _, context in
                context.spawn { context in
                    try? await context.sleep(for: .seconds(5))
                    notes.add(Task.isCancelled ? "cancelled" : "done")
                }
                try await context.sleep(for: .seconds(1000))
                return Response(.ok)
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        try await stand.settle()
        try await client.reset()
        #expect(try await client.isForgotten())
        #expect(notes.count == 0)
        try await stand.pass(.seconds(6))
        #expect(try await stand.until { notes.all == ["done"] })
    }

    @Test("a read in a task that is cancelled already throws, and does not wait for the client")
    func cancelledReader() async throws {
        let notes = Notes()
        let stand = ServerStand(
            HandlerFunction { request, _ in
                let source = Ferry(try request.body.open())
                let reader = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    _ = try await source.value.read()
                }
                notes.add(
                    await {
                        do {
                            try await reader.value
                            return "read"
                        } catch { return "\(type(of: error))" }
                    }())
                return Response(.ok)
            }
        )
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 10"))
        do {
            let isMet = try await stand.until { notes.all == ["CancellationError"] }
            try #require(isMet)
        }
        try await client.close()
        #expect(try await client.isForgotten())
    }

    // MARK: Half-closed connections

    @Test("a listener that allows it answers a client that closes its side behind a whole request")
    func halfClose() async throws {
        let stand = ServerStand(
            HandlerFunction { request, context in
                try await context.sleep(for: .seconds(1))
                return Response(.ok, body: .bytes(try await request.body.collect(upTo: 100)))
            }
        ) { $0.allowsHalfClose = true }
        let client = try await stand.connect()
        try await client.send(request("POST /", body: "whole"))
        try await client.finishSending()
        try await stand.pass(.seconds(2))
        let answer = try await client.answer(to: .post)
        #expect(answer.body == "whole" && answer.closes)
        #expect(try await client.ending() == .closed)
        #expect(try await client.isForgotten())
    }

    @Test("such a listener still lets a client go that closes in the middle of a body")
    func halfCloseMidway() async throws {
        let outcomes = Outcomes()
        let stand = ServerStand(
            HandlerFunction { request, context in
                outcomes.watch(context)
                return Response(.ok, body: .bytes(try await request.body.collect(upTo: 100)))
            }
        ) { $0.allowsHalfClose = true }
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 10") + "half")
        try await stand.settle()
        try await client.finishSending()
        #expect(try await stand.until { outcomes.count == 1 })
        #expect(outcomes.ends == [.clientGone])
        #expect(try await client.rest() == "")
    }

    @Test("a slow client that closed its side gets the whole answer")
    func halfCloseSlowly() async throws {
        let stand = ServerStand(
            HandlerFunction { _, _ in Response(.ok, body: .text(String(repeating: "s", count: 10_000))) }
        ) { $0.allowsHalfClose = true }
        let client = try await stand.connectHeld()
        try await client.hold(true)
        try await client.send(request("GET /"))
        try await client.finishSending()
        try await stand.settle()
        try await client.hold(false)
        try await stand.settle()
        let text = try await client.text()
        #expect(text.utf8.count > 10_000)
    }

    @Test("every whole request ahead of the close is answered")
    func halfClosePipelined() async throws {
        let stand = ServerStand(
            HandlerFunction { request, context in
                try await context.sleep(for: .seconds(1))
                return Response(.ok, body: .text(request.path))
            }
        ) { $0.allowsHalfClose = true }
        let client = try await stand.connect()
        try await client.send(request("GET /a") + request("GET /b"))
        try await client.finishSending()
        try await stand.pass(.seconds(3))
        #expect(try await client.answer().body == "/a")
        do {
            let answer = try await client.answer()
            #expect(answer.body == "/b")
        }
    }
}
