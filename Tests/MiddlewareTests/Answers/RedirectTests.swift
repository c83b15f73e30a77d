import HTTPTypes
import Middleware
import Testing

@Suite("Redirect")
struct RedirectTests {
    private func answer(
        _ redirect: Redirect, _ target: String, scheme: String = "http", authority: String = "app.example"
    ) async throws -> Response {
        var request = Request(.get, target)
        request.scheme = scheme
        request.authority = authority
        return try await redirect.handle(request, context: RequestContext(runtime: Runtime(time: FixedTime())))
    }

    @Test(
        "what the target names is fixed, the rest is the request's",
        arguments: [
            ("https://www.example.com", "/a/b?c=1", "https://www.example.com/a/b?c=1"),
            ("https://www.example.com", "/", "https://www.example.com/"),
            ("https://www.example.com:8443", "/a?", "https://www.example.com:8443/a?"),
            ("https://www.example.com/", "/a?c=1", "https://www.example.com/?c=1"),
            ("https://www.example.com/sale", "/a?c=1", "https://www.example.com/sale?c=1"),
            ("https://www.example.com?x=1", "/a?c=1", "https://www.example.com/a?x=1"),
            ("HTTPS://[2001:db8::1]/", "/a", "https://[2001:db8::1]/"), ("/login", "/a?c=1", "/login?c=1"),
            ("/login?from=edge", "/a?c=1", "/login?from=edge"), ("/a b".replacing(" ", with: "%20"), "/", "/a%20b"),
        ])
    func targets(target: String, request: String, location: String) async throws {
        let response = try await answer(Redirect(to: target), request)
        #expect(response.status == .temporaryRedirect)
        #expect(response.headers[values: .location] == [location])
        #expect(response.body.isEmpty)
        #expect(try Redirect(parsing: target).blueprint.validate() == [])
    }

    @Test(
        "no request leads to another host",
        arguments: [
            ("//evil.example", "/.//evil.example"), ("//evil.example/..", "/.//"),
            ("///evil.example", "/.///evil.example"),
            ("/\\evil.example", "/%5Cevil.example"), ("/%5Cevil.example", "/%5Cevil.example"),
            ("/%2Fevil.example", "/%2Fevil.example"), ("/a%0D%0AX:%201", "/a%0D%0AX:%201"),
            ("/@evil.example", "/@evil.example"),
        ])
    func hosts(path: String, location: String) async throws {
        var configuration = Redirect.Configuration()
        configuration.query = .fixed("moved")
        #expect(try await answer(Redirect(configuration), path).headers[.location] == location + "?moved")
        let host = try await answer(Redirect(to: "https://www.example.com"), path).headers[.location]
        #expect(host?.hasPrefix("https://www.example.com/") == true)
        #expect(host?.contains("\r") == false)
    }

