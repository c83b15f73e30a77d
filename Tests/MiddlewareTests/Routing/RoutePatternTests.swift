import Middleware
import Testing

@Suite("RoutePattern")
struct RoutePatternTests {
    @Test(
        "usable patterns",
        arguments: [
            "/", "/**", "/a", "/a/", "/a//b", "/{x}", "/a/{x}/b/{y-z_1}/**", "/caf%C3%A9", "/café", "/a b", "/%2F",
            "", "**", "{x}", "users/{id}", "/a;b=1/c,d", "/...", "/.well-known/acme-challenge/{token}",
        ])
    func usable(text: String) {
        #expect(RoutePattern(text).problem == nil)
    }

    @Test(
        "what is no pattern says why",
        arguments: [
            ("/**/a", "before the end"), ("/*", "no wildcard"), ("/a*", "no wildcard"), ("/***", "no wildcard"),
            ("/{a}/{a}", "two parameters a"), ("/{}", "no name"), ("/{a b}", "no name"), ("/{a.b}", "no name"),
            ("/{a}.json", "not a whole segment"), ("/x{a}", "not a whole segment"), ("/{a", "not a whole segment"),
            ("/a}", "not a whole segment"), ("/{{a}}", "not a whole segment"),
            ("/a?b=1", "no path holds ?"), ("/a#b", "no path holds #"),
            ("/a/./b", "the segment ."), ("/a/..", "the segment .."), ("/%2e%2e/a", "the segment %2e%2e"),
            ("/..;x", "ambiguous dot segment"), ("/a%00", "encoded NUL"), ("/%zz", "malformed"), ("/a%", "malformed"),
            ("/a\u{7}", "must be percent-encoded"), (String(repeating: "/a", count: 101), "101 segments"),
        ])
    func unusable(text: String, reason: String) throws {
        let problem = try #require(RoutePattern(text).problem)
        #expect(problem.contains(reason))
    }

    @Test(
        "a pattern without a slash in front goes on where the one around it ends",
        arguments: [
            ("/v2/users/**", "{id}", "/v2/users/{id}"), ("/v2/users/**", "{id}/posts/**", "/v2/users/{id}/posts/**"),
            ("/v2/**", "", "/v2"), ("/**", "a", "/a"), ("/**", "", "/"), ("/**", "**", "/**"),
            ("/v2/**", "**", "/v2/**"),
            ("/t/{t}/**", "users", "/t/{t}/users"), ("/t/{id}/**", "{id}", "/t/{id}/{id}"), ("/a", "", "/a"),
            ("/v2/**", "/v2/users", "/v2/users"), ("/{t}/**", "/acme/users", "/acme/users"), ("/v2/**", "a/", "/v2/a/"),
            ("/v2/**", "/**", "/**"),
        ])
    func joining(outer: String, inner: String, joined: String) {
        let pattern = RoutePattern(inner).joined(to: RoutePattern(outer))
        #expect(pattern.text == joined)
        #expect(pattern.problem == nil)
    }

    @Test(
        "a pattern that lies outside of the one around it matches nothing",
        arguments: [
            ("/v2/**", "/v1/users"), ("/a", "b"), ("/a/{x}", "/a/"), ("/a", "/a/b"), ("/{x}/**", "//b"), ("/a/b", "/a"),
        ])
    func outside(outer: String, inner: String) throws {
        let problem = try #require(RoutePattern(inner).joined(to: RoutePattern(outer)).problem)
        #expect(problem.contains("matches nothing"))
        #expect(problem.contains(outer))
    }

    @Test("a relative pattern needs a route around it")
    func alone() throws {
        let problem = try #require(RoutePattern("users").joined(to: nil).problem)
        #expect(problem.contains("\"users\" outside of any route"))
        #expect(RoutePattern("/users").joined(to: nil).problem == nil)
    }
}
