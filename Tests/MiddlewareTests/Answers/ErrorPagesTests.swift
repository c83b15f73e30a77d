import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("ErrorPages")
struct ErrorPagesTests {
    private static let browser =
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8,application/signed-exchange;q=0.7"
    private let browser: Headers = [.accept: Self.browser]

    private func configured(_ edit: (inout ErrorPages.Configuration) -> Void) -> ErrorPages {
        var configuration = ErrorPages.Configuration()
        edit(&configuration)
        return ErrorPages(configuration)
    }

    private func client(
        _ pages: ErrorPages = ErrorPages("<p>page"),
        _ answer: @escaping @Sendable (Request) throws -> Response
    ) -> TestClient {
        TestClient {
            pages
            HandlerFunction { request, _ in try answer(request) }
        }
    }

    // MARK: Which page

    @Test(
        "the page of a status goes before that of its class, and that before the one for all",
        arguments: [
            (400, "4xx"), (403, "403"), (404, "404"), (499, "4xx"), (500, "all"), (503, "503"), (599, "all"),
            (600, nil), (399, nil), (200, nil), (304, nil),
        ])
    func precedence(code: Int, page: String?) async throws {
        let pages = configured {
            $0[.all] = "all"
            $0[.clientErrors] = "4xx"
            $0[404] = "404"
            $0[503] = "503"
            $0[.init(.forbidden)] = "403"
        }
        let answer = try await client(pages) { _ in Response(.init(code: code)) }.get("/", headers: browser)
        #expect(answer.status.code == code)
        #expect(answer.body == page ?? "")
        #expect(answer.headers[.contentType] == (page == nil ? nil : "text/html; charset=utf-8"))
        #expect(answer.headers[.vary] == (page == nil ? nil : "Accept"))
    }

    @Test("what has no page stays as it is")
    func noPage() async throws {
        let client = client(configured { $0[404] = "404" }) { _ in throw HTTPError(.conflict, "why") }
        let answer = try await client.get("/", headers: browser)
        #expect(answer.headers[.contentType] == "application/problem+json" && answer.body.contains("why"))
        #expect(!answer.headers.contains(.vary))
    }

    @Test("a page is for all that have none of their own")
    func oneForAll() async throws {
        var configuration = ErrorPages.Configuration()
        configuration[404] = "mine"
        let pages = ErrorPages("all", configuration)
        #expect(try await client(pages) { _ in Response(.notFound) }.get("/", headers: browser).body == "mine")
        #expect(try await client(pages) { _ in Response(.gone) }.get("/", headers: browser).body == "all")
    }

    // MARK: Who gets it

    @Test(
        "who asks for HTML by name, and not more for JSON, gets the page; others a problem report",
        arguments: [
            (Self.browser, true), ("text/html", true), ("TEXT/HTML", true), ("text/html, application/json", true),
            ("text/html;q=0.5", true), ("text/*", true), ("application/json;q=0.5, text/html;q=0.6", true),
            ("application/json, text/html", true), ("text/html;level=1", true), ("*/*", false), ("", false),
            (nil, false), ("application/json, text/plain, */*", false), ("text/html;q=0", false),
            ("text/html;q=0, text/*", false), ("application/json, text/html;q=0.9", false),
            ("application/*, text/html;q=0.9", false), ("application/problem+json, text/html;q=0.1", false),
            ("text/htmlx", false), ("text/html;q=nonsense", false),
        ])
    func negotiation(accept: String?, isPage: Bool) async throws {
        var headers = Headers()
        headers[.accept] = accept
        let answer = try await client { _ in throw HTTPError(.conflict, "why") }.get("/", headers: headers)
        #expect(answer.status == .conflict)
        #expect((answer.body == "<p>page") == isPage)
        #expect(answer.body.contains("why") == !isPage)
        #expect(answer.headers[values: .vary] == ["Accept"])
        let type = isPage ? "text/html; charset=utf-8" : "application/problem+json"
        #expect(answer.headers[values: .contentType] == [type])
        let empty = try await client { _ in Response(.conflict) }.get("/", headers: headers)
        #expect(empty.body == (isPage ? "<p>page" : "{\"title\":\"Conflict\",\"status\":409}"))
        #expect(empty.headers[values: .contentType] == [type])
    }

