import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("CORS")
struct CORSTests {
    private let app = "https://app.example"
    private let open: [OriginPattern] = ["https://app.example", "https://*.app.example"]

    private func configured(_ edit: (inout CORS.Configuration) -> Void) -> CORS.Configuration {
        var configuration = CORS.Configuration()
        edit(&configuration)
        return configuration
    }

    /// A client of a page behind it that repeats the fields given.
    private func client(_ cors: CORS, inner: Headers = [:]) -> TestClient {
        TestClient {
            cors
            HandlerFunction { _, _ in Response(.ok, headers: inner, body: .text("inside")) }
        }
    }

    private func preflight(_ origin: String?, _ others: Headers = [:]) -> Headers {
        var headers: Headers = [.accessControlRequestMethod: "PUT"]
        if let origin { headers.append(.origin, origin) }
        for field in others { headers.append(field.name, field.value) }
        return headers
    }

    // MARK: Preflights

    @Test("a preflight of an allowed origin is answered with what is allowed, and goes no further")
    func allowedPreflight() async throws {
        let answer = try await client(CORS(allowing: open)).send(.options, "/", headers: preflight(app))
        #expect(answer.status == .noContent)
        #expect(answer.body == "")
        #expect(answer.headers[values: .accessControlAllowOrigin] == [app])
        #expect(answer.headers[values: .accessControlAllowMethods] == ["GET, HEAD, POST"])
        #expect(answer.headers[values: .accessControlAllowHeaders] == ["Content-Type"])
        #expect(answer.headers[values: .accessControlMaxAge] == ["600"])
        #expect(answer.headers[values: .vary] == ["Origin"])
        #expect(!answer.headers.contains(.accessControlAllowCredentials))
        #expect(!answer.headers.contains(.accessControlAllowPrivateNetwork))
        #expect(!answer.headers.contains(.accessControlExposeHeaders))
    }

    @Test(
        "a preflight of another origin is refused, and says that it depends on the origin",
        arguments: [
            "https://evil.example", "http://app.example", "null", "https://app.example.evil.example",
            "https://app.example:8443", "",
        ])
    func refusedPreflight(origin: String) async throws {
        let answer = try await client(CORS(allowing: open)).send(.options, "/", headers: preflight(origin))
        #expect(answer.status == .forbidden)
        #expect(answer.headers[.vary] == "Origin")
        #expect(answer.headers[.cacheControl] == "no-store")
        #expect(!answer.headers.contains(.accessControlAllowOrigin))
    }

    @Test("two origins are none")
    func twoOrigins() async throws {
        var headers = preflight(app)
        headers.append(.origin, app)
        let answer = try await client(CORS(allowing: open)).send(.options, "/", headers: headers)
        #expect(answer.status == .forbidden)
        let plain = try await client(CORS(allowing: open)).get("/", headers: [.origin: app, .origin: app])
        #expect(!plain.headers.contains(.accessControlAllowOrigin))
    }

    private static let ordinary: [(HTTPRequest.Method, Headers)] = [
        (HTTPRequest.Method.options, [.origin: "https://app.example"]),
        (.options, [.accessControlRequestMethod: "PUT"]), (.options, [:]),
        (.get, [.origin: "https://app.example", .accessControlRequestMethod: "PUT"]), (.get, [:]),
    ]

    @Test("what is no preflight passes", arguments: ordinary)
    func noPreflight(method: HTTPRequest.Method, headers: Headers) async throws {
        let answer = try await client(CORS(allowing: open)).send(method, "/", headers: headers)
        #expect(answer.status == .ok)
        #expect(answer.body == "inside")
        #expect(answer.headers[values: .vary] == ["Origin"])
        #expect(answer.headers.contains(.accessControlAllowOrigin) == headers.contains(.origin))
    }

    @Test("whatever is asked for is repeated, name by name, and illegal names are not")
    func reflection() async throws {
        let cors = CORS(
            allowing: open,
            configured {
                $0.methods = .any
                $0.requestFields = .any
                $0.allowsCredentials = true
            })
        let asked: Headers = [.accessControlRequestHeaders: "authorization, x-a,bad name, \"q\""]
        let answer = try await client(cors).send(.options, "/", headers: preflight(app, asked))
        #expect(answer.headers[.accessControlAllowMethods] == "PUT")
        #expect(answer.headers[values: .accessControlAllowHeaders] == ["authorization, x-a"])
        #expect(answer.headers[.accessControlAllowCredentials] == "true")
        #expect(answer.headers[.vary] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        let bad: Headers = [.origin: app, .accessControlRequestMethod: "PUT, GET"]
        let refused = try await client(cors).send(.options, "/", headers: bad)
        #expect(!refused.headers.contains(.accessControlAllowMethods))
        // One field, whatever was asked for: a field for each name would make much of little.
        let many = Array(repeating: "a", count: 5_000).joined(separator: ",")
        let long = try await client(cors).send(
            .options, "/", headers: preflight(app, [.accessControlRequestHeaders: many]))
        #expect(long.headers[values: .accessControlAllowHeaders].count == 1)
    }

