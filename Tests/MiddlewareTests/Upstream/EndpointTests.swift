import Middleware
import Testing

@Suite("Endpoint")
struct EndpointTests {
    static let good: [(text: String, address: DialAddress, authority: String)] = [
        ("10.0.0.1:8080", .host("10.0.0.1", port: 8080), "10.0.0.1:8080"),
        ("origin.internal", .host("origin.internal", port: 80), "origin.internal"),
        ("http://origin.internal", .host("origin.internal", port: 80), "origin.internal"),
        ("http://origin.internal/", .host("origin.internal", port: 80), "origin.internal"),
        ("http://origin:80", .host("origin", port: 80), "origin"),
        ("app_1:1", .host("app_1", port: 1), "app_1:1"),
        ("A-b.C:65535", .host("A-b.C", port: 65535), "A-b.C:65535"),
        ("[2001:db8::1]:8080", .host("2001:db8::1", port: 8080), "[2001:db8::1]:8080"),
        ("http://[::1]", .host("::1", port: 80), "[::1]"),
        ("unix:/run/app.sock", .unix(path: "/run/app.sock"), "localhost"),
        ("unix:/a b", .unix(path: "/a b"), "localhost"),
    ]

    @Test("text becomes an address and an authority", arguments: good)
    func parsing(text: String, address: DialAddress, authority: String) throws {
        let endpoint = Endpoint(text)
        #expect(endpoint.problem == nil && endpoint.address == address && endpoint.authority == authority)
        #expect(endpoint.weight == 1 && endpoint.text == text && "\(endpoint)" == text)
        #expect(try Endpoint(parsing: text) == endpoint)
    }

    static let bad: [(text: String, reason: String)] = [
        ("", "the host is empty"), ("http://", "the host is empty"), ("http:///", "the host is empty"),
        (":80", "the host is empty"), ("a b", "characters that no host has"), ("a/b", "characters that no host has"),
        ("http://a/b", "characters that no host has"), ("user@a", "characters that no host has"),
        ("a?b", "characters that no host has"), ("a\r\nb", "characters that no host has"),
        ("é", "characters that no host has"), ("http://a//", "characters that no host has"),
        ("a:", "the port is not a number"), ("a:0", "the port is not a number"),
        ("a:65536", "the port is not a number"),
        ("a:+1", "the port is not a number"), ("a:-1", "the port is not a number"),
        ("a:8 0", "the port is not a number"),
        ("a:٣", "the port is not a number"), ("[::1]:", "the port is not a number"),
        ("https://a", "https is not a scheme"), ("ftp://a", "ftp is not a scheme"), ("://a", "is not a scheme"),
        ("::1", "an IPv6 address stands in brackets"), ("1:2:3", "an IPv6 address stands in brackets"),
        ("[::1", "the bracket does not close"), ("[::1]80", "a port follows a colon"),
        ("[::1]x:80", "a port follows a colon"), ("[a]:1", "brackets hold an IPv6 address"),
        ("[]", "brackets hold an IPv6 address"), ("unix:", "the path of a Unix socket is absolute"),
        ("unix:app.sock", "the path of a Unix socket is absolute"),
        ("unix:/" + String(repeating: "a", count: 103), "under 104 bytes"),
    ]

    @Test("text that is none does not trap: the problem says what is wrong", arguments: bad)
    func refusing(text: String, reason: String) {
        #expect(Endpoint(text).problem?.contains(reason) == true)
        #expect(Endpoint(text).problem?.hasPrefix("is no endpoint (") == true)
        let error = #expect(throws: EndpointError.self) { try Endpoint(parsing: text) }
        #expect(error?.description.hasPrefix(text) == true)
    }

    @Test("a Unix socket's path may be as long as every system allows")
    func longestPath() {
        #expect(Endpoint("unix:/" + String(repeating: "a", count: 102)).problem == nil)
    }

    @Test(
        "brackets hold an address, and a path no zero byte", arguments: ["[:]:80", "[g::1]", "[1:2]", "unix:/a\u{0}b"])
    func loose(text: String) {
        #expect(Endpoint(text).problem != nil)
    }

    @Test("a scheme is the same in capitals (RFC 3986 section 3.1)")
    func capitals() {
        #expect(Endpoint("HTTP://a").problem == nil)
    }

    @Test("a weight is above zero")
    func weights() {
        #expect(Endpoint("a", weight: 7).problem == nil && Endpoint("a", weight: 7).weight == 7)
        #expect(Endpoint("a", weight: 0).problem == "has a weight of 0, which is not above zero")
        #expect(Endpoint("a", weight: -1).problem == "has a weight of -1, which is not above zero")
        #expect(throws: EndpointError.self) { try Endpoint(parsing: "a", weight: -1) }
    }

    @Test("endpoints of the same text and weight are equal")
    func equality() {
        let literal: Endpoint = "a:1"
        #expect(literal == Endpoint("a:1") && Endpoint("a:1") != Endpoint("a:1", weight: 2))
        #expect(Set([literal, Endpoint("a:1"), Endpoint("a:2")]).count == 2)
    }
}
