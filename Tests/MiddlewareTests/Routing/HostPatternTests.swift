import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("HostPattern")
struct HostPatternTests {
    @Test(
        "what is no host says why",
        arguments: [
            ("", "no host name"), ("a..b", "no host name"), (".a", "no host name"), ("a b", "no host name"),
            ("a/b", "no host name"), ("*.", "no host name"), ("a~b", "no host name"),
            (String(repeating: "a", count: 64), "no host name"),
            ("a.*.example", "not the first label"), ("a*.example", "not the first label"),
            ("**", "not the first label"),
            ("example.com:80", "more than a host"), ("http://a", "more than a host"), ("::1", "more than a host"),
            ("[::1", "no IPv6 address"), ("[x]", "no IPv6 address"), ("[::1]:80", "no IPv6 address"),
            ("bücher.example", "not ASCII"),
        ])
    func unusable(text: String, reason: String) throws {
        let problem = try #require(HostPattern(text).problem)
        #expect(problem.contains(reason))
    }

    @Test(
        "hosts that a pattern takes",
        arguments: [
            ("example.com", "example.com"), ("example.com", "EXAMPLE.com:8443"), ("Example.Com", "example.com."),
            ("example.com.", "example.com"), ("*.example.com", "a.example.com"), ("*.example.com", "A.b.Example.com:1"),
            ("*", "anything"), ("*", ""), ("[2001:DB8:0::1]", "[2001:db8::1]:443"), ("10.0.0.1", "10.0.0.1:80"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("a_b.example", "a_b.example"),
        ])
    func taken(pattern: String, authority: String) {
        #expect(takes(pattern, authority))
    }

    @Test(
        "hosts that a pattern does not take",
        arguments: [
            ("example.com", "a.example.com"), ("example.com", "example.org"), ("example.com", ""),
            ("example.com", ":80"),
            ("*.example.com", "example.com"), ("*.example.com", ".example.com"), ("*.example.com", "badexample.com"),
            ("*.example.com", "a.example.com.evil.net"), ("[::1]", "::1"), ("[::1]", "[::2]"), ("[::1]", "[::1"),
            ("example.com", "example.com.."), ("example.com", String(repeating: "example.com.", count: 100)),
        ])
    func notTaken(pattern: String, authority: String) {
        #expect(!takes(pattern, authority))
    }

    @Test("the exact host goes before the longest name above it, and that before any host")
    func order() {
        let texts = ["*", "*.com", "*.example.com", "*.b.example.com", "a.b.example.com"]
        for routes in [texts, texts.reversed()] {
            let router = Router(routes.map { host in Route("/**", hosts: [HostPattern(host)]) { Named(host) } })
            func winner(_ authority: String) -> String? {
                router.best(for: request(authority)).map { routes[$0] }
            }
            #expect(winner("a.b.example.com") == "a.b.example.com")
            #expect(winner("c.b.example.com") == "*.b.example.com")
            #expect(winner("b.example.com") == "*.example.com")
            #expect(winner("example.com") == "*.com")
            #expect(winner("localhost") == "*")
        }
    }

    /// Whether it does, for bytes that were received as for text that was set.
    private func takes(_ pattern: String, _ authority: String) -> Bool {
        let router = Router([Route("/**", hosts: [HostPattern(pattern)]) { Named(pattern) }])
        let takes = router.best(for: request(authority)) != nil
        let head = Request.Head(
            method: .get, scheme: "http", authority: Authority(received: ByteBuffer(string: authority)),
            target: RequestTarget("/x"), headers: Headers(), upgradeProtocol: nil)
        #expect(takes == (router.best(for: Request(head, body: .empty)) != nil))
        return takes
    }

    private func request(_ authority: String) -> Request {
        var request = Request(.get, "/x")
        request.authority = authority
        return request
    }
}
