import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

/// The proxy between a client and an origin, in memory.
@Suite("ReverseProxy")
struct ReverseProxyTests {
    private func client(
        _ origin: ScriptedUpstream,
        time: ManualTime = ManualTime(),
        _ configure: (inout Forwarder.Configuration) -> Void = { _ in }
    ) -> TestClient {
        var configuration = Forwarder.Configuration()
        configure(&configuration)
        return TestClient(ReverseProxy(to: "origin:80", configuration), time: time, origins: ["origin:80": origin])
    }

    // MARK: Failures

    struct Failure: Sendable, CustomTestStringConvertible {
        var name: String
        var status: Int
        var origin: @Sendable () -> ScriptedUpstream
        /// How far the clock is moved once a request has come, or an attempt to connect.
        var wait: Duration?

        var testDescription: String { name }
    }

    static func raw(_ text: String) -> @Sendable () -> ScriptedUpstream {
        {
            ScriptedUpstream { exchange in
                exchange.raw(text)
                exchange.close()
            }
        }
    }

    static let manyFields = (0...100).map { "X-\($0): 1\r\n" }.joined()
    static let longField = "X: " + String(repeating: "a", count: 40_000) + "\r\n"

    static let failures: [Failure] = [
        Failure(name: "it refuses connections", status: 502, origin: { .refusing }),
        Failure(name: "it takes no connections", status: 504, origin: { .hanging }, wait: .seconds(5)),
        Failure(
            name: "it hangs before its head", status: 504, origin: { ScriptedUpstream { $0.hang() } },
            wait: .seconds(60)
        ),
        Failure(name: "it resets", status: 502, origin: { ScriptedUpstream { $0.reset() } }),
        Failure(name: "it closes", status: 502, origin: { ScriptedUpstream { $0.close() } }),
        Failure(name: "it sends half a head", status: 502, origin: raw("HTTP/1.1 200 OK\r\nX: ")),
        Failure(name: "it sends garbage", status: 502, origin: raw("\u{0}\u{1}garbage\r\n\r\n")),
        Failure(name: "it speaks something else", status: 502, origin: raw("SSH-2.0-OpenSSH_9.9\r\n")),
        Failure(name: "its fields are too many", status: 502, origin: raw("HTTP/1.1 200 OK\r\n\(manyFields)\r\n")),
        Failure(name: "its head is too long", status: 502, origin: raw("HTTP/1.1 200 OK\r\n\(longField)\r\n")),
        Failure(
            name: "it frames twice", status: 502,
            origin: raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        ),
        Failure(
            name: "its lengths differ", status: 502,
            origin: raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
        ),
        Failure(
            name: "its coding is unknown", status: 502,
            origin: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")
        ),
        Failure(
            name: "it switches protocols", status: 502, origin: raw("HTTP/1.1 101 Switching\r\nUpgrade: a\r\n\r\n")),
        Failure(name: "a field breaks the protocol", status: 502, origin: raw("HTTP/1.1 200 OK\r\nA : b\r\n\r\n")),
    ]

    @Test("an origin that fails is answered for", arguments: failures)
    func failing(failure: Failure) async throws {
        let time = ManualTime()
        let origin = failure.origin()
        let client = client(origin, time: time)
        async let response = client.get("/")
        if let wait = failure.wait {
            await origin.waitForConnectionAttempts()
            if origin.connects == .accepted { await origin.waitForRequests() }
            await time.waitForTimers()
            time.advance(by: wait)
        }
        let answer = try await response
        #expect(answer.status.code == failure.status)
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(!answer.body.contains("origin:80"))
        if origin.connectionsOpened > 0 { await origin.waitForClosedConnections() }
        #expect(origin.openConnections == 0 && origin.problems.isEmpty)
    }

    @Test("half a body is a broken answer, not a whole one", arguments: ["length", "chunks", "reset"])
    func halfABody(how: String) async throws {
        let origin = ScriptedUpstream { exchange in
            if how == "length" {
                exchange.halfBody(.ok, "half", declaring: 100)
            } else {
                exchange.start(.ok, length: how == "reset" ? 100 : nil)
                try await exchange.send("half")
                if how == "reset" { exchange.reset() } else { exchange.close() }
            }
        }
        let error = try await #require(throws: BrokenResponse.self) { try await client(origin).get("/") }
        #expect(error.response.status == .ok && error.response.body == "half")
        await origin.waitForClosedConnections()
    }