    @Test(
        "Vary is added unless it is there",
        arguments: [("Accept", 1), ("origin, ACCEPT", 1), ("*", 1), ("Origin", 2)])
    func vary(inner: String, count: Int) async throws {
        let client = client { _ in Response(.notFound, headers: [.vary: inner]) }
        #expect(try await client.get("/", headers: browser).headers[values: .vary].count == count)
    }

    @Test("what is thrown is answered with a page, and cancellation is thrown on")
    func throwing() async throws {
        let answers: [(any Error & Sendable, HTTPResponse.Status)] = [
            (HTTPError(.forbidden), .forbidden), (Odd(), .internalServerError), (DeadlineExceeded(), .gatewayTimeout),
            (RequestTimeout(), .requestTimeout), (BodyTooLarge(limit: 1), .contentTooLarge),
        ]
        for (error, status) in answers {
            let answer = try await client { _ in throw error }.get("/", headers: browser)
            #expect(answer.status == status && answer.body == "<p>page")
        }
        let pipeline = Pipeline {
            ErrorPages("page")
            HandlerFunction { _, _ in throw CancellationError() }
        }
        var request = Request()
        request.headers = browser
        let context = RequestContext(runtime: Runtime(time: FixedTime()))
        await #expect(throws: CancellationError.self) { _ = try await pipeline.handle(request, context: context) }
    }

    // MARK: What is replaced

    @Test(
        "content that somebody wrote stays",
        arguments: ["text/html", "text/plain", "application/json", "application/grpc", nil])
    func written(type: String?) async throws {
        var headers = Headers()
        headers[.contentType] = type
        let inner = headers
        let client = client { _ in Response(.notFound, headers: inner, body: .text("own")) }
        let answer = try await client.get("/", headers: browser)
        #expect(answer.body == "own" && answer.headers == inner)
    }

    @Test("a client of gRPC, a live answer and an upgrade are left alone")
    func leftAlone() async throws {
        let call: Headers = [.contentType: "application/grpc+proto", .accept: "text/html"]
        let refused = try await client { _ in throw HTTPError(.tooManyRequests) }.post("/", headers: call)
        #expect(refused.headers[.contentType] == "application/problem+json" && !refused.headers.contains(.vary))
        let live = client { _ in
            var response = Response(.notFound, headers: [.contentType: "application/problem+json"], body: .text("x"))
            response.body.isLive = true
            return response
        }
        #expect(try await live.get("/", headers: browser).body == "x")
        let upgrade = client { _ in
            var response = Response(.notFound)
            response.upgrade = { _, _ in }
            return response
        }
        let upgraded = try await upgrade.get("/", headers: browser)
        #expect(!upgraded.headers.contains(.vary))
    }

    @Test("the fields of the content go, all others stay, and the content is released")
    func fields() async throws {
        let gone: Headers = [
            .contentType: "application/problem+json", .contentEncoding: "gzip", .contentLanguage: "de",
            .contentLocation: "/a", .contentDisposition: "attachment", .contentRange: "bytes 0-1/2", .eTag: "\"a\"",
            .lastModified: "Fri, 01 Jan 2100 00:00:00 GMT", .acceptRanges: "bytes", .contentLength: "7",
            .trailer: "X-Sum", .init("Content-Digest")!: "a", .init("Repr-Digest")!: "a", .init("Digest")!: "a",
            .init("Content-MD5")!: "a",
        ]
        let kept: Headers = [
            .retryAfter: "5", .wwwAuthenticate: "Basic", .allow: "GET", .cacheControl: "no-store", .setCookie: "a=1",
            .contentSecurityPolicy: "default-src 'none'", .location: "/b", .accessControlAllowOrigin: "*",
        ]
        let all = Headers(HTTPFields(Array(gone) + Array(kept)))
        let answer = try await client { _ in Response(.unauthorized, headers: all, body: .text("x")) }
            .get("/", headers: browser)
        var expected = kept
        expected.append(.vary, "Accept")
        expected.append(.contentType, "text/html; charset=utf-8")
        #expect(answer.headers == expected)
        let range = try await client { _ in Response(.rangeNotSatisfiable, headers: all) }.get("/", headers: browser)
        #expect(range.headers[.contentRange] == "bytes 0-1/2" && !range.headers.contains(.eTag))
    }