    @Test(
        "a private network is opened when that is asked and allowed",
        arguments: [(true, "true", true), (true, "false", false), (true, nil, false), (false, "true", false)])
    func privateNetwork(isAllowed: Bool, asked: String?, isOpened: Bool) async throws {
        let cors = CORS(allowing: open, configured { $0.allowsPrivateNetwork = isAllowed })
        var headers = preflight(app)
        headers[.accessControlRequestPrivateNetwork] = asked
        let answer = try await client(cors).send(.options, "/", headers: headers)
        #expect(answer.headers[.accessControlAllowPrivateNetwork] == (isOpened ? "true" : nil))
        #expect(answer.headers[.vary]?.contains("Private-Network") == isAllowed)
    }

    @Test(
        "a preflight is kept for as long as is said",
        arguments: [(Duration.seconds(5), "5"), (.zero, "0"), (.milliseconds(1_999), "1"), (nil, nil)])
    func maxAge(duration: Duration?, text: String?) async throws {
        let cors = CORS(allowing: open, configured { $0.maxAge = duration })
        let answer = try await client(cors).send(.options, "/", headers: preflight(app))
        #expect(answer.headers[.accessControlMaxAge] == text)
    }

    // MARK: Answers

    @Test(
        "an answer can be read by an allowed origin, with what is exposed",
        arguments: ["https://app.example", "https://a.app.example"])
    func answers(origin: String) async throws {
        let cors = CORS(
            allowing: open,
            configured {
                $0.allowsCredentials = true
                $0.exposedFields = .only([.eTag, .xRequestID])
            })
        let answer = try await client(cors).get("/", headers: [.origin: origin])
        #expect(answer.headers[values: .accessControlAllowOrigin] == [origin])
        #expect(answer.headers[values: .accessControlAllowCredentials] == ["true"])
        #expect(answer.headers[values: .accessControlExposeHeaders] == ["ETag, X-Request-ID"])
        #expect(answer.headers[values: .vary] == ["Origin"])
        #expect(!answer.headers.contains(.accessControlAllowMethods))
    }

    @Test("an answer to another origin, or to none, says that it depends on the origin and no more")
    func refusedAnswers() async throws {
        for headers in [[:], [.origin: "https://evil.example"], [.origin: "null"]] as [Headers] {
            let answer = try await client(CORS(allowing: open)).get("/", headers: headers)
            #expect(answer.status == .ok)
            #expect(answer.headers[values: .vary] == ["Origin"])
            #expect(!answer.headers.contains(.accessControlAllowOrigin))
        }
    }

    private static let variations: [(Headers, [String])] = [
        ([.vary: "Accept-Encoding"], ["Accept-Encoding", "Origin"]), ([.vary: "*"], ["*"]),
        ([.vary: "accept, ORIGIN"], ["accept, ORIGIN"]), ([.vary: "a", .vary: "origin"], ["a", "origin"]),
        ([.vary: "X-Origin"], ["X-Origin", "Origin"]),
    ]

    @Test("Vary is added unless it is there", arguments: variations)
    func vary(inner: Headers, expected: [String]) async throws {
        let answer = try await client(CORS(allowing: open), inner: inner).get("/", headers: [.origin: app])
        #expect(answer.headers[values: .vary] == expected)
    }

    @Test("for everybody there is a star, always, without Vary and without credentials")
    func everybody() async throws {
        let cors = CORS(
            allowing: ["*"],
            configured {
                $0.allowsCredentials = true
                $0.exposedFields = .any
            })
        for headers in [[:], [.origin: "https://any.example"], [.origin: "null"]] as [Headers] {
            let answer = try await TestClient.unchecked(cors).answer(.get, headers)
            #expect(answer.headers[values: .accessControlAllowOrigin] == ["*"])
            #expect(!answer.headers.contains(.accessControlAllowCredentials))
            #expect(!answer.headers.contains(.vary))
        }
        let answer = try await TestClient.unchecked(cors).answer(.options, preflight("https://any.example"))
        #expect(answer.headers[values: .accessControlAllowOrigin] == ["*"])
        #expect(!answer.headers.contains(.accessControlAllowCredentials))
        #expect(!answer.headers.contains(.vary))
    }

    @Test("what an origin server says of itself is left alone, and half of it is not mixed with ours")
    func innerStatements() async throws {
        let whole: Headers = [.accessControlAllowOrigin: "https://own.example"]
        let cors = CORS(allowing: open, configured { $0.allowsCredentials = true })
        let kept = try await client(cors, inner: whole).get("/", headers: [.origin: app])
        #expect(kept.headers[values: .accessControlAllowOrigin] == ["https://own.example"])
        #expect(!kept.headers.contains(.accessControlAllowCredentials))
        #expect(kept.headers[.vary] == "Origin")
        let half: Headers = [.accessControlAllowCredentials: "true", .accessControlExposeHeaders: "X-Secret"]
        let mended = try await client(CORS(allowing: open), inner: half).get("/", headers: [.origin: app])
        #expect(mended.headers[.accessControlAllowOrigin] == app)
        #expect(!mended.headers.contains(.accessControlAllowCredentials))
        #expect(!mended.headers.contains(.accessControlExposeHeaders))
        for headers in [[:], [.origin: "https://evil.example"]] as [Headers] {
            let refused = try await client(CORS(allowing: open), inner: half).get("/", headers: headers)
            #expect(refused.headers.map(\.name) == [.vary])
        }
    }

