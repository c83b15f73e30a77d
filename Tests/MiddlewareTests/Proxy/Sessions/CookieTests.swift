import HTTPTypes
import Middleware
import Testing

@Suite("Cookies of the gateway's own")
struct CookieTests {
    private func text(_ value: Span<UInt8>) -> String? { String(decoding: value) }

    @Test(
        "a cookie is found by its whole name",
        arguments: [
            (["node=a"], ["a"]),
            (["x=1; node=a; y=2"], ["a"]),
            (["x=1;node=a"], ["a"]),
            ([" node=a ;; "], ["a"]),
            (["node=a; node=b"], ["a", "b"]),
            (["x=1", "node=a"], ["a"]),
            (["node="], [""]),
            (["node=a=b"], ["a=b"]),
            (["x=\"; node=a"], ["a"]),
            (["nodes=a; xnode=b; Node=c; node"], []),
            (["node =a"], []),
            ([""], []),
            ([], []),
        ]
    )
    func reading(lines: [String], values: [String]) {
        var headers = Headers()
        for line in lines { headers.append(.cookie, line) }
        var found: [String] = []
        let none = headers.firstCookie(named: Array("node".utf8)) { value -> String? in
            found.append(String(decoding: value))
            return nil
        }
        #expect(none == nil)
        #expect(found == values)
        #expect(headers.firstCookie(named: Array("node".utf8), text) == values.first)
    }

    @Test(
        "what is removed leaves the others as they are",
        arguments: [
            (["node=a"], []),
            (["node=a; node=b"], []),
            (["x=1; node=a; y=2"], ["x=1; y=2"]),
            (["x=\"1\";node=a"], ["x=\"1\""]),
            (["x=1", "node=a", "y=2; z"], ["x=1", "y=2; z"]),
            (["x=1;y=2;  nodes=3"], ["x=1;y=2;  nodes=3"]),
            ([], []),
        ]
    )
    func removing(lines: [String], rest: [String]) {
        var headers: Headers = [.accept: "*/*"]
        for line in lines { headers.append(.cookie, line) }
        headers.removeCookies(named: Array("node".utf8))
        #expect(headers[values: .cookie] == rest)
        #expect(headers[.accept] == "*/*")
    }

    @Test("whatever the bytes are, the cookie is gone afterwards and nothing else is")
    func mutations() {
        let name = Array("n".utf8)
        var random = SplitMix64(seed: 7)
        let alphabet = Array("n=;\" \t,a".utf8)
        for _ in 0..<3000 {
            let line = (0..<random.below(24)).map { _ in alphabet[random.below(alphabet.count)] }
            var headers: Headers = [.cookie: String(decoding: line, as: UTF8.self)]
            headers.removeCookies(named: name)
            #expect(headers.firstCookie(named: name, text) == nil)
            let others = line.split(separator: UInt8(ascii: ";")).filter { piece in
                let trimmed = piece.drop { $0 == 0x20 || $0 == 0x09 }
                return trimmed.contains(UInt8(ascii: "a")) && !trimmed.starts(with: Array("n=".utf8))
            }
            let left = headers[.cookie].map { $0.utf8.count { $0 == UInt8(ascii: "a") } } ?? 0
            #expect(left == others.joined().count { $0 == UInt8(ascii: "a") })
        }
    }

    @Test("attributes are written as they are set")
    func lines() {
        var cookie: StickyCookie = "node"
        #expect(cookie.line("v", isEncrypted: false) == "node=v; Path=/; HttpOnly; SameSite=Lax")
        #expect(cookie.line("v", isEncrypted: true) == "node=v; Path=/; Secure; HttpOnly; SameSite=Lax")
        cookie.path = "/app"
        cookie.domain = "example.com"
        cookie.maxAge = .seconds(60)
        cookie.isSecure = true
        cookie.isHTTPOnly = false
        cookie.sameSite = StickyCookie.SameSite.none
        cookie.isPartitioned = true
        let attributes = "Path=/app; Domain=example.com; Max-Age=60; Secure; SameSite=None; Partitioned"
        #expect(cookie.line("v", isEncrypted: false) == "node=v; \(attributes)")
        cookie.isSecure = false
        cookie.sameSite = nil
        cookie.isPartitioned = false
        #expect(cookie.line("v", isEncrypted: true) == "node=v; Path=/app; Domain=example.com; Max-Age=60")
        #expect(cookie.line(endingWhenEncrypted: true) == "node=; Path=/app; Domain=example.com; Max-Age=0")
    }

    private static func cookie(_ name: String, _ edit: (inout StickyCookie) -> Void = { _ in }) -> StickyCookie {
        var cookie = StickyCookie(name)
        edit(&cookie)
        return cookie
    }

    @Test(
        "what no browser takes is a problem of the composition",
        arguments: [
            (cookie("no de"), #"names a cookie "no de""#),
            (cookie(""), #"names a cookie """#),
            (cookie("n") { $0.path = "app" }, #"gives the cookie "n" the path "app""#),
            (cookie("n") { $0.path = "/a;b" }, #"gives the cookie "n" the path "/a;b""#),
            (cookie("n") { $0.domain = "a b" }, #"gives the cookie "n" the domain "a b""#),
            (cookie("n") { $0.domain = "a.example:80" }, #"gives the cookie "n" the domain "a.example:80""#),
            (cookie("n") { $0.maxAge = .zero }, #"has the cookie "n" live for 0.0 seconds"#),
            (
                cookie("n") { $0.sameSite = StickyCookie.SameSite.none },
                #"makes the cookie "n" SameSite=None without Secure, which no browser takes"#
            ),
            (
                cookie("n") { $0.isPartitioned = true },
                #"makes the cookie "n" Partitioned without Secure, which no browser takes"#
            ),
            (cookie("__Host-n"), #"names the cookie "__Host-n" without what its prefix asks for"#),
            (cookie("__Secure-n"), #"names the cookie "__Secure-n" without what its prefix asks for"#),
            (
                cookie("__host-n") {
                    $0.isSecure = true
                    $0.path = "/app"
                }, #"names the cookie "__host-n" without what its prefix asks for"#
            ),
        ]
    )
    func problems(cookie: StickyCookie, problem: String) {
        var blueprint = Blueprint("Part")
        cookie.check(in: &blueprint)
        #expect(blueprint.problems.map(\.problem) == [problem])
    }

    @Test("a cookie with the prefix of a host and what it asks for is sound")
    func sound() {
        var blueprint = Blueprint("Part")
        Self.cookie("__Host-n") { $0.isSecure = true }.check(in: &blueprint)
        StickyCookie("n").check(in: &blueprint)
        #expect(blueprint.problems == [])
    }

    @Test(
        "an answer that sets a cookie is not handed to others by shared caches",
        arguments: [
            ([], ["private=\"Set-Cookie\""]),
            (["max-age=60, public"], ["max-age=60, public", "private=\"Set-Cookie\""]),
            (["max-age=60, Private"], ["max-age=60, Private"]),
            (["no-store"], ["no-store"]),
            (["private=\"a\""], ["private=\"a\"", "private=\"Set-Cookie\""]),
        ]
    )
    func caches(before: [String], after: [String]) {
        var response = Response(.ok, headers: [.setCookie: "a=b"])
        for line in before { response.headers.append(.cacheControl, line) }
        response.setCookie("node=v")
        #expect(response.headers[values: .cacheControl] == after)
        #expect(response.headers[values: .setCookie] == ["a=b", "node=v"])
    }
}
