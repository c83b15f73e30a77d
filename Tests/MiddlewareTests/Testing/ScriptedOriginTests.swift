import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// The whole world of a gateway's test: client, proxy, pool, codec and scripted origins, on one loop.
@Suite("TestClient with scripted origins")
struct ScriptedOriginTests {
    private func client(_ origin: ScriptedUpstream, time: ManualTime = ManualTime()) -> TestClient {
        TestClient(ReverseProxy(to: "http://origin:80"), time: time, origins: ["origin:80": origin])
    }

    @Test("a proxy answers with what its origin says")
    func proxies() async throws {
        let origin = ScriptedUpstream { $0.answer(.ok, "fine") }
        let client = client(origin)
        #expect(try await client.get("/a?b").body == "fine")
        #expect(try await client.post("/c", body: "content").body == "fine")
        #expect(origin.requests.map { "\($0.method) \($0.target) \($0.body)" } == ["GET /a?b ", "POST /c content"])
        #expect(origin.connectionsOpened == 1 && origin.problems.isEmpty)
    }

    @Test("messages arrive whole however they are cut")
    func cut() async throws {
        let origin = ScriptedUpstream(pieceBytes: 1) { $0.answerChunks(.ok, ["one", "two"], trailers: [.server: "a"]) }
        let response = try await client(origin).post("/", body: "content")
        #expect(response.body == "onetwo" && response.trailers?.count == 1)
        #expect(origin.requests.first?.body == "content")
    }

    @Test(
        "an origin that fails before its answer is a bad gateway",
        arguments: [
            ScriptedUpstream.refusing, ScriptedUpstream { $0.reset() }, ScriptedUpstream { $0.close() },
            ScriptedUpstream { $0.raw("garbage\r\n\r\n") },
        ]
    )
    func failing(_ origin: ScriptedUpstream) async throws {
        #expect(try await client(origin).get("/").status == .badGateway)
    }

    @Test("an address without an origin is refused")
    func unknown() async throws {
        #expect(try await TestClient(ReverseProxy(to: "http://origin:80")).get("/").status == .badGateway)
    }

    @Test("half an answer is a broken answer")
    func half() async throws {
        let client = client(ScriptedUpstream { $0.halfBody(.ok, "half", declaring: 100) })
        let error = try await #require(throws: BrokenResponse.self) { try await client.get("/") }
        #expect(error.response.body == "half")
    }

    @Test("an origin that hangs times out on the manual clock")
    func hanging() async throws {
        let time = ManualTime()
        let origin = ScriptedUpstream { $0.hang() }
        let client = client(origin, time: time)
        async let response = client.get("/")
        await origin.waitForRequests()
        time.advance(by: .seconds(600))
        #expect(try await response.status == .gatewayTimeout)
        await origin.waitForClosedConnections()
    }

    @Test("an origin that takes no connections times out on the manual clock")
    func notConnecting() async throws {
        let time = ManualTime()
        let origin = ScriptedUpstream.hanging
        let client = client(origin, time: time)
        async let response = client.get("/")
        await origin.waitForConnectionAttempts()
        time.advance(by: .seconds(600))
        #expect(try await response.status == .gatewayTimeout)
    }

    @Test("a delay passes on the manual clock")
    func delay() async throws {
        let time = ManualTime()
        let origin = ScriptedUpstream {
            try await $0.delay(.seconds(5))
            $0.answer(.ok, "late")
        }
        let client = client(origin, time: time)
        async let response = client.get("/")
        await origin.waitForRequests()
        await time.waitForTimers(2)
        time.advance(by: .seconds(5))
        #expect(try await response.body == "late")
    }

    @Test("informational answers reach the client")
    func informational() async throws {
        let origin = ScriptedUpstream {
            $0.informational(.earlyHints, [.server: "a"])
            $0.answer()
        }
        #expect(try await client(origin).get("/").informational.map(\.status) == [.earlyHints])
    }

    @Test("a client that leaves frees the connection of its answer")
    func leaving() async throws {
        let origin = ScriptedUpstream { exchange in
            exchange.start()
            try await exchange.send("one")
            exchange.hang()
        }
        let client = client(origin)
        let stream = try await client.stream(.get, "/")
        #expect(try await stream.read() == "one")
        stream.leave()
        await origin.waitForClosedConnections()
    }

    @Test("a client that leaves before the answer frees the connection, too")
    func leavingEarly() async throws {
        let origin = ScriptedUpstream { $0.hang() }
        let client = client(origin)
        let task = Task { try await client.get("/") }
        await origin.waitForRequests()
        task.cancel()
        await origin.waitForClosedConnections()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a request that meets a connection which the origin closes is sent again once")
    func stale() async throws {
        let origin = ScriptedUpstream { exchange in
            if exchange.number == 2 { exchange.close() } else { exchange.answer(.ok, "\(exchange.connectionNumber)") }
        }
        let client = client(origin)
        #expect(try await client.get("/").body == "1")
        #expect(try await client.get("/").body == "2")
        #expect(origin.requests.count == 3 && origin.connectionsOpened == 2)
    }

    @Test("connections that an origin closes while they idle are not used again")
    func closedIdle() async throws {
        let origin = ScriptedUpstream { $0.answer(.ok, "\($0.connectionNumber)") }
        let client = client(origin)
        #expect(try await client.get("/").body == "1")
        origin.closeConnections()
        await origin.waitForClosedConnections()
        #expect(try await client.get("/").body == "2")
        #expect(origin.requests.count == 2)
    }

    @Test("an origin that comes back is used again")
    func comesBack() async throws {
        let origin = ScriptedUpstream(connects: .refused) { $0.answer() }
        let client = client(origin)
        #expect(try await client.get("/").status == .badGateway)
        origin.connects = .accepted
        #expect(try await client.get("/").status == .ok)
    }

    @Test("the connections of a client end with it")
    func dropped() async throws {
        let origin = ScriptedUpstream { $0.answer() }
        do {
            let client = client(origin)
            _ = try await client.get("/")
        }
        await origin.waitForClosedConnections()
        #expect(origin.openConnections == 0)
    }

    @Test("the answer of an origin conforms as a body source")
    func conforms() async throws {
        let origin = ScriptedUpstream { exchange in
            exchange.start()
            try await exchange.send("hel")
            try await exchange.send("lo")
            if exchange.request.path == "/hang" { exchange.hang() } else { exchange.finish() }
        }
        let client = client(origin)
        @Sendable nonisolated(nonsending) func source(_ path: String) async throws -> any BodySource {
            let context = RequestContext(runtime: client.runtime)
            let response = try await ReverseProxy(to: "http://origin:80").handle(Request(.get, path), context: context)
            return try response.body.open()
        }
        let violations = await BodySourceConformance(
            "hello", runtime: client.runtime, hanging: { try await source("/hang") }
        ) {
            try await source("/")
        }.check()
        #expect(violations.isEmpty, "\(violations)")
    }

    @Test("a reverse proxy conforms as a handler")
    func handlerConforms() async {
        let client = client(ScriptedUpstream { $0.answerChunks(.ok, ["one", "two"]) })
        let violations = await HandlerConformance(client).check()
        #expect(violations.isEmpty, "\(violations)")
    }
}
