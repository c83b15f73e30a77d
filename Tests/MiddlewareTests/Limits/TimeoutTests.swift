import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("Timeout")
struct TimeoutTests {
    @Test("a head that takes too long is answered 504", arguments: [true, false])
    func head(isWhole: Bool) async throws {
        let limit: Duration = .seconds(2)
        let timeout = Timeout(head: isWhole ? nil : limit, idle: nil, whole: isWhole ? limit : nil)
        let client = TestClient {
            timeout
            HandlerFunction { _, context in
                try await context.sleep(for: .seconds(3))
                return Response(.ok)
            }
        }
        async let response = client.get("/")
        await client.time.waitForTimers()
        client.time.advance(by: limit)
        #expect(try await response.status == .gatewayTimeout)
    }

    @Test("an origin that does not answer is given up with 504")
    func origin() async throws {
        let origin = ScriptedUpstream { $0.hang() }
        let handler = Pipeline([Timeout(head: .seconds(1))], endingIn: ReverseProxy(to: "http://10.0.0.1:80"))
        let client = TestClient(handler, origins: ["10.0.0.1:80": origin])
        async let response = client.get("/")
        await origin.waitForRequests()
        client.time.advance(by: .seconds(1))
        #expect(try await response.status == .gatewayTimeout)
    }

    @Test("an answer within the limits passes, and nothing is left of them for later waits")
    func inTime() async throws {
        let client = TestClient {
            HeadWait()
            Timeout(head: .seconds(2), idle: .seconds(2), whole: .seconds(4))
            HandlerFunction { _, context in
                try await context.sleep(for: .seconds(1))
                return Response(.ok, body: .text("fine"))
            }
        }
        async let response = client.get("/")
        await client.time.waitForTimers()
        client.time.advance(by: .seconds(1))
        // The wait outside is longer than every limit.
        let answered = Task {
            while !Task.isCancelled {
                client.time.advance(by: .seconds(10))
                await Task.yield()
            }
        }
        #expect(try await response.body == "fine")
        answered.cancel()
    }

    @Test("a body of which no part comes breaks off after idle, each part counted anew", arguments: [false, true])
    func idle(isLive: Bool) async throws {
        let source = GatedSource("one")
        let client = client(Timeout(head: nil, idle: .seconds(2)), source, isLive: isLive)
        let stream = try await client.stream(.get, "/")
        #expect(stream.status == .ok)
        #expect(try await stream.read() == "one")
        async let second = stream.read()
        await source.hasBegun(reads: 2)
        client.time.advance(by: .milliseconds(1_900))
        source.give("two")
        #expect(try await second == "two")
        let third = Task { try await stream.read() }
        await source.hasBegun(reads: 3)
        client.time.advance(by: .milliseconds(1_900))
        #expect(!source.isCancelled)
        client.time.advance(by: .milliseconds(100))
        let error = await #expect(throws: BrokenResponse.self) { try await third.value }
        #expect(error?.cause is DeadlineExceeded)
        #expect(source.cancelReason is DeadlineExceeded)
    }

    @Test("a body whose end does not come in time breaks off, however lively it is")
    func whole() async throws {
        let source = GatedSource("one")
        let client = client(Timeout(head: nil, idle: .seconds(2), whole: .seconds(5)), source)
        let stream = try await client.stream(.get, "/")
        #expect(try await stream.read() == "one")
        for part in 2...4 {
            async let next = stream.read()
            await source.hasBegun(reads: part)
            client.time.advance(by: .seconds(1))
            source.give("more")
            #expect(try await next == "more")
        }
        let last = Task { try await stream.read() }
        await source.hasBegun(reads: 5)
        client.time.advance(by: .milliseconds(1_500))
        #expect(!source.isCancelled)
        client.time.advance(by: .milliseconds(500))
        await #expect(throws: BrokenResponse.self) { try await last.value }
        #expect(source.cancelReason is DeadlineExceeded)
    }

    @Test("parts that are there already are not given behind the end of whole")
    func readyButLate() async throws {
        let source = GatedSource("one", "two")
        let client = client(Timeout(head: nil, idle: nil, whole: .seconds(5)), source)
        let stream = try await client.stream(.get, "/")
        #expect(try await stream.read() == "one")
        client.time.advance(by: .seconds(5))
        await #expect(throws: BrokenResponse.self) { try await stream.read() }
        #expect(source.isCancelled)
    }

    @Test("a live body is not held to whole")
    func live() async throws {
        let source = GatedSource("one")
        let client = client(Timeout(head: nil, idle: nil, whole: .seconds(5)), source, isLive: true)
        let stream = try await client.stream(.get, "/")
        #expect(try await stream.read() == "one")
        client.time.advance(by: .seconds(50))
        source.give("two")
        #expect(try await stream.read() == "two")
        source.finish()
        #expect(try await stream.read() == nil)
    }

    @Test("limits of nothing, and no limit at all, are problems of the composition")
    func problems() {
        let problems = Timeout(head: .zero, idle: .seconds(-1), whole: .seconds(1)).blueprint.validate()
        #expect(problems.map(\.problem).filter { $0.hasPrefix("has ") }.count == 2)
        #expect(Timeout(head: nil, idle: nil).blueprint.validate().map(\.problem) == ["limits nothing"])
        #expect(Timeout().blueprint.validate().isEmpty)
    }

    @Test("a timed body keeps the rules of a source")
    func source() async {
        let around = BodySourceConformance(of: ["he", "llo"], becoming: "hello") { source in
            let context = RequestContext(runtime: Runtime())
            return TimedBody(source, idle: .seconds(60), whole: .seconds(600), since: context.worker.now, context)
        }
        #expect(await around.check() == [])
    }

    @Test("it leaves bodies and cancellation alone")
    func conformance() async {
        let timeout = Timeout(head: .seconds(60), idle: .seconds(60), whole: .seconds(60))
        #expect(await MiddlewareConformance(timeout).check() == [])
    }

    private func client(_ timeout: Timeout, _ source: GatedSource, isLive: Bool = false) -> TestClient {
        TestClient {
            timeout
            HandlerFunction { _, _ in
                var body = Body.stream(source)
                body.isLive = isLive
                return Response(.ok, body: body)
            }
        }
    }
}

/// Waits for ten seconds behind the head of the answer.
private struct HeadWait: Middleware {
    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        let response = try await next.handle(request, context: context)
        try await context.sleep(for: .seconds(10))
        return response
    }
}