    @Test("of two around each other the inner one decides")
    func nested() async throws {
        let client = TestClient {
            CORS(allowing: ["https://app.example"])
            CORS(allowing: ["https://other.example"])
            HandlerFunction { _, _ in Response(.ok) }
        }
        let refused = try await client.get("/", headers: [.origin: app])
        #expect(!refused.headers.contains(.accessControlAllowOrigin))
        let allowed = try await client.get("/", headers: [.origin: "https://other.example"])
        #expect(allowed.headers[values: .accessControlAllowOrigin] == ["https://other.example"])
        #expect(allowed.headers[values: .vary] == ["Origin"])
    }

    @Test("a star further out does not give back what the inner one refuses")
    func nestedStar() async throws {
        let client = TestClient {
            CORS(allowing: ["*"])
            CORS(allowing: ["https://app.example"])
            HandlerFunction { _, _ in Response(.ok) }
        }
        let refused = try await client.get("/", headers: [.origin: "https://evil.example"])
        #expect(!refused.headers.contains(.accessControlAllowOrigin))
        #expect(refused.headers[values: .vary] == ["Origin"])
        let allowed = try await client.get("/", headers: [.origin: app])
        #expect(allowed.headers[values: .accessControlAllowOrigin] == [app])
        let outside = TestClient {
            CORS(allowing: ["https://app.example"])
            CORS(allowing: ["*"])
            HandlerFunction { _, _ in Response(.ok) }
        }
        let everybody = try await outside.get("/", headers: [.origin: "https://any.example"])
        #expect(everybody.headers[values: .accessControlAllowOrigin] == ["*"])
    }

    @Test("what is answered between two goes by the inner one, and never to its origins with the outer's credentials")
    func nestedThrow() async throws {
        let client = TestClient {
            CORS(allowing: ["https://app.example"], configured { $0.allowsCredentials = true })
            Failing()
            CORS(allowing: ["https://other.example"], configured { $0.exposedFields = .only([.eTag]) })
            HandlerFunction { _, _ in Response(.ok) }
        }
        let answer = try await client.get("/", headers: [.origin: "https://other.example"])
        #expect(answer.status == .gatewayTimeout)
        #expect(answer.headers[values: .accessControlAllowOrigin] == ["https://other.example"])
        #expect(!answer.headers.contains(.accessControlAllowCredentials))
        #expect(answer.headers[.accessControlExposeHeaders] == "ETag")
        #expect(answer.headers[values: .vary] == ["Origin"])
        let refused = try await client.get("/", headers: [.origin: app])
        #expect(!refused.headers.contains(.accessControlAllowOrigin))
    }

    @Test("a refusal from further in can be read by the page")
    func refusals() async throws {
        let client = TestClient {
            CORS(allowing: open)
            CSRF()
            HandlerFunction { _, _ in throw HTTPError(.conflict) }
        }
        let headers: Headers = [.origin: app, .secFetchSite: "cross-site"]
        let refused = try await client.post("/", headers: headers, body: "x")
        #expect(refused.status == .forbidden)
        #expect(refused.headers[.accessControlAllowOrigin] == app)
        let thrown = try await client.get("/", headers: headers)
        #expect(thrown.status == .conflict)
        #expect(thrown.headers[.accessControlAllowOrigin] == app)
    }

    // MARK: Composition

    @Test("bad values are reported and do not trap")
    func problems() {
        #expect(CORS(allowing: open).blueprint.validate() == [])
        #expect(CORS(allowing: ["*"]).blueprint.validate() == [])
        let bad = configured {
            $0.allowsCredentials = true
            $0.exposedFields = .any
            $0.maxAge = .seconds(-1)
        }
        #expect(CORS(allowing: ["*", "https://app.example/"], bad).blueprint.validate().count == 4)
        #expect(CORS(allowing: []).blueprint.validate().count == 1)
    }

    @Test("bodies and cancellation are left alone")
    func conformance() async {
        #expect(await MiddlewareConformance(CORS(allowing: open)).check() == [])
    }
}

/// Throws once what is inside has answered.
private struct Failing: Middleware {
    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        _ = try await next.handle(request, context: context)
        throw HTTPError(.gatewayTimeout)
    }
}

/// A call without the check of the composition, for values that a server refuses.
struct UncheckedCall {
    let middleware: any Middleware

    func answer(_ method: HTTPRequest.Method, _ headers: Headers) async throws -> Response {
        var request = Request(method, "/")
        request.headers = headers
        let pipeline = Pipeline([middleware], endingIn: HandlerFunction { _, _ in Response(.ok) })
        return try await pipeline.handle(request, context: RequestContext(runtime: Runtime(time: FixedTime())))
    }
}

extension TestClient {
    static func unchecked(_ middleware: any Middleware) -> UncheckedCall { UncheckedCall(middleware: middleware) }
}
