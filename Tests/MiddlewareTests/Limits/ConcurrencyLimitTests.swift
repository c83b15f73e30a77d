import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("ConcurrencyLimit")
struct ConcurrencyLimitTests {
    private let source = GatedSource("one")

    @Test("a place is held to the last byte of the answer; who finds none waits, who finds no room is refused")
    func places() async throws {
        let limit = limit(queue: 1)
        let client = client(limit)
        let first = try await client.stream(.get, "/stream")
        #expect(try await first.read() == "one")
        async let second = client.get("/")
        await client.time.waitForTimers()
        let third = try await client.get("/")
        #expect(third.status == .serviceUnavailable)
        #expect(third.headers[.retryAfter] == "1")
        #expect(third.headers[.contentType] == "application/problem+json")
        #expect(limit.places.counts == (1, 1, 1))
        source.finish()
        #expect(try await first.read() == nil)
        #expect(try await second.status == .ok)
        #expect(limit.places.counts == (0, 0, 0))
    }

    @Test("an answer that is given up, and one that fails, give their place back", arguments: [true, false])
    func givenUp(isLeft: Bool) async throws {
        let limit = limit(queue: 1)
        let client = client(limit)
        let first = try await client.stream(.get, "/stream")
        #expect(try await first.read() == "one")
        async let second = client.get("/")
        await client.time.waitForTimers()
        if isLeft {
            first.leave()
        } else {
            source.fail(PlannedFailure())
            await #expect(throws: BrokenResponse.self) { try await first.read() }
        }
        #expect(try await second.status == .ok)
        #expect(limit.places.counts == (0, 0, 0))
    }

    @Test("an answer that is dropped unread gives its place back")
    func dropped() async throws {
        let limit = limit(queue: 0)
        let context = RequestContext(runtime: Runtime())
        let source = source
        let inner = HandlerFunction { _, _ in Response(.ok, body: .stream(source)) }
        do {
            let response = try await limit.handle(Request(.get, "/"), context: context, next: inner)
            #expect(response.status == .ok)
            #expect(limit.places.counts.running == 1)
        }
        #expect(limit.places.counts == (0, 0, 0))
        #expect(source.isCancelled)
    }

    @Test("a handler that throws, and one whose content is at hand, give their place back at once")
    func atOnce() async throws {
        let limit = limit(queue: 0)
        let client = client(limit)
        #expect(try await client.get("/throw").status == .internalServerError)
        #expect(limit.places.counts == (0, 0, 0))
        #expect(try await client.get("/").status == .ok)
        #expect(limit.places.counts == (0, 0, 0))
    }

    @Test("an upgraded connection holds its place until it is let go of")
    func upgrade() async throws {
        let limit = limit(queue: 0)
        let inner = HandlerFunction { _, _ in
            var response = Response(.switchingProtocols)
            response.upgrade = { _, _ in }
            return response
        }
        do {
            let context = RequestContext(runtime: Runtime())
            let response = try await limit.handle(Request(.get, "/"), context: context, next: inner)
            #expect(response.upgrade != nil)
            #expect(limit.places.counts.running == 1)
        }
        #expect(limit.places.counts == (0, 0, 0))
    }

    @Test("a wait that takes too long is refused, and leaves the queue")
    func waitLimit() async throws {
        let limit = limit(queue: 1)
        let client = client(limit)
        let first = try await client.stream(.get, "/stream")
        async let second = client.get("/")
        await client.time.waitForTimers()
        client.time.advance(by: .seconds(5))
        #expect(try await second.status == .serviceUnavailable)
        #expect(limit.places.counts == (1, 0, 1))
        first.leave()
    }

    @Test("a client that goes while it waits leaves the queue")
    func cancelled() async throws {
        let limit = limit(queue: 1)
        let client = client(limit)
        let first = try await client.stream(.get, "/stream")
        let second = Task { try await client.get("/") }
        await client.time.waitForTimers()
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(await eventually { limit.places.counts == (1, 0, 1) })
        first.leave()
        #expect(await eventually { limit.places.counts == (0, 0, 0) })
        #expect(try await client.get("/").status == .ok)
    }

    @Test("a deadline outside ends the wait with 504")
    func deadline() async throws {
        let limit = limit(queue: 1)
        let client = client(limit, Timeout(head: .seconds(1), idle: nil))
        let first = try await client.stream(.get, "/stream")
        async let second = client.get("/")
        #expect(await eventually { limit.places.counts.waiting == 1 })
        client.time.advance(by: .seconds(1))
        #expect(try await second.status == .gatewayTimeout)
        #expect(limit.places.counts == (1, 0, 1))
        first.leave()
    }

