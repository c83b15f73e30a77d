import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// What an origin sees of a request, byte for byte, and what of its answer passes.
@Suite("Forwarder")
struct ForwarderTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var method = HTTPRequest.Method.get
        var target = "/"
        var authority = "client.example"
        var fields: [String] = []
        var content: String?
        var isStreamed = false
        var trailers: Headers?
        var host = HostPolicy.preserve
        var forwarded = ForwardedHeaders()
        /// The request line, and what stands between `Host` and the fields that every row has.
        var line = "GET / HTTP/1.1"
        var sentHost = "client.example"
        var sent: [String] = []
        /// Instead of ``facts``.
        var told: [String]?
        /// Behind them.
        var end: [String] = []
        var body = ""

        var testDescription: String { name }

        var expected: String {
            ([line, "Host: \(sentHost)"] + sent + (told ?? ForwarderTests.facts) + end + ["", body])
                .joined(separator: "\r\n")
        }
    }

    static let facts = [
        "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: client.example", "Via: 1.1 gateway",
    ]

    static let rows: [Row] = [
        Row(
            name: "what passes keeps its order, its spelling and its doubles", target: "/a/b?c=d&c=%20",
            fields: ["x-LOWER: a  b", "Cookie: a=1", "Accept: */*", "Cookie: b=2", "Trailer: X"],
            line: "GET /a/b?c=d&c=%20 HTTP/1.1",
            sent: ["x-LOWER: a  b", "Cookie: a=1", "Accept: */*", "Cookie: b=2", "Trailer: X"]
        ),
        Row(
            name: "hop-by-hop fields stay behind",
            fields: [
                "Connection: keep-alive", "Keep-Alive: timeout=5", "Proxy-Authorization: Basic eA==",
                "Proxy-Connection: keep-alive", "Upgrade: h2c", "Transfer-Encoding: chunked", "TE: gzip", "X-A: 1",
            ],
            sent: ["X-A: 1"]
        ),
        Row(
            name: "so do fields that Connection names",
            fields: ["Connection: close, X-Mine", "X-Mine: 1", "connection: x-other", "X-OTHER: 2", "X-A: 3"],
            sent: ["X-A: 3"]
        ),
        Row(
            name: "Connection takes away nothing that somebody relies on",
            fields: [
                "Connection: Authorization, Cookie, X-Forwarded-For, Host, Content-Length", "Authorization: Basic x",
            ],
            sent: ["Authorization: Basic x"]
        ),
        Row(
            name: "trailers are welcome when the client says so",
            fields: ["TE: deflate;q=0.5, trailers", "Connection: TE"],
            end: ["TE: trailers", "Connection: TE"]
        ),
        Row(
            name: "a client forges no forwarding fields",
            fields: [
                "X-Forwarded-For: 6.6.6.6", "x-forwarded-proto: https", "X-Forwarded-Host: evil.example",
                "Forwarded: for=6.6.6.6",
            ]
        ),
        Row(
            name: "forwarding fields pass untouched when told",
            fields: ["X-Forwarded-For: 6.6.6.6", "Forwarded: for=a"],
            forwarded: .untouched, sent: ["X-Forwarded-For: 6.6.6.6", "Forwarded: for=a"], told: ["Via: 1.1 gateway"]
        ),
        Row(
            name: "Via is a list", fields: ["Via: 1.0 fred", "Via: 1.1 p.example (x)"],
            told: facts.dropLast() + ["Via: 1.0 fred, 1.1 p.example (x), 1.1 gateway"]
        ),
        Row(name: "Host is the endpoint's own", host: .origin, sentHost: "origin"),
        Row(name: "Host is fixed", host: .fixed("b.example:81"), sentHost: "b.example:81"),
        Row(
            name: "without an authority Host is the endpoint's", authority: "", sentHost: "origin",
            told: facts.filter { !$0.hasPrefix("X-Forwarded-Host") }
        ),
        Row(name: "OPTIONS * keeps its target", method: .options, target: "*", line: "OPTIONS * HTTP/1.1"),
        Row(name: "a method of somebody's own", method: .init("BREW") ?? .get, line: "BREW / HTTP/1.1"),
        Row(name: "HEAD", method: .head, line: "HEAD / HTTP/1.1"),
        Row(
            name: "a POST without content says so", method: .post, line: "POST / HTTP/1.1", end: ["Content-Length: 0"]
        ),
        Row(
            name: "content has one length, and it is ours", method: .post,
            fields: ["Content-Length: 3", "Content-Type: a/b"],
            content: "abc", line: "POST / HTTP/1.1", sent: ["Content-Type: a/b"], end: ["Content-Length: 3"],
            body: "abc"
        ),
        Row(
            name: "content of unknown length is chunked, with its trailers", method: .put,
            fields: ["Transfer-Encoding: chunked", "Trailer: Server"], content: "abc", isStreamed: true,
            trailers: [.server: "t"], line: "PUT / HTTP/1.1", sent: ["Trailer: Server"],
            end: ["Transfer-Encoding: chunked"], body: "3\r\nabc\r\n0\r\nServer: t\r\n\r\n"
        ),
        Row(
            name: "an expectation stays here, since the content does not wait for the origin", method: .post,
            fields: ["Expect: 100-continue"], content: "abc", line: "POST / HTTP/1.1", sent: [],
            end: ["Content-Length: 3"], body: "abc"
        ),
        Row(
            name: "GET with content keeps it", content: "abc", end: ["Content-Length: 3"], body: "abc"
        ),
    ]

    @Test("an origin sees", arguments: rows)
    func requests(row: Row) async throws {
        try await withRig(
            .quiet {
                $0.host = row.host
                $0.forwarded = row.forwarded
                $0.via = Via()
            }
        ) { rig in
            var request = Request(row.method, row.target)
            request.authority = row.authority
            request.headers = received(lines: row.fields)
            if let content = row.content {
                let source = ScriptedSource([.bytes(content), .end(trailers: row.trailers)])
                request.body = row.isStreamed ? .stream(source) : .text(content)
            }
            _ = await rig.sent(request)
            #expect(rig.origins[0].text == row.expected)
        }
    }

    @Test("hop-by-hop fields of an answer stay behind, and those that its Connection names")
    func responses() async throws {
        try await withRig { rig in
            let exchange = await rig.sent(Request(.get, "/"))
            let fields = [
                "Connection: X-Mine", "X-Mine: 1", "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "Upgrade: h2c",
                "Set-Cookie: a", "set-cookie: b", "Content-Length: 0",
            ]
            rig.origins[0].send("HTTP/1.1 200 OK\r\n" + fields.joined(separator: "\r\n") + "\r\n\r\n")
            await rig.settle()
            #expect(exchange.headers.map { $0.name.rawName } == ["Set-Cookie", "set-cookie", "Content-Length"])
            #expect(rig.counts == [1, 0, 0])
        }
    }

    @Test("a request that came as HTTP/1.0 says so in Via")
    func protocolVersion() async throws {
        try await withRig(.quiet { $0.via = Via() }) { rig in
            _ = rig.send(Request(.get, "/"), version: "HTTP/1.0")
            await rig.settle()
            #expect(rig.origins[0].text.contains("\r\nVia: 1.0 gateway\r\n"))
        }
    }

    @Test("Via is added to answers when told")
    func viaOfAnswers() async throws {
        try await withRig(.quiet { $0.via.isAddedToResponses = true }) { rig in
            let exchange = await rig.sent(Request(.get, "/"))
            rig.origins[0].send("HTTP/1.1 204 No Content\r\n\r\n")
            await rig.settle()
            #expect(exchange.headers[.via] == "1.1 gateway")
        }
    }

    // MARK: Sending again

    /// A request that meets a connection which its origin closes at that moment.
    private func meet(_ request: Request, in rig: UpstreamRig, how: String = "close") async throws -> RigExchange {
        _ = await rig.sent(Request(.get, "/first"))
        rig.origins[0].send("HTTP/1.1 204 No Content\r\n\r\n")
        await rig.settle()
        _ = rig.origins[0].take()
        let exchange = await rig.sent(request)
        try #require(rig.origins.count == 1 && rig.origins[0].text.contains("/again"))
        switch how {
        case "byte":
            rig.origins[0].send("H")
            await rig.settle()
            rig.origins[0].wire.close()
        case "reset": rig.origins[0].wire.reset()
        default: rig.origins[0].wire.close()
        }
        await rig.settle()
        return exchange
    }

    @Test(
        "a request that may be sent twice and met a closing connection is sent once more, on a new one",
        arguments: [.get, .head, .options, .trace, .put, .delete] as [HTTPRequest.Method], ["close", "reset"]
    )
    func replay(method: HTTPRequest.Method, how: String) async throws {
        try await withRig { rig in
            var request = Request(method, "/again")
            if method == .put { request.body = .text("abc") }
            let exchange = try await meet(request, in: rig, how: how)
            let sentFirst = rig.origins[0].text
            try #require(rig.origins.count == 2)
            #expect(rig.origins[1].text == sentFirst)
            rig.origins[1].send("HTTP/1.1 204 No Content\r\n\r\n")
            await rig.settle()
            #expect(exchange.outcome == "204 " && rig.counts == [1, 0, 0])
        }
    }

    @Test("it is not sent a third time")
    func replayOnce() async throws {
        try await withRig { rig in
            let exchange = try await meet(Request(.get, "/again"), in: rig)
            try #require(rig.origins.count == 2)
            rig.origins[1].wire.close()
            await rig.settle()
            #expect(exchange.outcome == "failed: responseHead.origin.closed" && rig.origins.count == 2)
        }
    }

    @Test(
        "what is not idempotent, or is gone, is never sent twice",
        arguments: ["POST", "PATCH", "BREW", "PUT of a stream"])
    func noReplay(what: String) async throws {
        try await withRig { rig in
            let method = HTTPRequest.Method(String(what.prefix { $0 != " " })) ?? .post
            var request = Request(method, "/again")
            request.body = what.contains("stream") ? .stream(ScriptedSource([.bytes("abc")])) : .text("abc")
            let exchange = try await meet(request, in: rig)
            #expect(exchange.outcome == "failed: responseHead.origin.closed" && rig.origins.count == 1)
            #expect((exchange.failure as? ProxyFailure)?.isRetryable == false)
        }
    }

    @Test("neither is a request of whose answer a byte has come, nor one on a new connection")
    func noReplayOfTheAnswered() async throws {
        try await withRig { rig in
            let exchange = try await meet(Request(.get, "/again"), in: rig, how: "byte")
            #expect(exchange.outcome == "failed: responseHead.origin.closed" && rig.origins.count == 1)
            #expect((exchange.failure as? ProxyFailure)?.isRetryable == false)
            let fresh = await rig.sent(Request(.get, "/again"))
            rig.origins[1].wire.close()
            await rig.settle()
            #expect(fresh.outcome == "failed: responseHead.origin.closed" && rig.origins.count == 2)
            #expect((fresh.failure as? ProxyFailure)?.isRetryable == false)
        }
    }

    @Test("a timeout on a connection that was used before sends nothing again")
    func noReplayOfTimeouts() async throws {
        try await withRig { rig in
            _ = await rig.sent(Request(.get, "/"))
            rig.origins[0].send("HTTP/1.1 204 No Content\r\n\r\n")
            await rig.settle()
            let exchange = await rig.sent(Request(.get, "/again"))
            await rig.advance(.seconds(60))
            #expect(exchange.outcome == "failed: responseHead.origin.timedOut" && rig.origins.count == 1)
        }
    }

    // MARK: Refusals

    @Test("what cannot be forwarded fails before a connection is opened")
    func refusals() async throws {
        try await withRig(.quiet { $0.via = Via(pseudonym: "edge") }) { rig in
            let connect = await rig.sent(Request(.connect, "/"))
            #expect(connect.outcome == "failed: requestHead.client.unsupported")
            let nowhere = rig.send(Request(.get, "/"), to: "a b")
            await rig.settle()
            #expect(nowhere.outcome == "failed: resolve.gateway.notFound")
            var looped = Request(.get, "/")
            looped.headers = received(lines: ["Via: 1.1 a, HTTP/1.1 edge (x)"])
            let loop = await rig.sent(looped)
            #expect(loop.outcome == "failed: requestHead.client.loop")
            #expect(rig.dialer.attempts.isEmpty)
        }
    }
}
