import HTTPTypes
import Logging
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// What the application log says of exchanges that failed: one line each, from which endpoint and reason are known.
@Suite("ReverseProxy: the log")
struct ReverseProxyLogTests {
    private let log = RecordedLog()
    private let time = ManualTime()

    private func client(
        _ origin: ScriptedUpstream,
        _ configure: (inout Forwarder.Configuration) -> Void = { _ in }
    ) -> TestClient {
        var configuration = Forwarder.Configuration()
        configure(&configuration)
        return TestClient(
            ReverseProxy(to: "origin:80", configuration),
            time: time,
            origins: ["origin:80": origin],
            logger: log.logger
        )
    }

    // MARK: Before the head

    struct Failure: Sendable, CustomTestStringConvertible {
        var code: String
        var origin: @Sendable () -> ScriptedUpstream
        /// How far the clock is moved once a request has come, or an attempt to connect.
        var wait: Duration?

        var testDescription: String { code }
    }

    static func raw(_ text: String) -> @Sendable () -> ScriptedUpstream {
        {
            ScriptedUpstream { exchange in
                exchange.raw(text)
                exchange.close()
            }
        }
    }

    static let failures: [Failure] = [
        Failure(code: "connect.origin.refused", origin: { .refusing }),
        Failure(code: "connect.origin.timedOut", origin: { .hanging }, wait: .seconds(5)),
        Failure(code: "responseHead.origin.closed", origin: { ScriptedUpstream { $0.close() } }),
        Failure(code: "responseHead.origin.closed", origin: { ScriptedUpstream { $0.reset() } }),
        Failure(code: "responseHead.origin.closed", origin: raw("HTTP/1.1 200 OK\r\nX: ")),
        Failure(code: "responseHead.origin.timedOut", origin: { ScriptedUpstream { $0.hang() } }, wait: .seconds(60)),
        Failure(code: "responseHead.origin.malformed", origin: raw("SSH-2.0-OpenSSH_9.9\r\n")),
        Failure(
            code: "responseHead.origin.malformed",
            origin: raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        ),
    ]

    @Test("an exchange that fails before its head is one warning with endpoint, code and reason", arguments: failures)
    func failing(failure: Failure) async throws {
        let origin = failure.origin()
        let client = client(origin)
        async let response = client.get("/secret")
        if let wait = failure.wait {
            await origin.waitForConnectionAttempts()
            if origin.connects == .accepted { await origin.waitForRequests() }
            await time.waitForTimers()
            time.advance(by: wait)
        }
        #expect(try await response.status.code >= 500)
        let lines = log.entries
        try #require(lines.count == 1, "\(lines)")
        #expect(lines[0].level == .warning && lines[0].message == "forwarding failed")
        #expect(lines[0].metadata["endpoint"] == "origin:80" && lines[0].metadata["code"] == failure.code)
        #expect(lines[0].metadata["detail"]?.isEmpty == false)
    }

    @Test("what a middleware outside adds to the logger stands on the line", arguments: [true, false])
    func metadata(inBody: Bool) async throws {
        let origin = ScriptedUpstream { exchange in
            if inBody { exchange.halfBody(.ok, "half") } else { exchange.close() }
        }
        let client = TestClient(
            Pipeline {
                RequestID()
                ReverseProxy(to: "origin:80")
            },
            time: time,
            origins: ["origin:80": origin],
            logger: log.logger
        )
        _ = try? await client.get("/")
        let lines = log.entries(.warning)
        #expect(lines.count == 1 && lines.allSatisfy { $0.metadata["request-id"]?.isEmpty == false }, "\(lines)")
    }

    @Test("a request for which there is no room is one warning with its code")
    func full() async throws {
        let origin = ScriptedUpstream { $0.hang() }
        let client = client(origin) {
            $0.connections.connections = 1
            $0.connections.queuedRequests = 0
        }
        let first = Task { try await client.get("/") }
        await origin.waitForRequests()
        #expect(try await client.get("/").status == .serviceUnavailable)
        #expect(log.entries.map { $0.metadata["code"] } == ["pool.gateway.full"])
        first.cancel()
        _ = await first.result
    }

    // MARK: In the body