    @Test("keys are counted apart, kept only while in use, and nil is not limited")
    func keys() async throws {
        var configuration = ConcurrencyLimit.Configuration()
        configuration.queue = 0
        configuration.status = .tooManyRequests
        let field = HTTPField.Name.userAgent
        let limit = ConcurrencyLimit(1, by: .text { request, _ in request.headers[field] }, configuration)
        let client = client(limit)
        let first = try await client.stream(.get, "/stream", headers: [field: "a"])
        #expect(try await client.get("/", headers: [field: "a"]).status == .tooManyRequests)
        #expect(try await client.get("/", headers: [field: "b"]).status == .ok)
        #expect(try await client.get("/").status == .ok)
        #expect(limit.places.counts == (1, 0, 1))
        first.leave()
        #expect(await eventually { limit.places.counts == (0, 0, 0) })
    }

    @Test(
        "a client is an IPv4 address or an IPv6 network of 64 bits",
        arguments: [
            ("192.0.2.1", 1), ("192.0.2.2", 2), ("2001:db8::1", 2), ("::ffff:192.0.2.1", 1),
        ])
    func clients(address: String, keys: Int) async throws {
        let limit = ConcurrencyLimit(9, by: .clientAddress)
        let inner = HandlerFunction { _, _ in Response(.ok, body: .stream(GatedSource())) }
        var held: [Response] = []
        for peer in ["192.0.2.1", address] {
            let context = RequestContext(runtime: Runtime())
            context[ClientAddressKey.self] = try SocketAddress(ipAddress: peer, port: 1)
            held.append(try await limit.handle(Request(.get, "/"), context: context, next: inner))
        }
        #expect(limit.places.counts == (2, 0, keys))
        let context = RequestContext(runtime: Runtime())
        for peer in ["2001:db8:7::1", "2001:db8:7::ffff"] {
            context[ClientAddressKey.self] = try SocketAddress(ipAddress: peer, port: 1)
            held.append(try await limit.handle(Request(.get, "/"), context: context, next: inner))
        }
        #expect(limit.places.counts == (4, 0, keys + 1))
        #expect(held.count == 4)
    }

    @Test("the longest time to come back in is one, and ends nothing")
    func longestRetry() async throws {
        var configuration = ConcurrencyLimit.Configuration()
        configuration.queue = 0
        configuration.retryAfter = Duration(secondsComponent: .max, attosecondsComponent: 1)
        let client = client(ConcurrencyLimit(1, configuration))
        let first = try await client.stream(.get, "/stream")
        #expect(try await client.get("/").headers[.retryAfter] == "\(Int64.max)")
        first.leave()
    }

    @Test("bad values and a wrong order are problems of the composition")
    func problems() {
        var configuration = ConcurrencyLimit.Configuration()
        configuration.queue = -1
        configuration.wait = .zero
        configuration.status = .ok
        configuration.retryAfter = .seconds(-1)
        let client = TestClient {
            ConcurrencyLimit(0, by: .clientAddress, configuration)
            ClientAddress(hops: 1)
            HandlerFunction { _, _ in Response(.ok) }
        }
        let error = #expect(throws: CompositionError.self) { try client.validate() }
        #expect(error?.problems.count == 6)
        #expect(ConcurrencyLimit(1).blueprint.validate().isEmpty)
    }

    @Test("a body with a place keeps the rules of a source")
    func placedBody() async {
        let limit = ConcurrencyLimit(.max)
        let around = BodySourceConformance(of: ["he", "llo"], becoming: "hello") { source in
            let places = limit.places
            guard
                case .entered(let place) = places.enter(
                    .everything,
                    waiter: {
                        ConcurrencyWait(RequestContext(runtime: Runtime()), in: places, .everything, atMost: .zero)
                    })
            else { throw PlannedFailure() }
            return PlacedBody(source, place)
        }
        #expect(await around.check() == [])
        #expect(await eventually { limit.places.counts == (0, 0, 0) })
    }

    @Test("it leaves bodies and cancellation alone")
    func conformance() async {
        #expect(await MiddlewareConformance(ConcurrencyLimit(10)).check() == [])
    }

    private func limit(queue: Int) -> ConcurrencyLimit {
        var configuration = ConcurrencyLimit.Configuration()
        configuration.queue = queue
        return ConcurrencyLimit(1, configuration)
    }

    private func client(_ limit: ConcurrencyLimit, _ outside: any Middleware...) -> TestClient {
        let source = source
        let handler = HandlerFunction { request, _ in
            switch request.path {
            case "/stream": return Response(.ok, body: .stream(source))
            case "/throw": throw PlannedFailure()
            default: return Response(.ok)
            }
        }
        return TestClient(Pipeline(outside + [limit], endingIn: handler))
    }
}

private struct PlannedFailure: Error {}