    @Test("content that is not read is given up")
    func released() async throws {
        let source = BrokenOff()
        let client = client { _ in
            Response(.badGateway, headers: [.contentType: "application/problem+json"], body: .stream(source))
        }
        #expect(try await client.get("/", headers: browser).body == "<p>page")
        #expect(source.isCancelled)
    }

    @Test("HEAD has the fields of the page, over a real server its length too")
    func head() async throws {
        let gateway = Pipeline {
            ErrorPages("<p>page")
            HandlerFunction { _, _ in throw HTTPError(.notFound) }
        }
        try await withServer(gateway) { server in
            let client = try await server.connect()
            for method in [HTTPRequest.Method.head, .get] {
                try await client.send("\(method) / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n")
                let answer = try await client.readResponse(to: method)
                #expect(answer.status == .notFound)
                #expect(answer.headers[.contentLength] == "7")
                #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
                #expect(answer.body == (method == .get ? "<p>page" : ""))
            }
        }
    }

    // MARK: Origins

    private static let origins: [(ErrorPages.Statuses?, String?, String, Int)] = [
        (nil, "text/html", "origin", 502), (.serverErrors, "text/html", "<p>page", 502),
        (.serverErrors, "application/json", "<p>page", 502), (502, nil, "<p>page", 502),
        (.serverErrors, "text/html", "origin", 422), (.all, "text/html", "<p>page", 422),
        (.all, "application/grpc", "origin", 500), (.all, "text/html", "origin", 200),
    ]

    @Test("answers of origins are replaced where that is configured, whatever they hold", arguments: origins)
    func ofOrigins(statuses: ErrorPages.Statuses?, type: String?, body: String, code: Int) async throws {
        let pages = configured {
            $0[.all] = "<p>page"
            if let statuses { $0.replacedOfOrigins = [statuses] }
        }
        var headers: Headers = [.eTag: "\"a\"", .server: "origin"]
        headers[.contentType] = type
        let (status, fields) = (HTTPResponse.Status(code: code, reasonPhrase: "Odd"), headers)
        let origin = ScriptedUpstream { $0.answer(status, "origin", headers: fields) }
        let gateway = Pipeline {
            pages
            ReverseProxy(to: "http://10.0.0.1:8080")
        }
        let client = TestClient(gateway, origins: ["10.0.0.1:8080": origin])
        let answer = try await client.get("/", headers: browser)
        #expect(answer.status.code == code && answer.body == body)
        #expect(answer.headers.contains(.eTag) == (body == "origin"))
        #expect(answer.headers[.server] == "origin")
        let other = try await client.get("/")
        #expect(other.body == (body == "origin" ? body : "{\"title\":\"Odd\",\"status\":\(code)}"))
        // No way to the origin is an answer made here.
        let alone = try await TestClient(gateway, origins: [:]).get("/", headers: browser)
        #expect(alone.status == .badGateway && alone.body == "<p>page")
    }

    // MARK: Pages

