import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("HeaderRewrite, URLs and cookies of the origin")
struct HeaderRewriteAnswerTests {
    typealias Bad = BadRule<HeaderRewrite.MessageRules<Response>>

    @Test(
        "Location and Content-Location are turned back",
        arguments: [
            ("http://10.0.0.1:9000/app", "/shop", "http://10.0.0.1:9000/app/a?b#c", "/shop/a?b#c"),
            ("http://10.0.0.1:9000/app", "/shop", "http://10.0.0.1:9000/app", "/shop"),
            ("http://10.0.0.1:9000/app", "/shop", "http://10.0.0.1:9000/app?b", "/shop?b"),
            ("http://10.0.0.1:9000/app", "/shop", "http://10.0.0.1:9000/apple", nil),
            ("http://10.0.0.1:9000/app", "/shop", "/app/a", "/shop/a"),
            ("http://10.0.0.1:9000/app", "/shop", "//10.0.0.1:9000/app/a", "/shop/a"),
            ("http://10.0.0.1:9000/app", "/shop", "https://10.0.0.1:9000/app/a", nil),
            ("http://10.0.0.1:9000/app", "/shop", "http://10.0.0.1/app/a", nil),
            ("http://10.0.0.1:9000/app", "/shop", "http://elsewhere/app/a", nil),
            ("http://10.0.0.1:9000/app", "/shop", "http://shop.example/app/a", "/shop/a"),
            ("https://origin", "/", "//origin:443/x", "/x"), ("https://origin", "/", "//origin:80/x", nil),
            ("http://10.0.0.1:9000", "/", "http://10.0.0.1:9000", "/"),
            ("http://10.0.0.1:9000", "/", "HTTP://10.0.0.1:9000/x", "/x"),
            ("http://origin", "https://www.example.com/s", "http://ORIGIN:80/x", "https://www.example.com/s/x"),
            ("http://origin", "https://www.example.com", "http://origin", "https://www.example.com/"),
            ("http://origin", "https://www.example.com", "/x", nil),
            ("/app", "/shop", "/app/a", "/shop/a"), ("/app", "/shop", "/apple", nil), ("/app", "/shop", "app/a", nil),
            ("/app", "/shop", "?a", nil), ("/app", "/shop", "", nil), ("/app", "/shop", "mailto:a@b", nil),
            ("/app", "/shop", "http://shop.example/app/a", "/shop/a"),
            ("/app", "/shop", "https://shop.example:443/app", "/shop"),
            ("/app", "/shop", "http://other.example/app/a", nil),
            // Nothing that a browser takes for a host comes of it.
            ("/app", "/", "/app//evil.example", "/.//evil.example"),
            ("/app", "/", "/app/\\evil.example", "/./\\evil.example"),
            ("/app", "/", "/app", "/"), ("/", "/shop", "//evil.example/a", nil), ("/", "/shop", "/\\evil.example", nil),
            ("/app", "/", "/app/\t/evil.example", nil),
            ("http://origin", "/", "http://origin//evil.example", nil),
            ("http://origin", "/", "http://origin@evil.example/", nil),
        ] as [(String, String, String, String?)])
    func locations(from: String, to: String, value: String, expected: String?) async throws {
        let headers: Headers = [.location: value, .contentLocation: value, .server: value]
        let stand = RewriteStand(answering: headers, HeaderRewrite { $0.response.mapURLs(from: from, to: to) })
        let answer = try await stand.answer()
        #expect(answer.headers[.location] == expected ?? value)
        #expect(answer.headers[.contentLocation] == expected ?? value)
        #expect(answer.headers[.server] == value)
    }