    @Test("a full queue for connections is answered 503, and says when to come again")
    func full() async throws {
        let time = ManualTime()
        let origin = ScriptedUpstream { $0.hang() }
        let client = client(origin, time: time) {
            $0.connections.connections = 1
            $0.connections.queuedRequests = 1
        }
        async let first = client.get("/1")
        await origin.waitForRequests()
        // One of three has room in the queue, and the others are answered at once.
        try await withThrowingTaskGroup { group in
            for _ in 0..<3 { group.addTask { try await client.get("/") } }
            for turn in 1...3 {
                let answer = try #require(try await group.next())
                #expect(answer.status == .serviceUnavailable && answer.headers[.retryAfter] == "1")
                if turn == 2 { time.advance(by: .seconds(60)) }
            }
        }
        #expect(try await first.status == .gatewayTimeout)
    }

    @Test("a composition with bad values is refused with all of them")
    func problems() async {
        var configuration = Forwarder.Configuration()
        configuration.connections.connections = 0
        configuration.connections.idleConnections = -1
        configuration.connections.queuedRequests = -1
        configuration.connections.requestsPerConnection = 0
        configuration.connections.connectTimeout = .zero
        configuration.connections.queueTimeout = .zero
        configuration.connections.idleTimeout = .seconds(-1)
        configuration.totalTimeout = .zero
        configuration.host = .fixed("a b")
        configuration.via = Via(pseudonym: "a b")
        configuration.forwarded.forwardedBy = .obfuscated("x")
        let client = TestClient(ReverseProxy(to: "https://a", configuration))
        let error = await #expect(throws: CompositionError.self) { try await client.get("/") }
        let text = error.map { "\($0)" } ?? ""
        for part in [
            "https", "0 connections", "-1 idle", "queue of -1", "0 requests", "connect timeout", "queue timeout",
            "idle timeout", "total timeout", "Host a b", "pseudonym a b", "node x",
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
    }

    // MARK: Time

    @Test("the total timeout ends an exchange before its head and in its body", arguments: [true, false])
    func total(beforeHead: Bool) async throws {
        let time = ManualTime()
        let origin = ScriptedUpstream { exchange in
            if beforeHead { return exchange.hang() }
            exchange.start(.ok, length: 100)
            try await exchange.send("some")
            exchange.hang()
        }
        let client = client(origin, time: time) { $0.totalTimeout = .seconds(5) }
        if beforeHead {
            async let response = client.get("/")
            await origin.waitForRequests()
            time.advance(by: .seconds(5))
            #expect(try await response.status == .gatewayTimeout)
        } else {
            let stream = try await client.stream(.get, "/")
            #expect(try await stream.read() == "some")
            time.advance(by: .seconds(5))
            let error = await #expect(throws: BrokenResponse.self) { try await stream.read() }
            #expect(error?.cause is DeadlineExceeded)
        }
        await origin.waitForClosedConnections()
    }

    @Test("an exchange within the total timeout is untouched by it")
    func withinTotal() async throws {
        let time = ManualTime()
        let origin = ScriptedUpstream { $0.answerChunks(.ok, ["one", "two"]) }
        let client = client(origin, time: time) { $0.totalTimeout = .seconds(5) }
        #expect(try await client.get("/").body == "onetwo")
        time.advance(by: .seconds(6))
        #expect(try await client.get("/").body == "onetwo" && origin.connectionsOpened == 1)
    }

    @Test("the deadline of a context ends an exchange")
    func deadline() async throws {
        let time = ManualTime()
        let origin = ScriptedUpstream { $0.hang() }
        let proxy = ReverseProxy(to: "origin:80")
        let client = TestClient(
            HandlerFunction { request, context in
                let scope = context.limit(to: .seconds(2))
                let response = try await proxy.handle(request, context: context)
                scope.lift()
                return response
            },
            time: time,
            origins: ["origin:80": origin]
        )
        async let response = client.get("/")
        await origin.waitForRequests()
        time.advance(by: .seconds(2))
        #expect(try await response.status == .gatewayTimeout)
        await origin.waitForClosedConnections()
    }

    // MARK: Clients that go

    @Test("a client that goes before the answer closes the connection to the origin")
    func goneBeforeHead() async throws {
        let origin = ScriptedUpstream { $0.hang() }
        let client = client(origin)
        let request = Task { try await client.get("/") }
        await origin.waitForRequests()
        request.cancel()
        await #expect(throws: CancellationError.self) { try await request.value }
        await origin.waitForClosedConnections()
    }

    @Test("a client that goes within the answer does too")
    func goneInBody() async throws {
        let origin = ScriptedUpstream { exchange in
            exchange.start()
            while true { try await exchange.send("more ") }
        }
        let stream = try await client(origin).stream(.get, "/")
        #expect(try await stream.read()?.hasPrefix("more ") == true)
        stream.leave()
        await origin.waitForClosedConnections()
    }

    @Test("a client that goes while its request is sent does too, and its body is released")
    func goneInUpload() async throws {
        let origin = ScriptedUpstream(startsAtHead: true) { exchange in
            _ = try await exchange.wholeRequest()
        }
        let source = ScriptedSource([.bytes("some"), .hang])
        let record = source.record
        let client = client(origin)
        let exchange = Task {
            var request = Request(.post, "/")
            request.body = .stream(ScriptedSourceBox(source).source)
            return try await client.send(request)
        }
        await origin.waitForRequests()
        exchange.cancel()
        await #expect(throws: CancellationError.self) { try await exchange.value }
        await origin.waitForClosedConnections()
        await record.waitUntilReleased()
    }

    // MARK: Where it is called from

    @Test("it may be called from another executor", arguments: [true, false])
    func elsewhere(onMainActor: Bool) async throws {
        let origin = ScriptedUpstream { $0.answerChunks(.ok, ["one", "two"]) }
        let proxy = ReverseProxy(to: "origin:80")
        let client = TestClient(
            HandlerFunction { request, context in
                let call = Ferry((request, context))
                let response =
                    if onMainActor {
                        try await Task { @MainActor in
                            Ferry(try await proxy.handle(call.value.0, context: call.value.1))
                        }.value
                    } else {
                        try await Task.detached {
                            Ferry(try await proxy.handle(call.value.0, context: call.value.1))
                        }.value
                    }
                return response.value
            },
            origins: ["origin:80": origin]
        )
        for _ in 0..<20 { #expect(try await client.post("/", body: "content").body == "onetwo") }
        #expect(origin.requests.allSatisfy { $0.body == "content" } && origin.connectionsOpened == 1)
    }

    // MARK: Size

    @Test("64 MB pass in constant memory, and wait for a client that does not read")
    func large() async throws {
        let (part, count) = (64 << 10, 1024)
        let sent = Mutex(0)
        let origin = ScriptedUpstream { exchange in
            exchange.start(length: part * count)
            let bytes = ByteBuffer(repeating: 0x61, count: part)
            for _ in 0..<count {
                sent.withLock { $0 += part }
                try await exchange.send(bytes)
            }
            exchange.finish()
        }
        let stream = try await client(origin).stream(.get, "/")
        var read = 0
        var largest = 0
        while let bytes = try await stream.readBytes() {
            read += bytes.readableBytes
            largest = max(largest, sent.withLock { $0 } - read)
        }
        #expect(read == part * count)
        // The wire's buffer and the write that fills it, the read-ahead, and one read.
        #expect(largest <= 64 << 10 + 2 * part + 96 << 10)
    }

    // MARK: Messages without content

    @Test("answers to HEAD, 204 and 304 have no content, and keep the connection")
    func withoutContent() async throws {
        let origin = ScriptedUpstream { exchange in
            switch exchange.request.path {
            case "/204": exchange.answer(.noContent)
            case "/304": exchange.raw("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n")
            default: exchange.answer(.ok, "content")
            }
        }
        let client = client(origin)
        let head = try await client.head("/")
        #expect(head.status == .ok && head.body.isEmpty && head.headers[.contentLength] == "7")
        #expect(try await client.get("/204").status == .noContent)
        let unchanged = try await client.get("/304")
        #expect(unchanged.status == .notModified && unchanged.headers[.eTag] == "\"a\"" && unchanged.body.isEmpty)
        #expect(try await client.get("/").body == "content")
        #expect(origin.connectionsOpened == 1 && origin.problems.isEmpty)
    }

    @Test("trailers and informational answers reach the client")
    func trailers() async throws {
        let origin = ScriptedUpstream { exchange in
            exchange.informational(.earlyHints, [.location: "/a"])
            exchange.answerChunks(.ok, ["one", "two"], trailers: [.server: "late"])
        }
        let response = try await client(origin).get("/")
        #expect(response.informational.map(\.status.code) == [103] && response.body == "onetwo")
        #expect(response.informational.first?.headers[.location] == "/a" && response.trailers?[.server] == "late")
    }
}

/// Hands a source to a task.
private struct ScriptedSourceBox: Sendable {
    let source: ScriptedSource

    init(_ source: ScriptedSource) { self.source = source }
}