    @Test("places in a page are filled, escaped")
    func placeholders() async throws {
        let page: ErrorPages.Page = "<h1 title='{{reason}}'>{{status}} {{ reason }}</h1>{{request-id}}{color}"
        let client = TestClient {
            ErrorPages(page)
            HandlerFunction { request, context in
                context[RequestIDKey.self] = request.target.query == nil ? nil : "<a href=\"x\" b='y'>&"
                return Response(.init(code: 499, reasonPhrase: "<b>"))
            }
        }
        let (bare, named) = (try await client.get("/", headers: browser), try await client.get("/?a", headers: browser))
        #expect(bare.body == "<h1 title='&lt;b&gt;'>499 &lt;b&gt;</h1>{color}")
        #expect(named.body.hasSuffix("</h1>&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;{color}"))
        let phraseless = try await self.client(ErrorPages("{{reason}}")) { _ in Response(.init(code: 599)) }
            .get("/", headers: browser)
        #expect(phraseless.body == "Error")
    }

    @Test("a page comes from a file, which is read once")
    func files() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "page.html")
            try "<p>{{status}}".write(to: file, atomically: true, encoding: .utf8)
            let pages = ErrorPages(ErrorPages.Page(file: file.path()))
            try "other".write(to: file, atomically: true, encoding: .utf8)
            #expect(pages.blueprint.validate() == [])
            #expect(try await client(pages) { _ in Response(.gone) }.get("/", headers: browser).body == "<p>410")
            func written(_ name: String, _ bytes: [UInt8]) throws -> String {
                let file = folder.appending(path: name)
                try Data(bytes).write(to: file)
                return file.path()
            }
            let bad = [
                folder.path(), folder.appending(path: "none").path(), "/dev/zero", "",
                try written("bytes", [0xFF, 0xFE]), try written("empty", []),
                try written("long", [UInt8](repeating: 0x61, count: (1 << 20) + 1)),
            ]
            for path in bad {
                #expect(ErrorPages(ErrorPages.Page(file: path)).blueprint.validate().count == 1, "\(path)")
            }
        }
    }

    @Test("bad values are reported and do not trap")
    func problems() async throws {
        func problems(_ edit: (inout ErrorPages.Configuration) -> Void) -> Int {
            configured(edit).blueprint.validate().count
        }
        #expect(problems { _ in } == 1)
        #expect(problems { $0[404] = "a" } == 0)
        for code in [0, 200, 399, 600, 999, -1] {
            #expect(problems { $0[.init(integerLiteral: code)] = "a" } == 1)
        }
        #expect(
            problems {
                $0[.all] = "a"
                $0.replacedOfOrigins = [200, .serverErrors]
            } == 1)
        for page in ["", "{{", "{{}}", "{{nonsense}}", "a {{status", "{{status reason}}", "{{Status}}"] {
            #expect(problems { $0[404] = ErrorPages.Page(page) } == 1)
            #expect(ErrorPages.Page(page).problem != nil)
        }
        let broken = configured { $0[404] = "{{" }
        #expect(try await MiddlewareCall.answer(broken, browser).status == .notFound)
        #expect(ErrorPages("a").blueprint.validate() == [])
    }

    @Test("bodies and cancellation are left alone")
    func conformance() async {
        #expect(await MiddlewareConformance(ErrorPages("a"), headers: browser).check() == [])
    }
}

private struct Odd: Error {}

/// Content that is never read.
private final class BrokenOff: BodySource, @unchecked Sendable {
    private(set) var isCancelled = false
    var knownLength: Int? { nil }
    func read() async throws -> BodyPart { throw Odd() }
    func cancel(_ reason: any Error) { isCancelled = true }
}

/// A call without the check of the composition.
private enum MiddlewareCall {
    static func answer(_ middleware: any Middleware, _ headers: Headers) async throws -> Response {
        var request = Request()
        request.headers = headers
        let pipeline = Pipeline([middleware], endingIn: HandlerFunction { _, _ in Response(.notFound) })
        return try await pipeline.handle(request, context: RequestContext(runtime: Runtime(time: FixedTime())))
    }
}
