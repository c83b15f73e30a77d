import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

@Suite("TrafficMirror")
struct TrafficMirrorTests {
    /// A request as the shadow saw it.
    private struct Seen: Sendable, Equatable {
        var method: HTTPRequest.Method
        var target: String
        var authority: String
        var body: String
        var mark: String?
        var accept: String?
    }

    /// A shadow that tells what it gets, and then does what it is told.
    private struct Shadow: Handler {
        let requests: AsyncStream<Seen>
        private let continuation: AsyncStream<Seen>.Continuation
        private let answer: @Sendable (RequestContext) async throws -> Response

        init(_ answer: @escaping @Sendable (RequestContext) async throws -> Response = { _ in Response(.ok) }) {
            (requests, continuation) = AsyncStream.makeStream()
            self.answer = answer
        }

        func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
            let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
            let query = request.target.query.map { "?\($0)" } ?? ""
            continuation.yield(
                Seen(
                    method: request.method, target: request.path + query, authority: request.authority, body: body,
                    mark: request.headers[TrafficMirrorTests.mark], accept: request.headers[.accept]))
            return try await answer(context)
        }

        func first() async -> Seen? {
            for await seen in requests { return seen }
            return nil
        }
    }

    /// Gives the body of the request back, and the mark if there is one.
    private struct Origin: Handler {
        func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
            let mark = request.headers[TrafficMirrorTests.mark]
            var response = Response(.ok, body: .bytes(try await request.body.collect(upTo: 1 << 20)))
            response.headers[TrafficMirrorTests.mark] = mark
            return response
        }
    }

    private static let mark = HTTPField.Name("X-Shadow")!

    private static let everything: TrafficMirror.Configuration = {
        var configuration = TrafficMirror.Configuration()
        configuration.methods = [.get, .head, .options, .post, .put]
        return configuration
    }()

    private func client(
        _ shadow: some Handler, share: Double = 1, _ configuration: TrafficMirror.Configuration = everything,
        origin: some Handler = Origin()
    ) -> TestClient {
        TestClient(
            Pipeline([TrafficMirror(to: shadow, share: share, configuration)], endingIn: origin))
    }

    private func stream(_ steps: [ScriptedSource.Step]) -> Request {
        var request = Request(.post, "/stream")
        request.body = .stream(ScriptedSource(steps))
        return request
    }

    /// The first request that the shadow sees when another follows that is certainly copied.
    private func firstSeen(_ shadow: Shadow, _ client: TestClient) async throws -> String? {
        _ = try await client.get("/marker")
        return await shadow.first()?.target
    }

    // MARK: What is copied

    @Test("the shadow gets a copy that is told by a field, and the origin gets the request as it was")
    func copy() async throws {
        let shadow = Shadow()
        let client = client(shadow)
        let answer = try await client.get("/a?b=c", headers: [.host: "example.com", .accept: "text/html"])
        #expect(answer.status == .ok)
        #expect(answer.headers[Self.mark] == nil)
        let expected = Seen(
            method: .get, target: "/a?b=c", authority: "example.com", body: "", mark: "1", accept: "text/html")
        #expect(await shadow.first() == expected)
    }

    @Test("a copy does not wait to be told to continue")
    func expectation() async throws {
        let expectation = Mutex<String?>("none yet")
        let shadow = Shadow()
        let reading = HandlerFunction { request, context in
            expectation.withLock { $0 = request.headers[.expect] }
            return try await shadow.handle(request, context: context)
        }
        _ = try await client(reading).put("/", headers: [.expect: "100-continue"])
        _ = await shadow.first()
        #expect(expectation.withLock { $0 } == nil)
    }

    @Test("a copy without a mark, or with another")
    func marks() async throws {
        for mark in [nil, HTTPField.Name.accept] {
            var configuration = Self.everything
            configuration.mark = mark
            let shadow = Shadow()
            _ = try await client(shadow, configuration).get("/")
            let seen = await shadow.first()
            #expect(seen?.mark == nil)
            #expect(seen?.accept == (mark == nil ? nil : "1"))
        }
    }

    private func client(_ shadow: some Handler, _ configuration: TrafficMirror.Configuration) -> TestClient {
        client(shadow, share: 1, configuration)
    }

    @Test("a body is copied once the origin has read it", arguments: [[], ["one"], ["one ", "two ", "three"]])
    func bodies(parts: [String]) async throws {
        let shadow = Shadow()
        let client = client(shadow)
        let answer = try await client.send(stream(parts.map { .bytes($0) }))
        #expect(answer.body == parts.joined())
        #expect(await shadow.first()?.body == parts.joined())
    }

    @Test("a body that is longer than is recorded reaches the origin whole, and the shadow not at all")
    func longBodies() async throws {
        var configuration = Self.everything
        configuration.bodyBytes = 10
        let shadow = Shadow()
        let client = client(shadow, configuration)
        let answer = try await client.send(stream((0..<9).map { .bytes("part \($0) ") }))
        #expect(answer.body == (0..<9).map { "part \($0) " }.joined())
        #expect(try await client.post("/known", body: "eleven byte").body == "eleven byte")
        #expect(try await firstSeen(shadow, client) == "/marker")
    }

    @Test("a body of which nobody reads the end is not copied")
    func unread() async throws {
        let shadow = Shadow()
        let client = client(shadow, origin: HandlerFunction { _, _ in Response(.ok) })
        _ = try await client.send(stream([.bytes("some"), .bytes("thing")]))
        #expect(try await firstSeen(shadow, client) == "/marker")
    }

    @Test("a body that fails is seen to fail by the origin, and not copied")
    func failing() async throws {
        let shadow = Shadow()
        let client = client(shadow)
        let answer = try await client.send(stream([.bytes("some"), .fail(HTTPError(.badRequest))]))
        #expect(answer.status == .badRequest)
        #expect(try await firstSeen(shadow, client) == "/marker")
    }

    @Test("requests that are not safe are not copied unless asked for")
    func methods() async throws {
        let shadow = Shadow()
        let client = client(shadow, TrafficMirror.Configuration())
        _ = try await client.post("/post", body: "x")
        _ = try await client.delete("/delete")
        #expect(try await firstSeen(shadow, client) == "/marker")
    }

    @Test("upgrades and live bodies are not copied")
    func endless() async throws {
        let shadow = Shadow()
        let client = client(shadow, origin: HandlerFunction { _, _ in Response(.ok) })
        var upgrade = Request(.get, "/upgrade")
        upgrade.upgradeProtocol = "websocket"
        _ = try await client.send(upgrade)
        var live = stream([.bytes("x"), .hang])
        live.body.isLive = true
        _ = try await client.send(live)
        #expect(try await firstSeen(shadow, client) == "/marker")
    }

    @Test("a share of the requests is copied", arguments: [1, 2, 3] as [UInt64])
    func share(seed: UInt64) async throws {
        let count = Mutex(0)
        let counting = Shadow()
        let shadow = HandlerFunction { request, context in
            count.withLock { $0 += 1 }
            return try await counting.handle(request, context: context)
        }
        let mirror = TrafficMirror(to: shadow, share: 0.2, Self.everything)
        let client = TestClient(
            Pipeline([mirror], endingIn: Origin()), randomness: SeededRandomness(seed: seed))
        for _ in 0..<1000 { _ = try await client.get("/") }
        // 200 are due; four standard deviations are 51. The last may still be on its way.
        #expect((149...251).contains(count.withLock { $0 }))
    }

    // MARK: What the shadow cannot do

    @Test("a shadow that hangs delays nobody, holds its place until its time is up, and then is given up")
    func hanging() async throws {
        var configuration = Self.everything
        configuration.concurrency = 1
        configuration.timeout = .seconds(3)
        let targets = Mutex<[String]>([])
        let shadow = HandlerFunction { request, context in
            targets.withLock { $0.append(request.path) }
            try await context.sleep(for: .seconds(3600))
            return Response(.ok)
        }
        let client = client(shadow, configuration)
        #expect(try await client.get("/first").status == .ok)
        await client.time.waitForTimers()
        for _ in 0..<5 { #expect(try await client.get("/left-out").status == .ok) }
        client.time.advance(by: .seconds(3))
        // The place comes free within a few turns of the loop.
        for _ in 0..<1000 where targets.withLock({ $0.count }) == 1 { _ = try await client.get("/again") }
        #expect(targets.withLock { $0 } == ["/first", "/again"])
    }

    @Test("the deadline of the request is not that of its copy")
    func deadlines() async throws {
        let shadow = Shadow { context in
            #expect(context.deadline.map { context.runtime.time.now.duration(to: $0) } == .seconds(10))
            return Response(.ok)
        }
        let client = TestClient {
            Timeout(whole: .seconds(1))
            TrafficMirror(to: shadow)
            Origin()
        }
        _ = try await client.get("/")
        _ = await shadow.first()
    }

    @Test("a shadow that fails breaks nothing", arguments: [true, false])
    func failingShadow(throwing: Bool) async throws {
        let shadow = Shadow { _ in
            if throwing { throw HTTPError(.badGateway) }
            return Response(.internalServerError)
        }
        let client = client(shadow)
        for _ in 0..<200 { #expect(try await client.post("/", body: "x").body == "x") }
        #expect(await shadow.first()?.body == "x")
    }

    @Test("the answer of the shadow is read to its end, but no further than a limit")
    func answers() async throws {
        for (parts, isWhole) in [(3, true), (30, false)] {
            var configuration = Self.everything
            configuration.answerBytes = 100
            let source = ScriptedSource(Array(repeating: .bytes("ten bytes."), count: parts))
            let record = source.record
            let shadow = Shadow { _ in Response(.ok, body: .stream(source)) }
            _ = try await client(shadow, configuration).get("/")
            await record.waitUntilReleased()
            #expect(record.isCancelled == !isWhole)
            #expect(record.bytesRead == (isWhole ? 30 : 110))
        }
    }

    @Test("an answer that never ends is given up at once")
    func liveAnswers() async throws {
        let source = ScriptedSource([.bytes("tick"), .hang])
        let shadow = Shadow { _ in
            var body = Body.stream(source)
            body.isLive = true
            return Response(.ok, body: body)
        }
        _ = try await client(shadow).get("/")
        await source.record.waitUntilReleased()
        #expect(source.record.bytesRead == 0)
    }

    // MARK: Composition

    private static func configuration(
        _ edit: (inout TrafficMirror.Configuration) -> Void
    ) -> TrafficMirror.Configuration {
        var configuration = TrafficMirror.Configuration()
        edit(&configuration)
        return configuration
    }

    @Test(
        "bad values are problems of the composition",
        arguments: [
            (1.1, configuration { _ in }, "copies a share of 1.1"),
            (.nan, configuration { _ in }, "copies a share of nan"),
            (1, configuration { $0.methods = [] }, "copies requests of no method"),
            (1, configuration { $0.bodyBytes = -1 }, "records -1 bytes"),
            (1, configuration { $0.concurrency = 0 }, "makes 0 copies at once"),
            (1, configuration { $0.timeout = .zero }, "gives the shadow 0.0 seconds"),
            (1, configuration { $0.answerBytes = -1 }, "reads -1 bytes of an answer"),
        ] as [(Double, TrafficMirror.Configuration, String)]
    )
    func problems(share: Double, configuration: TrafficMirror.Configuration, problem: String) {
        let mirror = TrafficMirror(to: Origin(), share: share, configuration)
        #expect(mirror.blueprint.validate().map(\.problem) == [problem])
    }

    @Test("the shadow is printed and checked as a branch of the chain")
    func blueprint() {
        let pipeline = Pipeline {
            TrafficMirror(to: Origin())
            Origin()
        }
        #expect("\(pipeline)" == "TrafficMirror\n├ shadow\n│   Origin\nOrigin")
    }

    @Test("it treats requests as a stranger should", arguments: [64 << 10, 0])
    func conformance(bodyBytes: Int) async {
        var configuration = Self.everything
        configuration.bodyBytes = bodyBytes
        #expect(await MiddlewareConformance(TrafficMirror(to: Origin(), configuration)).check() == [])
    }

    @Test("every label stands at its position and has a text of its own")
    func labels() {
        #expect(CopyOutcome.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
        #expect(Set(CopyOutcome.allCases.map(\.text)).count == CopyOutcome.allCases.count)
        #expect(FaultKind.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
        #expect(Set(FaultKind.allCases.map(\.text)).count == FaultKind.allCases.count)
        let names = ShapingMetric.metrics.map(\.metric.name)
        #expect(Set(names).count == names.count)
    }
}