    @Test(
        "an answer that breaks off in its body is one warning with endpoint and reason",
        arguments: ["length", "chunks", "reset", "malformed", "stands still"]
    )
    func brokenBody(how: String) async throws {
        let gate = Gate()
        let origin = ScriptedUpstream { exchange in
            exchange.start(.ok, length: how == "chunks" || how == "malformed" ? nil : 100)
            try await exchange.send("half")
            await gate.pass()
            switch how {
            case "reset": exchange.reset()
            case "malformed": exchange.raw("no size\r\n")
            case "stands still": exchange.hang()
            default: exchange.close()
            }
        }
        let stream = try await client(origin).stream(.get, "/")
        #expect(try await stream.read() == "half")
        gate.open()
        if how == "stands still" { time.advance(by: .seconds(60)) }
        await #expect(throws: BrokenResponse.self) { try await stream.read() }
        let lines = log.entries
        try #require(lines.count == 1, "\(lines)")
        #expect(lines[0].level == .warning && lines[0].message == "an answer broke off")
        #expect(lines[0].metadata["endpoint"] == "origin:80" && lines[0].metadata["detail"]?.isEmpty == false)
    }

    @Test("an answer that breaks off in its body says how")
    func brokenBodyCode() async throws {
        let client = client(ScriptedUpstream { $0.halfBody(.ok, "half") })
        await #expect(throws: BrokenResponse.self) { try await client.get("/") }
        #expect(log.entries.map { $0.metadata["kind"] } == ["closedInBody"])
    }

    // MARK: Somebody else's failure

    static let bodyFailures: [any Error] = [RequestTimeout(), HTTPError(.badRequest), BodyTooLarge(limit: 3)]

    @Test(
        "a request whose body breaks off under an answer is not said to be an answer that broke off",
        arguments: 0..<bodyFailures.count
    )
    func brokenRequest(index: Int) async throws {
        let origin = ScriptedUpstream(startsAtHead: true) { exchange in
            exchange.start(.ok, length: 100)
            try await exchange.send("half")
            exchange.hang()
        }
        let source = GatedSource("some")
        var request = Request(.post, "/")
        request.body = .stream(source)
        let stream = try await client(origin).stream(request)
        #expect(try await stream.read() == "half")
        source.fail(Self.bodyFailures[index])
        await #expect(throws: BrokenResponse.self) { try await stream.read() }
        #expect(!log.entries.contains { $0.message == "an answer broke off" }, "\(log.entries)")
    }

    // MARK: Nobody's failure

    @Test("an exchange that went well says nothing")
    func well() async throws {
        let client = client(ScriptedUpstream { $0.answerChunks(.ok, ["one", "two"]) })
        #expect(try await client.get("/").body == "onetwo")
        #expect(log.entries.isEmpty, "\(log.entries)")
    }

    @Test("a client that leaves is no failure of the endpoint", arguments: [true, false])
    func leaving(inBody: Bool) async throws {
        let origin = ScriptedUpstream { exchange in
            guard inBody else { return exchange.hang() }
            exchange.start(.ok, length: 100)
            try await exchange.send("half")
            exchange.hang()
        }
        let client = client(origin)
        if inBody {
            let stream = try await client.stream(.get, "/")
            #expect(try await stream.read() == "half")
            stream.leave()
        } else {
            let request = Task { try await client.get("/") }
            await origin.waitForRequests()
            request.cancel()
            _ = await request.result
        }
        await origin.waitForClosedConnections()
        #expect(log.entries.isEmpty, "\(log.entries)")
    }

    @Test("nor is one that leaves under its answer, in the middle of its own body", arguments: [true, false])
    func leavingInUpload(byReset: Bool) async throws {
        try await FaultyOrigin.run { origin in
            try await withServer(
                ReverseProxy(to: origin.endpoint),
                runtime: Runtime(logger: log.logger)
            ) { server in
                let client = try await server.connect()
                try await client.send(request("POST /hangsInBody", "Content-Length: 100") + "some")
                _ = try await client.read(through: "half")
                try await (byReset ? client.reset() : client.close())
                #expect(await eventually { origin.openConnections == 0 })
            }
        }
        #expect(log.entries(.warning).isEmpty, "\(log.entries)")
    }
}
