import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("Security headers")
struct SecurityHeadersTests {
    private func configured(
        _ edit: (inout SecurityHeaders.Configuration) -> Void
    ) -> SecurityHeaders.Configuration {
        var configuration = SecurityHeaders.Configuration()
        edit(&configuration)
        return configuration
    }

    private func answer(
        _ configuration: SecurityHeaders.Configuration,
        scheme: String = "https",
        status: HTTPResponse.Status = .ok,
        inner: Headers = [:],
        chance: [UInt64] = [0]
    ) async throws -> Response {
        var request = Request(.get, "/")
        request.scheme = scheme
        let pipeline = Pipeline {
            SecurityHeaders(configuration)
            HandlerFunction { _, context in
                var response = Response(status, headers: inner)
                response.headers[seen] = context[ContentSecurityPolicyNonceKey.self]
                return response
            }
        }
        let runtime = Runtime(time: FixedTime(), randomness: Sequence64(chance))
        return try await pipeline.handle(request, context: RequestContext(runtime: runtime))
    }

    private var seen: HTTPField.Name { .init("X-Seen")! }

    @Test("the safe preset sends what hardly any site misses")
    func safe() async throws {
        let expected: Headers = [
            .xContentTypeOptions: "nosniff", .xFrameOptions: "SAMEORIGIN",
            .referrerPolicy: "strict-origin-when-cross-origin",
            .crossOriginOpenerPolicy: "same-origin-allow-popups",
            .contentSecurityPolicy: "base-uri 'self'; frame-ancestors 'self'; object-src 'none'",
            .strictTransportSecurity: "max-age=31536000",
        ]
        #expect(try await answer(.safe).headers == expected)
    }

    @Test("the strict preset lets nothing be loaded, framed, embedded or told")
    func strict() async throws {
        let headers = try await answer(.strict).headers
        #expect(headers[.contentSecurityPolicy]?.hasPrefix("default-src 'none'") == true)
        #expect(headers[.xFrameOptions] == "DENY")
        #expect(headers[.referrerPolicy] == "no-referrer")
        #expect(headers[.permissionsPolicy]?.hasPrefix("camera=(), ") == true)
        #expect(headers[.crossOriginOpenerPolicy] == "same-origin")
        #expect(headers[.crossOriginEmbedderPolicy] == "require-corp")
        #expect(headers[.crossOriginResourcePolicy] == "same-origin")
        #expect(headers[.strictTransportSecurity] == "max-age=31536000; includeSubDomains")
        #expect(headers.count == 9)
    }

    @Test("HSTS goes out over TLS alone", arguments: [("https", true), ("http", false)])
    func transport(scheme: String, isSent: Bool) async throws {
        #expect(try await answer(.safe, scheme: scheme).headers.contains(.strictTransportSecurity) == isSent)
    }

    @Test("what an answer says itself is left alone, in any case, and the rest is added")
    func innerFields() async throws {
        let inner: Headers = [
            .init("content-security-POLICY")!: "default-src *", .xFrameOptions: "ALLOW", .server: "origin",
            .strictTransportSecurity: "max-age=0",
        ]
        let headers = try await answer(.safe, inner: inner).headers
        #expect(headers[values: .contentSecurityPolicy] == ["default-src *"])
        #expect(headers[values: .xFrameOptions] == ["ALLOW"])
        #expect(headers[values: .strictTransportSecurity] == ["max-age=0"])
        #expect(headers[values: .xContentTypeOptions] == ["nosniff"])
        #expect(headers[values: .server] == ["origin"])
        #expect(headers.count == 7)
        #expect(try await answer(SecurityHeaders.Configuration()).headers.isEmpty)
    }

