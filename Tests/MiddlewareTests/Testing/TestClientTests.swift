import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import ServiceLifecycle
import Synchronization
import Testing

@Suite("TestClient")
struct TestClientTests {
    @Test("it gives the answer whole: status, fields, content, trailers, and how the exchange ended")
    func answers() async throws {
        let client = TestClient(
            HandlerFunction { request, context in
                try await context.sendInformational(.earlyHints, [.server: "early"])
                let content = try await request.body.collect(upTo: 100)
                var response = Response(.created, body: .bytes(content, trailers: [.server: "late"]))
                response.headers[.location] = request.path
                return response
            }
        )
        let response = try await client.post("/things?a=1", body: "content")
        #expect(response.status == .created && response.headers[.location] == "/things" && response.body == "content")
        #expect(response.trailers?[.server] == "late")
        #expect(response.informational.map(\.status) == [.earlyHints])
        #expect(response.outcome.bytesSent == 7 && response.outcome.bytesReceived == 7)
        guard case .complete = response.outcome.end else {
            Issue.record("the exchange ended as \(response.outcome.end)")
            return
        }
    }

    @Test("requests look as they do under a server")
    func requests() async throws {
        let client = TestClient(
            HandlerFunction { request, context in
                let words = [
                    request.method.rawValue, request.scheme, request.authority, "\(request.target)",
                    request.headers[.contentLength] ?? "none", "\(request.body.isReplayable)",
                    context.peer.remote?.ipAddress ?? "none",
                ]
                return Response(.ok, body: .text(words.joined(separator: " ")))
            }
        )
        #expect(try await client.get("/a/../b?c").body == "GET http localhost /b?c none true 192.0.2.1")
        let put = try await client.put("/", headers: [.host: "a.example"], body: "xyz")
        #expect(put.body == "PUT http a.example / 3 false 192.0.2.1")
    }

    @Test("a target that a server refuses is refused", arguments: ["no-slash", "/../a", "/%zz", "/a b"])
    func refused(target: String) async throws {
        let client = TestClient(HandlerFunction { _, _ in Response(.ok) })
        #expect(try await client.get(target).status == .badRequest)
        #expect(try await client.stream(.get, target).status == .badRequest)
    }

    @Test("answers to HEAD, 204 and 304 come without content, and the body is released")
    func withoutContent() async throws {
        let records = Mutex<[ScriptedSource.Record]>([])
        let client = TestClient(
            HandlerFunction { request, _ in
                let source = ScriptedSource([.bytes("content"), .hang])
                records.withLock { $0.append(source.record) }
                return Response(request.path == "/204" ? .noContent : .ok, body: .stream(source))
            }
        )
        #expect(try await client.head("/").bytes.readableBytes == 0)
        #expect(try await client.get("/204").bytes.readableBytes == 0)
        #expect(records.withLock { $0.map(\.isReleased) } == [true, true])
    }

    @Test("a throw is answered")
    func throwing() async throws {
        let client = TestClient(HandlerFunction { _, _ in throw HTTPError(.conflict, "busy") })
        let response = try await client.get("/")
        #expect(response.status == .conflict && response.body.contains("busy"))
    }

    @Test("an answer that breaks off is thrown, with what came")
    func brokenOff() async throws {
        let client = TestClient(
            HandlerFunction { _, _ in
                Response(.ok, body: .stream(ScriptedSource([.bytes("half"), .fail(HTTPError(.gone))])))
            }
        )
        let error = try await #require(throws: BrokenResponse.self) { try await client.get("/") }
        #expect(error.response.status == .ok && error.response.body == "half" && error.cause is HTTPError)
    }

    @Test("content that differs from its declared length is seen", arguments: [3, 5])
    func wrongLength(declared: Int) async throws {
        let client = TestClient(
            HandlerFunction { _, _ in
                Response(.ok, body: .stream(ScriptedSource([.bytes("four")], knownLength: declared)))
            }
        )
        let error = try await #require(throws: BrokenResponse.self) { try await client.get("/") }
        #expect(error.cause is BodyLengthMismatch)
    }

    @Test("problems of the composition are thrown by the first request, all at once")
    func composition() async throws {
        struct Needy: HeadMiddleware {
            var blueprint: Blueprint { Blueprint("Needy", placement: Placement(requires: ["a", "b"])) }
            func before(_ request: inout Request, context: RequestContext) -> Response? { nil }
        }
        let client = TestClient(origins: ["": .refusing]) {
            Needy()
            HandlerFunction { _, _ in Response(.ok) }
        }
        let error = try await #require(throws: CompositionError.self) { try await client.get("/") }
        #expect(error.problems.count == 3)
        #expect(throws: CompositionError.self) { try client.validate() }
    }

