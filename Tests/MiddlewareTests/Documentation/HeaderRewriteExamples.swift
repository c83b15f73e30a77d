import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// The code of `Documentation/HeaderRewrite.md`, and what it does.
@Suite("The examples of rewriting heads")
struct HeaderRewriteExamples {
    @Test("the first one")
    func standard() async throws {
        // snippet: header-rewrite
        let edge = HeaderRewrite {
            $0.request.set(.init("x-edge")!, to: "1")
            $0.response.remove(.server)
        }
        // end
        let stand = RewriteStand(answering: [.server: "o"], edge)
        #expect(try await stand.asked().contains("x-edge: 1"))
        #expect(try await stand.answer().headers[.server] == nil)
    }

    @Test("the customised one")
    func customised() async throws {
        // snippet: header-rewrite-customised
        let shop = HeaderRewrite {
            $0.request.rewritePath(prefix: "/shop", to: "/app")
            $0.request.set(.init("x-real-ip")!, to: "\(.clientAddress)")
            $0.request.removeAll(withPrefix: "x-internal-")
            $0.request.setQueryItem("tenant", to: "\(.host)")
            $0.response.add(.link, "<https://shop.example\(.path)>; rel=canonical")
            $0.response.mapURLs(from: "http://10.0.0.1:9000/app", to: "/shop")
            $0.response.rewriteCookies {
                $0.domain = .dropped
                $0.path = .replacingPrefix("/app", with: "/shop")
                $0.isSecure = true
            }
        }
        // end
        #expect(shop.blueprint.problems.isEmpty)
        let stand = RewriteStand(
            answering: [.location: "http://10.0.0.1:9000/app/a", .setCookie: "a=b; Path=/app; Domain=o"], shop)
        #expect(try await stand.target("/shop/a") == "/app/a?tenant=shop.example")
        let answer = try await stand.answer(.get, "/shop/a")
        #expect(answer.headers[.location] == "/shop/a")
        #expect(answer.headers[.link] == "<https://shop.example/shop/a>; rel=canonical")
        #expect(answer.headers[.setCookie] == "a=b; Path=/shop; Secure")
    }

    @Test(
        "the table of paths",
        arguments: [
            (HeaderRewrite { $0.request.rewritePath(prefix: "/v1", to: "/v2") }, "/v2/a?x=1"),
            (HeaderRewrite { $0.request.stripPath(prefix: "/v1") }, "/a?x=1"),
            (HeaderRewrite { $0.request.addPathPrefix("/api") }, "/api/v1/a?x=1"),
            (HeaderRewrite { $0.request.rewritePath(matching: "/v1/([^/]+)", to: "/v2/$1/") }, "/v2/a/?x=1"),
            (HeaderRewrite { $0.request.rewritePath(matching: "/v1/([^/]+)", to: "/find?name=$1") }, "/find?name=a"),
            (HeaderRewrite { $0.request.setPath(to: "/index.html") }, "/index.html?x=1"),
            (HeaderRewrite { $0.request.setQueryItem("y", to: "2") }, "/v1/a?x=1&y=2"),
            (HeaderRewrite { $0.request.keepQueryItems(["page"]) }, "/v1/a"),
        ])
    func paths(rewrite: HeaderRewrite, expected: String) async throws {
        #expect(try await RewriteStand(rewrite).target("/v1/a?x=1") == expected)
    }
}