    @Test("a nonce is new for each request, the same in the page and in every policy")
    func nonce() async throws {
        let configuration = configured {
            $0.contentSecurityPolicy = "script-src 'nonce' 'strict-dynamic';style-src  'self' 'NONCE' ; base-uri 'none'"
            $0.reportedContentSecurityPolicy = "script-src 'nonce'"
        }
        let headers = try await answer(configuration, chance: [0, .max]).headers
        let nonce = "AAAAAAAAAAA__________P"
        #expect(headers[seen] == nonce)
        #expect(
            headers[.contentSecurityPolicy]
                == "script-src 'nonce-\(nonce)' 'strict-dynamic'; style-src 'self' 'nonce-\(nonce)'; base-uri 'none'")
        #expect(headers[.contentSecurityPolicyReportOnly] == "script-src 'nonce-\(nonce)'")
        let other = try await answer(configuration, chance: [1, 0x0123_4567_89AB_CDEF]).headers
        #expect(other[seen] != nonce)
        #expect(other[seen]?.count == 22)
        #expect(other[.contentSecurityPolicyReportOnly] == "script-src 'nonce-\(other[seen] ?? "")'")
    }

    @Test("nonces of different chance differ in every bit")
    func nonceBits() async throws {
        let configuration = configured { $0.contentSecurityPolicy = "script-src 'nonce'" }
        var nonces: Set<String> = []
        for bit in 0..<64 {
            for words in [[UInt64(1) << UInt64(bit), 0], [0, UInt64(1) << UInt64(bit)]] {
                nonces.insert(try await answer(configuration, chance: words).headers[seen] ?? "")
            }
        }
        #expect(nonces.count == 128)
    }

    @Test("a nonce is not joined to a page that a cache holds, and a fixed policy is")
    func notModified() async throws {
        let marked = configured {
            $0.contentSecurityPolicy = "script-src 'nonce'"
            $0.forbidsSniffing = true
        }
        let headers = try await answer(marked, status: .notModified).headers
        #expect(!headers.contains(.contentSecurityPolicy))
        #expect(headers.contains(.xContentTypeOptions))
        #expect(try await answer(.safe, status: .notModified).headers.contains(.contentSecurityPolicy))
    }

    @Test("two around each other have one nonce, and the inner policy wins")
    func nested() async throws {
        let (outer, inner) = ("script-src 'nonce' 'self'", "script-src 'nonce'")
        let client = TestClient {
            SecurityHeaders(configured { $0.contentSecurityPolicy = .init(outer) })
            SecurityHeaders(configured { $0.contentSecurityPolicy = .init(inner) })
            HandlerFunction { _, context in
                Response(.ok, body: .text(context[ContentSecurityPolicyNonceKey.self] ?? "none"))
            }
        }
        let answer = try await client.get("/")
        #expect(answer.headers[values: .contentSecurityPolicy] == ["script-src 'nonce-\(answer.body)'"])
        #expect(try await client.get("/").body != answer.body)
    }

    @Test(
        "what somebody writes over the nonce goes into no policy",
        arguments: ["own", "x'; script-src * 'unsafe", ""])
    func foreignNonce(text: String) async throws {
        let client = TestClient {
            SecurityHeaders(configured { $0.contentSecurityPolicy = "script-src 'nonce'; object-src 'none'" })
            HandlerFunction { _, context in
                context[ContentSecurityPolicyNonceKey.self] = text
                return Response(.ok)
            }
        }
        let policy = try #require(try await client.get("/").headers[.contentSecurityPolicy])
        #expect(policy.count == "script-src 'nonce-'; object-src 'none'".count + 22)
        #expect(policy.hasPrefix("script-src 'nonce-") && policy.hasSuffix("'; object-src 'none'"))
        #expect(text.isEmpty || !policy.contains(text))
    }

    @Test("a policy may be written over several lines")
    func lines() async throws {
        let configuration = configured {
            $0.contentSecurityPolicy = """
                default-src 'self';
                script-src 'nonce'\t'strict-dynamic';\r
                base-uri 'none'
                """
        }
        #expect(SecurityHeaders(configuration).blueprint.validate() == [])
        let policy = try await answer(configuration).headers[.contentSecurityPolicy]
        let nonce = String(repeating: "A", count: 22)
        #expect(policy == "default-src 'self'; script-src 'nonce-\(nonce)' 'strict-dynamic'; base-uri 'none'")
    }

    @Test("no nonce is made for a policy without one")
    func noNonce() async throws {
        #expect(try await answer(.strict).headers[seen] == nil)
    }

    @Test(
        "a content security policy with a slip is reported and not sent",
        arguments: [
            "", ";", "default-src self", "script-src 'self' unsafe-inline", "script-src 'none' 'self'",
            "img-src *; IMG-SRC 'self'", "script-src a,b", "script_src 'self'", "script-src bücher", "script-src nonce",
            "script-src \u{7F}",
        ])
    func badPolicies(text: String) async throws {
        #expect(ContentSecurityPolicy(text).problem != nil)
        #expect(throws: PolicyError.self) { try ContentSecurityPolicy(parsing: text) }
        let configuration = configured { $0.contentSecurityPolicy = .init(text) }
        #expect(SecurityHeaders(configuration).blueprint.validate().count == 1)
        #expect(try await answer(configuration).headers.isEmpty)
    }

    @Test(
        "a content security policy may say",
        arguments: [
            "default-src 'self'", "upgrade-insecure-requests", "script-src 'sha256-abc=' https://*.a.example:*",
            "sandbox allow-scripts; report-uri /csp?a=1", "frame-ancestors 'none';", "img-src data: blob: *",
            "require-trusted-types-for 'script'; trusted-types a b",
        ])
    func goodPolicies(text: String) throws {
        #expect(ContentSecurityPolicy(text).problem == nil)
        #expect(try ContentSecurityPolicy(parsing: text).text == text)
    }

    @Test(
        "a permissions policy is a dictionary of features",
        arguments: [
            ("camera=()", true), ("fullscreen=*, camera=self", true),
            ("geolocation=(self \"https://maps.example\" \"https://*.a.example\")", true), ("", false),
            ("camera", false), ("camera=none", false), ("camera=(), camera=()", false),
            ("camera=(https://a.example)", false), ("camera=(\"*\")", false),
            ("Camera=()", false), ("camera=(\"nonsense\")", false), ("camera 'none'", false), ("camera=(", false),
        ])
    func permissions(text: String, isUsable: Bool) async throws {
        #expect((PermissionsPolicy(text).problem == nil) == isUsable)
        let configuration = configured { $0.permissions = .init(text) }
        #expect(SecurityHeaders(configuration).blueprint.validate().isEmpty == isUsable)
        #expect(try await answer(configuration).headers[.permissionsPolicy] == (isUsable ? text : nil))
    }

    @Test("HSTS is checked")
    func transportProblems() {
        func problems(_ edit: (inout SecurityHeaders.TransportSecurity) -> Void) -> Int {
            var transport = SecurityHeaders.TransportSecurity()
            edit(&transport)
            return SecurityHeaders(configured { $0.transportSecurity = transport }).blueprint.validate().count
        }
        #expect(problems { $0.maxAge = .seconds(-1) } == 1)
        #expect(problems { $0.isPreloaded = true } == 1)
        #expect(problems { $0.maxAge = .zero } == 0)
        #expect(
            problems {
                $0.isPreloaded = true
                $0.includesSubdomains = true
            } == 0)
        #expect(SecurityHeaders().blueprint.validate() == [])
        #expect(SecurityHeaders(.strict).blueprint.validate() == [])
    }

    @Test("refusals and throws from further in carry the fields")
    func refusals() async throws {
        let client = TestClient {
            SecurityHeaders()
            CSRF()
            HandlerFunction { _, _ in throw HTTPError(.conflict) }
        }
        let refused = try await client.post("/", headers: [.secFetchSite: "cross-site"])
        #expect(refused.status == .forbidden)
        #expect(refused.headers[.xContentTypeOptions] == "nosniff")
        #expect(try await client.get("/").headers[.xContentTypeOptions] == "nosniff")
    }

    @Test("what an origin server sends is left alone as it came, and the rest is added")
    func received() async throws {
        let gateway = Pipeline {
            SecurityHeaders()
            CORS(allowing: ["https://app.example"])
            ReverseProxy(to: "http://10.0.0.1:8080")
        }
        let origin = ScriptedUpstream {
            $0.answer(.ok, "fine", headers: [.xFrameOptions: "DENY", .vary: "Accept", .referrerPolicy: "origin"])
        }
        let client = TestClient(gateway, origins: ["10.0.0.1:8080": origin])
        let answer = try await client.get("/", headers: [.origin: "https://app.example"])
        #expect(answer.body == "fine")
        #expect(answer.headers[values: .xFrameOptions] == ["DENY"])
        #expect(answer.headers[values: .referrerPolicy] == ["origin"])
        #expect(answer.headers[values: .xContentTypeOptions] == ["nosniff"])
        #expect(answer.headers[values: .vary] == ["Accept", "Origin"])
        #expect(answer.headers[values: .accessControlAllowOrigin] == ["https://app.example"])
    }

    @Test("the names of the fields are names")
    func names() {
        let names: [HTTPField.Name] = [
            .accessControlRequestPrivateNetwork, .accessControlAllowPrivateNetwork, .secFetchSite, .xFrameOptions,
            .referrerPolicy, .permissionsPolicy, .crossOriginOpenerPolicy, .crossOriginEmbedderPolicy,
        ]
        #expect(names.allSatisfy { $0.canonicalName != "x-invalid-name" })
        #expect(Set(names).count == names.count)
    }

    @Test("bodies and cancellation are left alone")
    func conformance() async {
        #expect(await MiddlewareConformance(SecurityHeaders()).check() == [])
    }
}