    @Test("a sleep of a handler lasts until the clock is moved")
    func manualTime() async throws {
        let time = ManualTime()
        let client = TestClient(time: time) {
            HandlerFunction { _, context in
                try await context.sleep(for: .seconds(60))
                return Response(.ok)
            }
        }
        async let response = client.get("/")
        await time.waitForTimers()
        time.advance(by: .seconds(60))
        #expect(try await response.status == .ok)
    }

    @Test("a deadline passes on the manual clock")
    func deadline() async throws {
        let time = ManualTime()
        let client = TestClient(time: time) {
            HandlerFunction { _, context in
                let scope = context.limit(to: .seconds(1))
                try await context.sleep(for: .seconds(60))
                scope.lift()
                return Response(.ok)
            }
        }
        async let response = client.get("/")
        await time.waitForTimers()
        time.advance(by: .seconds(1))
        #expect(try await response.status == .gatewayTimeout)
    }

    @Test("a cancelled task is a client that goes away")
    func cancelled() async throws {
        let time = ManualTime()
        let client = TestClient(time: time) {
            HandlerFunction { _, context in
                try await context.sleep(for: .seconds(60))
                return Response(.ok)
            }
        }
        let task = Task { try await client.get("/") }
        await time.waitForTimers()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a stream is read part by part, and leaving releases what it comes from")
    func streams() async throws {
        let records = Mutex<ScriptedSource.Record?>(nil)
        let outcomes = Mutex<[Outcome]>([])
        let client = TestClient(
            HandlerFunction { _, context in
                context.onFinish { _, outcome in outcomes.withLock { $0.append(outcome) } }
                let source = ScriptedSource([.bytes("one"), .bytes("two"), .hang])
                records.withLock { $0 = source.record }
                return Response(.ok, body: .stream(source))
            }
        )
        let stream = try await client.stream(.get, "/")
        #expect(stream.status == .ok)
        #expect(try await stream.read() == "one")
        #expect(try await stream.read() == "two")
        let third = Task { try await stream.read() }
        stream.leave()
        await #expect(throws: CancellationError.self) { try await third.value }
        await records.withLock { $0 }?.waitUntilReleased()
        #expect(outcomes.withLock { $0.map(\.bytesSent) } == [6])
    }

    @Test("a stream that is dropped leaves")
    func dropped() async throws {
        let records = Mutex<ScriptedSource.Record?>(nil)
        let client = TestClient(
            HandlerFunction { _, _ in
                let source = ScriptedSource([.hang])
                records.withLock { $0 = source.record }
                return Response(.ok, body: .stream(source))
            }
        )
        _ = try await client.stream(.get, "/")
        await records.withLock { $0 }?.waitUntilReleased()
    }

    @Test("handlers run on the one event loop, also for a caller on the main actor")
    @MainActor func onTheLoop() async throws {
        let client = TestClient(HandlerFunction { _, context in Response(context.worker.isCurrent ? .ok : .conflict) })
        #expect(try await client.get("/").status == .ok)
    }

    @Test("a handler that gives up while its client is there is answered 503, an interim status 500, as a server does")
    func answersOfAServer() async throws {
        let gaveUp = TestClient(HandlerFunction { _, _ in throw CancellationError() })
        #expect(try await gaveUp.get("/").status == .serviceUnavailable)
        let interim = TestClient(HandlerFunction { _, _ in Response(.earlyHints, body: .text("a")) })
        #expect(try await interim.get("/").status == .internalServerError)
    }

    @Test("the background services of the gateway run for as long as the client lives")
    func services() async throws {
        let (starts, ends) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
        do {
            let client = TestClient(Serviced(starts.continuation, ends.continuation))
            #expect(try await client.get("/").status == .ok)
            for await _ in starts.stream { break }
        }
        for await _ in ends.stream { break }
    }
}

/// A handler with a service that tells of its start and its end.
private struct Serviced: Handler {
    private final class Background: Service {
        let (starts, ends): (AsyncStream<Void>.Continuation, AsyncStream<Void>.Continuation)

        init(_ starts: AsyncStream<Void>.Continuation, _ ends: AsyncStream<Void>.Continuation) {
            (self.starts, self.ends) = (starts, ends)
        }

        func run() async throws {
            starts.yield()
            try? await gracefulShutdown()
            ends.yield()
        }
    }

    private let background: Background

    init(_ starts: AsyncStream<Void>.Continuation, _ ends: AsyncStream<Void>.Continuation) {
        background = Background(starts, ends)
    }

    var blueprint: Blueprint {
        var blueprint = Blueprint("Serviced")
        blueprint.services = [background]
        return blueprint
    }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response { Response(.ok) }
}