    @Test("a prefix that leaves two slashes in front leads to no other host")
    func emptiedPrefix() async throws {
        var configuration = Redirect.Configuration()
        configuration.path = .replacingPrefix("/out", with: "/")
        #expect(
            try await answer(Redirect(configuration), "/out//evil.example").headers[.location] == "/.//evil.example")
        #expect(try await answer(Redirect(configuration), "/out").headers[.location] == "/")
    }

    @Test(
        "a prefix is replaced by whole segments",
        arguments: [
            ("/v1", "/v2"), ("/v1/", "/v2/"), ("/v1/users?a=1", "/v2/users?a=1"), ("/v10", nil), ("/", nil),
            ("/a/v1", nil), ("/v1/../x", nil),
        ])
    func prefix(path: String, location: String?) async throws {
        for (old, new) in [("/v1", "/v2"), ("/v1/", "/v2/")] {
            var configuration = Redirect.Configuration()
            configuration.path = .replacingPrefix(old, with: new)
            let response = try await answer(Redirect(configuration), path)
            #expect(response.headers[.location] == location)
            #expect(response.status == (location == nil ? .notFound : .temporaryRedirect))
        }
    }

    @Test("the whole site moves below a path")
    func below() async throws {
        var configuration = Redirect.Configuration()
        configuration.path = .replacingPrefix("/", with: "/docs")
        #expect(try await answer(Redirect(configuration), "/a").headers[.location] == "/docs/a")
        #expect(try await answer(Redirect(configuration), "/").headers[.location] == "/docs/")
    }

    @Test(
        "TLS is on the same host, without the port of the other listener",
        arguments: [
            ("app.example", nil, "https://app.example/a?b"), ("app.example:8080", nil, "https://app.example/a?b"),
            ("app.example:8080", 8443, "https://app.example:8443/a?b"),
            ("[2001:db8::1]:80", nil, "https://[2001:db8::1]/a?b"),
            ("[2001:db8::1]", 8443, "https://[2001:db8::1]:8443/a?b"), ("192.0.2.1", nil, "https://192.0.2.1/a?b"),
        ])
    func secure(authority: String, port: Int?, location: String) async throws {
        let response = try await answer(Redirect.toHTTPS(port: port), "/a?b", authority: authority)
        #expect(response.headers[.location] == location)
    }

    @Test(
        "an authority that is none is not repeated",
        arguments: [
            "", ":80", "a/b", "evil.example/@app.example", "u@app.example", "a?b", "a#b", "a\\b", "[::1", "[x]:1",
            "::1",
            "a,b",
        ])
    func badAuthority(authority: String) async throws {
        let response = try await answer(Redirect.toHTTPS(), "/", authority: authority)
        #expect(response.status == .badRequest)
        #expect(!response.headers.contains(.location))
    }

    @Test(
        "only known hosts are repeated when they are named",
        arguments: [("app.example", true), ("APP.example:8080", true), ("evil.example", false)])
    func knownHosts(authority: String, isKnown: Bool) async throws {
        var configuration = Redirect.Configuration()
        configuration.scheme = "https"
        configuration.hosts = ["App.example"]
        let response = try await answer(Redirect(configuration), "/", authority: authority)
        #expect(response.status == (isKnown ? .temporaryRedirect : .misdirectedRequest))
        #expect(response.headers.contains(.location) == isKnown)
    }

    @Test("a request that is there already is not sent round")
    func loop() async throws {
        #expect(try await answer(Redirect.toHTTPS(), "/a?b", scheme: "https").status == .notFound)
        #expect(try await answer(Redirect(to: "/login"), "/login?a").status == .notFound)
        #expect(try await answer(Redirect(to: "/login"), "/").status == .temporaryRedirect)
    }

    @Test(
        "a request that is there already is not sent round, though the target names scheme and host",
        arguments: [
            ("https://www.example.com", "https", "www.example.com", true),
            ("https://www.example.com", "https", "WWW.example.com:443", true),
            ("https://www.example.com:443", "https", "www.example.com", true),
            ("https://www.example.com/a?b", "https", "www.example.com", true),
            ("https://www.example.com", "http", "www.example.com", false),
            ("https://www.example.com", "https", "example.com", false),
            ("https://www.example.com:8443", "https", "www.example.com", false),
            ("https://www.example.com/other", "https", "www.example.com", false),
        ])
    func absoluteLoop(target: String, scheme: String, authority: String, isThere: Bool) async throws {
        let response = try await answer(Redirect(to: target), "/a?b", scheme: scheme, authority: authority)
        #expect(response.status == (isThere ? .notFound : .temporaryRedirect))
    }

    @Test("OPTIONS of the server is sent to the root")
    func asterisk() async throws {
        var request = Request(.options, "*")
        request.authority = "app.example"
        let context = RequestContext(runtime: Runtime(time: FixedTime()))
        let response = try await Redirect(to: "https://www.example.com").handle(request, context: context)
        #expect(response.headers[.location] == "https://www.example.com/")
    }

    @Test("a host without a scheme takes the request's")
    func hostAlone() async throws {
        var configuration = Redirect.Configuration()
        configuration.authority = "www.example.com"
        configuration.status = .permanentRedirect
        configuration.query = .dropped
        let response = try await answer(Redirect(configuration), "/a?b", scheme: "https")
        #expect(response.headers[.location] == "https://www.example.com/a")
        #expect(response.status == .permanentRedirect)
    }

    @Test(
        "a target that is none is reported and thrown",
        arguments: [
            "", "login", "//evil.example", "https://a.example/b c", "https://a.example/#x", "\\\\evil.example",
            "/a\r\nb",
            "javascript:alert(1)", "javascript://a/%0Aalert(1)", "ftp://a.example", "https://", "https:///a",
            "https://user@a.example",
        ])
    func badTargets(target: String) async throws {
        #expect(Redirect(to: target).blueprint.validate().count == 1)
        #expect(throws: RedirectTargetError.self) { try Redirect(parsing: target) }
        _ = try await answer(Redirect(to: target), "/a")
    }

    @Test("bad values are reported and do not trap")
    func problems() async throws {
        var configuration = Redirect.Configuration()
        configuration.status = .ok
        configuration.scheme = "ftp"
        configuration.authority = "a/b"
        configuration.port = 70_000
        configuration.hosts = ["app.example:8080", "", "[::1]", "a/b"]
        #expect(Redirect(configuration).blueprint.validate().count == 7)
        configuration = Redirect.Configuration()
        configuration.path = .replacingPrefix("/a?b", with: "/c#d")
        #expect(Redirect(configuration).blueprint.validate().count == 2)
        configuration.path = .fixed("/a?b")
        #expect(Redirect(configuration).blueprint.validate().count == 1)
        #expect(Redirect(Redirect.Configuration()).blueprint.validate().count == 1)
        #expect(Redirect.toHTTPS().blueprint.validate() == [])
        #expect(Redirect(to: "ftp://a.example").blueprint.validate().count == 1)
        _ = try await answer(Redirect(configuration), "/")
    }
}
