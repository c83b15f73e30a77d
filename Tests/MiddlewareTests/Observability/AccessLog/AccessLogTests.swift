import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("AccessLog")
struct AccessLogTests {
    @Test("the common and the combined format are what log readers know")
    func formats() async throws {
        var exchange = try AccessLogFixture()
        exchange.request = Request(.get, "/a?b=1")
        exchange.request.headers[.referer] = "https://example.com/"
        exchange.request.headers[.userAgent] = "curl/8.5.0"
        exchange.configuration.format = .combined
        #expect(
            try await exchange.line()
                == #"192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] "GET /a?b=1 HTTP/1.1" 200 104 "#
                + #""https://example.com/" "curl/8.5.0""#)
        var common = try AccessLogFixture()
        common.configuration.format = .common
        common.request = Request(.post, "/")
        common.response = Response(.noContent)
        common.context[ProtocolKey.self] = "HTTP/1.0"
        #expect(
            try await common.line() == #"192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] "POST / HTTP/1.0" 204 104"#)
    }

    @Test("a JSON line has every value there is, and no member for one there is not")
    func json() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .json
        exchange.request = Request(.get, "/ä")
        exchange.outcome.bytesReceived = 3
        exchange.outcome.lastByte = exchange.time.now.advanced(by: .microseconds(12_345))
        exchange.context[RequestIDKey.self] = "id"
        exchange.context[UpstreamEndpointKey.self] = "10.0.0.1:80"
        exchange.context[RoutePatternKey.self] = "/users/{id}"
        #expect(
            try await exchange.line()
                == #"{"time":"1994-11-06T08:49:37.237Z","client":"192.0.2.7","method":"GET","target":"/%C3%A4","#
                + #""protocol":"HTTP/1.1","status":200,"bytes_sent":104,"bytes_received":3,"duration_ms":12.345,"#
                + #""request_id":"id","upstream":"10.0.0.1:80","route":"/users/{id}","end":"complete"}"#)
    }

    @Test("every field of a custom line has its value")
    func custom() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom(
            """
            \(.timestamp)|\(.method)|\(.path)|\(.query)|\(.scheme)|\(.authority)|\(.timeToFirstByte)|\(.end)|\
            \(.requestHeader(.accept))|\(.responseHeader(.contentType))|\(.protocolName)|\(.target)
            """)
        exchange.request = Request(.put, "/p/q?x=y")
        exchange.request.scheme = "https"
        exchange.request.authority = "example.com:8443"
        exchange.request.headers[.accept] = "*/*"
        exchange.response.headers[.contentType] = "text/plain"
        exchange.outcome.firstByte = exchange.time.now.advanced(by: .milliseconds(1_002))
        exchange.outcome.end = .originFailed
        #expect(
            try await exchange.line()
                == "1994-11-06T08:49:37.250Z|PUT|/p/q|x=y|https|example.com:8443|1002.000|origin_failed|*/*|text/plain|"
                + "HTTP/1.1|/p/q?x=y")
    }

    @Test("what there is none of reads as a dash")
    func absent() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom(
            "\(.query) \(.authority) \(.timeToFirstByte) \(.requestID) \(.upstream) \(.route) \(.referer) \(.userAgent)"
        )
        exchange.request.headers = Headers(raw: [("User-Agent", "")])
        #expect(try await exchange.line() == "- - - - - - - -")
    }

    @Test("a resolved client address stands before the connection's")
    func clientAddress() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom("\(.clientAddress)")
        exchange.context[ClientAddressKey.self] = try SocketAddress(ipAddress: "2001:db8::1", port: 1)
        #expect(try await exchange.line() == "2001:db8::1")
    }

    @Test(
        "the end of an exchange has a name",
        arguments: [
            (Outcome.End.complete, "complete"), (.clientGone, "client_gone"), (.originFailed, "origin_failed"),
            (.timedOut, "timed_out"), (.refused, "refused"),
        ])
    func ends(end: Outcome.End, word: String) async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom("\(.end)")
        exchange.outcome.end = end
        #expect(try await exchange.line() == word)
    }

    // MARK: Once, and what

    @Test("an exchange has one line, however often the chain is called")
    func once() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom("\(.status) \(.path)")
        let log = AccessLog(exchange.configuration)
        let inner = Pipeline {
            log
            HandlerFunction { request, _ in Response(request.path == "/1" ? .serviceUnavailable : .ok) }
        }
        _ = try await inner.handle(Request(.get, "/1"), context: exchange.context)
        _ = try await inner.handle(Request(.get, "/2"), context: exchange.context)
        #expect(exchange.memory.lines.isEmpty)
        exchange.context.finish(exchange.outcome)
        exchange.context.finish(exchange.outcome)
        // The request as it came first, the status that went out last.
        #expect(exchange.memory.lines == ["200 /1"])
    }

    @Test("two logs in one chain each have their line and their status")
    func nested() async throws {
        let exchange = try AccessLogFixture()
        var configuration = exchange.configuration
        configuration.format = .custom("outer \(.status)")
        let outer = AccessLog(configuration)
        configuration.format = .custom("inner \(.status) \(.path)")
        let inner = AccessLog(configuration)
        let pipeline = Pipeline {
            outer
            Teapot()
            inner
            HandlerFunction { _, _ in Response(.ok) }
        }
        _ = try await pipeline.handle(Request(.get, "/x"), context: exchange.context)
        exchange.context.finish(exchange.outcome)
        #expect(exchange.memory.lines.sorted() == ["inner 200 /x", "outer 418"])
    }

    @Test("a client that left before an answer has a line without a status")
    func cancelled() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom("\(.status) \(.end)")
        let log = AccessLog(exchange.configuration)
        let pipeline = Pipeline {
            log
            HandlerFunction { _, _ in throw CancellationError() }
        }
        await #expect(throws: CancellationError.self) {
            _ = try await pipeline.handle(Request(.get, "/"), context: exchange.context)
        }
        exchange.outcome.end = .clientGone
        exchange.context.finish(exchange.outcome)
        #expect(exchange.memory.lines == ["- client_gone"])
    }

    @Test("what is logged is the request as it came, whatever is rewritten inside")
    func rewritten() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom("\(.target) \(.userAgent)")
        let log = AccessLog(exchange.configuration)
        let pipeline = Pipeline {
            log
            Rewrite()
            HandlerFunction { _, _ in Response(.ok) }
        }
        var request = Request(.get, "/before")
        request.headers[.userAgent] = "before"
        _ = try await pipeline.handle(request, context: exchange.context)
        exchange.context.finish(exchange.outcome)
        #expect(exchange.memory.lines == ["/before before"])
    }

    // MARK: Redaction

    @Test("credentials are hidden unless asked for")
    func credentials() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom(
            "\(.requestHeader(.authorization)) \(.requestHeader(.cookie)) \(.responseHeader(.setCookie)) \(.userAgent)")
        exchange.request.headers = [.authorization: "Basic c2VjcmV0", .cookie: "secret=1", .userAgent: "ua"]
        exchange.response.headers[.setCookie] = "secret=2"
        #expect(try await exchange.line() == "[redacted] [redacted] [redacted] ua")
        var shown = try AccessLogFixture()
        shown.configuration.format = .custom("\(.requestHeader(.cookie)) \(.requestHeader(.authorization))")
        shown.configuration.redaction.headers.remove(.cookie)
        shown.request.headers = [.cookie: "a=1"]
        #expect(try await shown.line() == "a=1 -")
    }

    @Test(
        "the values of named query parameters are hidden",
        arguments: [
            ("/a", "/a"), ("/a?b=1", "/a?b=1"), ("/a?token=x", "/a?token=[redacted]"),
            ("/a?b=1&TOKEN=x&c=2", "/a?b=1&TOKEN=[redacted]&c=2"), ("/a?%74oken=x=y", "/a?%74oken=[redacted]"),
            ("/a?b=token=x", "/a?b=token=x"), ("/a?token", "/a?token"), ("/a?token=", "/a?token=[redacted]"),
            ("/a?b=1;token=x", "/a?b=1;token=[redacted]"), ("/a?token=x;y=z&c=1", "/a?token=[redacted]&c=1"),
            ("/a?api+key=x", "/a?api+key=[redacted]"), ("/a?token=x?token=y", "/a?token=[redacted]"),
            ("/a?&&token=x", "/a?&&token=[redacted]"), ("/token=x?b=1", "/token=x?b=1"),
        ])
    func parameters(target: String, shown: String) async throws {
        for format in [AccessLog.Format.custom("\(.target) \(.requestLine)"), .json(["t": .target])] {
            var exchange = try AccessLogFixture()
            exchange.configuration.format = format
            exchange.configuration.redaction.queryParameters = ["token", "api key"]
            exchange.request = Request(.get, target)
            let line = try await exchange.line()
            #expect(line == "\(shown) GET \(shown) HTTP/1.1" || line == #"{"t":"\#(shown)"}"#)
        }
        var referer = try AccessLogFixture()
        referer.configuration.format = .custom("\(.referer)")
        referer.configuration.redaction.queryParameters = ["token", "api key"]
        referer.request.headers[.referer] = "https://example.com\(target)"
        #expect(try await referer.line() == "https://example.com\(shown)")
    }

    @Test("a query alone is redacted as well")
    func queryAlone() async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom("\(.query)")
        exchange.configuration.redaction.queryParameters = ["token"]
        exchange.request = Request(.get, "/?token=x&a=b")
        #expect(try await exchange.line() == "token=[redacted]&a=b")
    }

    // MARK: Sampling

    @Test("a share of the exchanges has a line, and every failure")
    func sampling() async throws {
        let chance = SeededRandomness(seed: 42)
        var kept = 0
        for index in 0..<1_000 {
            var exchange = try AccessLogFixture(randomness: chance)
            exchange.configuration.sampling = .share(0.1)
            if index % 100 == 0 { exchange.response = Response(.badGateway) }
            if index % 100 == 1 { exchange.outcome.end = .clientGone }
            let count = try await exchange.lines().count
            if index % 100 < 2 { #expect(count == 1) } else { kept += count }
        }
        // 98 are expected, with a standard deviation of 9.4; the seed makes it the same number every time.
        #expect((60...140).contains(kept))
    }

    @Test("a share of zero logs failures alone, and a whole share draws no chance")
    func bounds() async throws {
        var none = try AccessLogFixture(randomness: Sequence64([0]))
        none.configuration.sampling = .share(0, alwaysFrom: nil)
        #expect(try await none.lines().isEmpty)
        var failure = try AccessLogFixture(randomness: Sequence64([0]))
        failure.configuration.sampling = .share(0, alwaysFrom: 404)
        failure.response = Response(.notFound)
        #expect(try await failure.lines().count == 1)
        var whole = try AccessLogFixture(randomness: Sequence64([.max]))
        whole.configuration.sampling = .share(1)
        #expect(try await whole.lines().count == 1)
    }

    // MARK: Composition

    @Test("bad values are reported together and do not trap")
    func problems() async throws {
        for share in [-0.5, 2, .nan] {
            var exchange = try AccessLogFixture()
            exchange.configuration.format = .custom("two\nlines")
            exchange.configuration.sampling = .share(share)
            #expect(AccessLog(exchange.configuration).blueprint.validate().count == 3)
            #expect(try await exchange.lines().count == 1)
        }
        var twice = AccessLog.Configuration()
        twice.format = .json(["a": .path, "a": .query])
        #expect(AccessLog(twice).blueprint.validate().map(\.place) == ["AccessLog"])
        #expect(AccessLog().blueprint.validate().isEmpty)
    }

    @Test("it stands inside what gives the identifier, if anything does")
    func placement() {
        let wrong = Pipeline {
            AccessLog(to: .logger)
            RequestID()
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(wrong.blueprint.validate().map(\.place) == ["AccessLog"])
        let right = Pipeline {
            RequestID()
            AccessLog(format: .json, to: .standardOutput)
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(right.blueprint.validate().isEmpty)
        #expect(right.blueprint.allServices.count == 1)
    }
}

private struct Teapot: HeadMiddleware {
    func before(_ request: inout Request, context: RequestContext) -> Response? { nil }
    func after(_ response: inout Response, context: RequestContext) { response.status = .init(code: 418) }
}

private struct Rewrite: HeadMiddleware {
    func before(_ request: inout Request, context: RequestContext) -> Response? {
        request.path = "/after"
        request.headers[.userAgent] = "after"
        return nil
    }
}
