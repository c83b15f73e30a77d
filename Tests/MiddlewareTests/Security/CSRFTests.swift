import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("CSRF")
struct CSRFTests {
    private static let host = "https://app.example"

    private func status(
        _ method: HTTPRequest.Method,
        _ headers: Headers,
        path: String = "/",
        upgrade: String? = nil,
        _ edit: (inout CSRF.Configuration) -> Void = { _ in }
    ) async throws -> HTTPResponse.Status {
        var configuration = CSRF.Configuration()
        edit(&configuration)
        var request = Request(method, path)
        request.authority = "app.example"
        request.headers = headers
        request.upgradeProtocol = upgrade
        let pipeline = Pipeline {
            CSRF(configuration)
            HandlerFunction { _, _ in Response(.ok) }
        }
        let context = RequestContext(runtime: Runtime(time: FixedTime()))
        return try await pipeline.handle(request, context: context).status
    }

    private static let unsafe: [(Headers, Bool)] = [
        ([.secFetchSite: "same-origin", .origin: "https://app.example"], true),
        ([.secFetchSite: "none"], true), ([:], true), ([.secFetchSite: "SAME-ORIGIN"], true),
        ([.secFetchSite: "cross-site", .origin: "https://evil.example"], false),
        ([.secFetchSite: "cross-site"], false), ([.secFetchSite: "same-site"], false), ([.secFetchSite: ""], false),
        ([.secFetchSite: "same-site", .origin: "https://b.app.example"], false),
        ([.secFetchSite: "cross-site", .origin: "https://app.example"], false),
        ([.secFetchSite: "unknown"], false), ([.secFetchSite: "same-origin", .secFetchSite: "cross-site"], false),
        ([.origin: "https://app.example"], true), ([.origin: "http://app.example"], true),
        ([.origin: "https://APP.example"], true), ([.origin: "https://evil.example"], false),
        ([.origin: "null"], false), ([.origin: ""], false), ([.origin: "https://app.example:8443"], false),
        ([.origin: "https://evilapp.example"], false), ([.origin: "https://a.app.example"], false),
        ([.origin: "app.example"], false), ([.origin: "//app.example"], false),
        ([.origin: "https://evil.example/app.example"], false),
        ([.origin: "https://app.example", .origin: "https://app.example"], false),
    ]

    @Test("an unsafe request passes by what the browser says of its origin", arguments: unsafe)
    func unsafeRequests(headers: Headers, passes: Bool) async throws {
        for method in [HTTPRequest.Method.post, .put, .patch, .delete, .init("PROPFIND")!] {
            #expect(try await status(method, headers) == (passes ? .ok : .forbidden))
        }
    }

    @Test("a safe request passes from everywhere", arguments: [HTTPRequest.Method.get, .head, .options])
    func safeRequests(method: HTTPRequest.Method) async throws {
        let headers: Headers = [.secFetchSite: "cross-site", .origin: "https://evil.example"]
        #expect(try await status(method, headers) == .ok)
    }

    @Test(
        "a safe request that names another method is not safe",
        arguments: ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override"])
    func overriddenMethods(name: String) async throws {
        let field = try #require(HTTPField.Name(name))
        for method in [HTTPRequest.Method.get, .head, .options] {
            #expect(try await status(method, [.secFetchSite: "cross-site", field: "DELETE"]) == .forbidden)
            #expect(try await status(method, [.origin: "https://evil.example", field: "GET"]) == .forbidden)
            #expect(try await status(method, [.secFetchSite: "same-origin", field: "DELETE"]) == .ok)
            #expect(try await status(method, [field: "DELETE"]) == .ok)
        }
        #expect(try await status(.get, [.secFetchSite: "cross-site", .contentLanguage: "de"]) == .ok)
    }

    private static let handshakes: [(Headers, Bool)] = [
        ([.origin: "https://evil.example"], false),
        ([.secFetchSite: "cross-site", .origin: "https://evil.example"], false),
        ([.origin: "https://app.example"], true), ([:], true),
    ]

    @Test("a WebSocket is opened by a page of the same origin alone", arguments: handshakes)
    func webSockets(headers: Headers, passes: Bool) async throws {
        #expect(try await status(.get, headers, upgrade: "websocket") == (passes ? .ok : .forbidden))
    }

    @Test(
        "a trusted origin may send what it likes",
        arguments: [
            ("https://other.example", true), ("https://a.tenants.example", true), ("https://tenants.example", false),
            ("https://evil.example", false), ("null", false),
        ])
    func trustedOrigins(origin: String, passes: Bool) async throws {
        for headers in [[.secFetchSite: "cross-site", .origin: origin], [.origin: origin]] as [Headers] {
            let status = try await status(.post, headers) {
                $0.trustedOrigins = ["https://other.example", "https://*.tenants.example"]
            }
            #expect(status == (passes ? .ok : .forbidden))
        }
    }

    @Test(
        "an exempt path takes requests from every page",
        arguments: [
            ("/saml/acs", true), ("/saml/acs/", false), ("/saml/acs2", false), ("/hooks", true), ("/hooks/", true),
            ("/hooks/a/b", true), ("/hooks2", false), ("/", false), ("/saml/%61cs", true), ("/x/../saml/acs", true),
        ])
    func exemptPaths(path: String, passes: Bool) async throws {
        let status = try await status(.post, [.secFetchSite: "cross-site"], path: path) {
            $0.exemptPaths = ["/saml/acs", "/hooks/**"]
        }
        #expect(status == (passes ? .ok : .forbidden))
    }

    @Test("sibling hosts may be let in, and no others with them")
    func sameSite() async throws {
        #expect(try await status(.post, [.secFetchSite: "same-site"]) { $0.allowsSameSite = true } == .ok)
        #expect(try await status(.post, [.secFetchSite: "cross-site"]) { $0.allowsSameSite = true } == .forbidden)
    }

    @Test("bad values are reported, do not trap and do not open anything")
    func problems() async throws {
        var configuration = CSRF.Configuration()
        configuration.trustedOrigins = ["*", "app.example", "https://app.example"]
        configuration.exemptPaths = ["webhooks", "/a/../b", "/a/*/b", "/a?x", "/ok", "/ok/**", "/**"]
        #expect(CSRF(configuration).blueprint.validate().count == 7)
        #expect(CSRF().blueprint.validate() == [])
        let headers: Headers = [.origin: "https://evil.example"]
        #expect(try await status(.post, headers) { $0.trustedOrigins = ["*"] } == .forbidden)
        #expect(try await status(.post, headers) { $0.exemptPaths = ["/**"] } == .forbidden)
    }

    @Test("it stands inside what finds out who asks")
    func placement() {
        let wrong = Pipeline {
            CSRF()
            ClientAddress(trusting: ["10.0.0.0/8"])
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(wrong.blueprint.validate().count == 1)
    }

    @Test("bodies and cancellation are left alone")
    func conformance() async {
        #expect(await MiddlewareConformance(CSRF()).check() == [])
    }
}