    @Test(
        "Link is turned back, reference by reference",
        arguments: [
            ("</app/a>; rel=next, </b>; rel=last", "</shop/a>; rel=next, </b>; rel=last"),
            ("</b>; rel=last,</app/a?x,y>;rel=next", "</b>; rel=last,</shop/a?x,y>;rel=next"),
            ("</b>; title=\"</app/a>\", </app>", "</b>; title=\"</app/a>\", </shop>"),
            ("</b>; title=\"a\\\"</app/a>\", </app>", "</b>; title=\"a\\\"</app/a>\", </shop>"),
            ("</app/a", "</app/a"), ("</app/a b>", "</app/a b>"), ("", ""), ("<", "<"), ("\"", "\""), ("\"\\", "\"\\"),
        ])
    func links(value: String, expected: String) async throws {
        let stand = RewriteStand(
            answering: [.link: value], HeaderRewrite { $0.response.mapURLs(from: "/app", to: "/shop") })
        #expect(try await stand.answer().headers[.link] == expected)
    }

    @Test("the client's authority and the one that the request leaves with are the origin's")
    func clientAuthority() async throws {
        let stand = RewriteStand(
            answering: [.location: "http://shop.example/app/a"],
            HeaderRewrite {
                $0.request.setAuthority(to: "origin.internal")
                $0.response.mapURLs(from: "/app", to: "/shop")
            })
        #expect(try await stand.answer().headers[.location] == "/shop/a")
        let other = RewriteStand(
            answering: [.location: "http://origin.internal/app/a"],
            HeaderRewrite {
                $0.response.mapURLs(from: "/app", to: "/shop")
                $0.request.setAuthority(to: "origin.internal")
            })
        #expect(try await other.answer().headers[.location] == "/shop/a")
    }

    @Test("bytes of a cookie's value that are no UTF-8 stay")
    func cookieBytes() async throws {
        var headers = Headers()
        let line: [UInt8] = Array("a=\u{301}".utf8) + [0xE9] + Array("; Path=/app".utf8)
        headers.append(name: Array("Set-Cookie".utf8).span, value: line.span, known: .other)
        let stand = RewriteStand(
            answering: headers,
            HeaderRewrite { $0.response.rewriteCookies { $0.path = .replacingPrefix("/app", with: "/shop") } })
        let answer = try await stand.answer()
        let entry = try #require(answer.headers.entries.first { answer.headers.isNamed($0, Array("set-cookie".utf8)) })
        let value = answer.headers.withValue(of: entry) { $0.withUnsafeBufferPointer { Array($0) } }
        #expect(value == Array("a=\u{301}".utf8) + [0xE9] + Array("; Path=/shop".utf8))
    }

    @Test(
        "cookies",
        arguments: [
            ("domain dropped", "a=b; Domain=o.internal; Path=/", "a=b; Path=/"),
            ("domain dropped", "a=b", "a=b"), ("domain dropped", "a=b;Path=/", "a=b;Path=/"),
            ("domain fixed", "a=b; domain=o.internal", "a=b; Domain=shop.example"),
            ("domain fixed", "a=b", "a=b; Domain=shop.example"),
            ("domain replaced", "a=b; Domain=o.internal", "a=b; Domain=shop.example"),
            ("domain replaced", "a=b; Domain=.O.Internal", "a=b; Domain=shop.example"),
            ("domain replaced", "a=b; Domain=x.o.internal", "a=b; Domain=x.shop.example"),
            ("domain replaced", "a=b; Domain=zo.internal", "a=b; Domain=zo.internal"),
            ("domain replaced", "a=b", "a=b"),
            ("path replaced", "a=b; Path=/app/x; HttpOnly", "a=b; HttpOnly; Path=/shop/x"),
            ("path replaced", "a=b; path=/app", "a=b; Path=/shop"),
            ("path replaced", "a=b; Path=/apple", "a=b; Path=/apple"),
            ("path replaced", "a=b; Path=/app/", "a=b; Path=/shop/"), ("path fixed", "a=b; Path=/x", "a=b; Path=/"),
            ("path fixed", "a=b", "a=b; Path=/"),
            ("flags", "a=b", "a=b; Secure; HttpOnly; SameSite=Lax; Partitioned"),
            (
                "flags", "a=b; secure; httponly; samesite=None; partitioned",
                "a=b; secure; httponly; partitioned; SameSite=Lax"
            ),
            ("no flags", "a=b; Secure; HttpOnly; Partitioned; Max-Age=1", "a=b; Max-Age=1"),
            ("no flags", "__Secure-a=b; Secure", "__Secure-a=b; Secure"), ("no flags", "a=b;", "a=b;"),
            ("domain fixed", "__Host-a=b; Path=/; Secure", "__Host-a=b; Path=/; Secure"),
            ("path replaced", "__host-a=b; Path=/app; Secure", "__host-a=b; Path=/app; Secure"),
            ("named", "a=b", "a=b; Secure"), ("named", "c=d", "c=d"), ("named", " a =b", " a =b; Secure"),
            ("dotted domain", "a=b; Domain=x.o.internal", "a=b; Domain=x.shop.example"),
            ("root path", "a=b; Path=/", "a=b; Path=/shop"), ("root path", "a=b; Path=/x", "a=b; Path=/shop/x"),
            ("flags", "nonsense", "nonsense"), ("flags", "", ""),
        ])
    func cookies(rule: String, line: String, expected: String) async throws {
        var headers: Headers = [.server: "o"]
        headers.append(.setCookie, line)
        headers.append(.setCookie, "z; Secure")
        let stand = RewriteStand(
            answering: headers,
            HeaderRewrite {
                $0.response.rewriteCookies {
                    switch rule {
                    case "domain dropped": $0.domain = .dropped
                    case "domain fixed": $0.domain = .fixed("shop.example")
                    case "domain replaced": $0.domain = .replacing("o.internal", with: "shop.example")
                    case "dotted domain": $0.domain = .replacing(".o.internal", with: ".shop.example")
                    case "root path": $0.path = .replacingPrefix("/", with: "/shop")
                    case "path replaced": $0.path = .replacingPrefix("/app", with: "/shop")
                    case "path fixed": $0.path = .fixed("/")
                    case "named": ($0.names, $0.isSecure) = (["a"], true)
                    case "flags":
                        ($0.isSecure, $0.isHTTPOnly, $0.isPartitioned, $0.sameSite) = (true, true, true, .lax)
                    default: ($0.isSecure, $0.isHTTPOnly, $0.isPartitioned) = (false, false, false)
                    }
                }
            })
        let trimmed = expected.hasPrefix(" ") ? String(expected.dropFirst()) : expected
        #expect(try await stand.answer().headers[values: .setCookie] == [trimmed, "z; Secure"])
    }

    @Test(
        "bad rules are problems of the composition",
        arguments: [
            Bad("maps the URL \"10.0.0.1/a\"") { $0.mapURLs(from: "10.0.0.1/a", to: "/") },
            Bad("maps the URL \"//a\"") { $0.mapURLs(from: "//a", to: "/") },
            Bad("maps the URL \"ftp://a\"") { $0.mapURLs(from: "/", to: "ftp://a") },
            Bad("maps the URL \"http://\"") { $0.mapURLs(from: "http://", to: "/") },
            Bad("path prefix \"/a?b\"") { $0.mapURLs(from: "/a?b", to: "/") },
            Bad("cookie domain \"a b\"") { $0.rewriteCookies { $0.domain = .fixed("a b") } },
            Bad("cookie domain \"a:80\"") { $0.rewriteCookies { $0.domain = .replacing("a:80", with: "b") } },
            Bad("path \"a;b\"") { $0.rewriteCookies { $0.path = .fixed("a;b") } },
            Bad("path prefix \"a\"") { $0.rewriteCookies { $0.path = .replacingPrefix("a", with: "/") } },
            Bad("Partitioned without Secure") { $0.rewriteCookies { $0.isPartitioned = true } },
            Bad("SameSite=None without Secure") {
                $0.rewriteCookies { $0.sameSite = HeaderRewrite.CookieRules.SameSite.none }
            },
        ])
    func problems(rule: Bad) {
        let found = HeaderRewrite {
            $0.response.remove(.server)
            rule.write(&$0.response)
        }.blueprint.problems
        #expect(found.count == 1 && found.first?.problem.contains(rule.problem) == true, "\(found)")
    }
}
