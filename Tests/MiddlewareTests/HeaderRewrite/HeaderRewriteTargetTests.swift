import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("HeaderRewrite, targets")
struct HeaderRewriteTargetTests {
    typealias Bad = BadRule<HeaderRewrite.MessageRules<Request>>

    @Test(
        "prefixes are exchanged in whole segments",
        arguments: [
            ("/v1", "/v2", "/v1", "/v2"), ("/v1", "/v2", "/v1/", "/v2/"), ("/v1", "/v2", "/v1/a?b", "/v2/a?b"),
            ("/v1", "/v2", "/v10", "/v10"), ("/v1", "/v2", "/a/v1", "/a/v1"), ("/v1/", "/v2/", "/v1/a", "/v2/a"),
            ("/v1/", "/v2/", "/v1", "/v2"), ("/v1", "/", "/v1/a", "/a"), ("/v1", "/", "/v1", "/"),
            ("/v1", "/", "/v1?x", "/?x"), ("/v1", "/", "/v1/", "/"), ("/a%20b", "/c%20d", "/a%20b/e", "/c%20d/e"),
            ("/%7Eme", "/you", "/~me/a", "/you/a"), ("/v1", "/a/b", "/v1/%2F", "/a/b/%2F"),
            ("/v1", "/", "/v1//a", "/a"), ("/v1", "/", "/v1///", "/"),
            ("/v1", "/v2", "/v1//a", "/v2//a"),
            ("/v1", "/v1/v1", "/v1/a", "/v1/v1/a"),
        ])
    func prefix(old: String, new: String, target: String, expected: String) async throws {
        let stand = RewriteStand(HeaderRewrite { $0.request.rewritePath(prefix: old, to: new) })
        #expect(try await stand.target(target) == expected)
    }

    @Test("a prefix is added to every path", arguments: [("/", "/v2/"), ("/a?b", "/v2/a?b"), ("/v2", "/v2/v2")])
    func addedPrefix(target: String, expected: String) async throws {
        let stand = RewriteStand(HeaderRewrite { $0.request.addPathPrefix("/v2") })
        #expect(try await stand.target(target) == expected)
    }

    @Test(
        "an expression matches the whole path",
        arguments: [
            ("/users/([0-9]+)", "/u/$1", "/users/7?a", "/u/7?a"),
            ("/users/([0-9]+)", "/u/$1", "/users/7/b", "/users/7/b"),
            ("/(?<a>[^/]+)/(?<b>.*)", "/${b}/${a}", "/x/y/z", "/y/z/x"), ("^/a$", "/b", "/a", "/b"),
            ("/u/([^/]+)", "/find?id=$1&x=1", "/u/7?old", "/find?id=7&x=1"),
            ("/u/([^/]+)", "/find?id=$1", "/u/a&b=c%20d+e", "/find?id=a%26b%3Dc%20d%2Be"),
            ("/u/([^/]+)", "/find?id=$1", "/u/caf%E9", "/find?id=caf%E9"),
            ("/a(/.*)?", "/b$1", "/a", "/b"), ("/(.*)", "/x/../$1", "/a", "/a"),
            ("/(a+)+b", "/", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ("/(.*)", "/$$/$0", "/a", "/$//a"), ("(?i)/API/(.*)", "/$1", "/api/x", "/x"),
        ])
    func expression(expression: String, replacement: String, target: String, expected: String) async throws {
        let expression = try RegularExpression(parsing: expression)
        let stand = RewriteStand(HeaderRewrite { $0.request.rewritePath(matching: expression, to: replacement) })
        #expect(try await stand.target(target) == expected)
    }

    @Test("a path may be set, and what cannot stand in one is encoded")
    func path() async throws {
        let stand = RewriteStand(HeaderRewrite { $0.request.setPath(to: "/\(.host)/\(.queryItem("p"))") })
        #expect(try await stand.target("/a?p=b%20c%3Fd%0A") == "/shop.example/b%20c%3Fd%0A?p=b%20c%3Fd%0A")
        #expect(try await stand.target("/a?p=../../admin") == "/shop.example/..%252F..%252Fadmin?p=../../admin")
        #expect(try await stand.target("/a?p=..") == "/shop.example/%252E%252E?p=..")
        #expect(try await stand.target("/a?p=%252e%252e") == "/shop.example/%252e%252e?p=%252e%252e")
        #expect(try await stand.target("/a") == "/a")
    }

    @Test(
        "query items",
        arguments: [
            ("set", "/?a=1&b=%32&a=3&&c", "/?a=x%26y&b=%32&c"), ("set", "/", "/?a=x%26y"),
            ("set", "/?%61=1", "/?a=x%26y"),
            ("add", "/?a=1", "/?a=1&a=2"), ("add", "/", "/?a=2"), ("remove", "/?a=1&b=2&a", "/?b=2"),
            ("remove", "/?a=1", "/"), ("remove", "/?b=1&", "/?b=1&"), ("rename", "/?a=%20&aa=1&a", "/?z=%20&aa=1&z"),
            ("keep", "/?a=1&b=2&c=3", "/?a=1&c=3"), ("keep", "/?b", "/"), ("keep", "/", "/"), ("drop", "/x?a", "/x"),
            ("absent", "/?a=1&b", "/?b"), ("absent", "/?b", "/?b"),
        ])
    func query(rule: String, target: String, expected: String) async throws {
        let stand = RewriteStand(
            HeaderRewrite {
                switch rule {
                case "set": $0.request.setQueryItem("a", to: "x&y")
                case "add": $0.request.addQueryItem("a", "2")
                case "remove": $0.request.removeQueryItem("a")
                case "rename": $0.request.renameQueryItem("a", to: "z")
                case "keep": $0.request.keepQueryItems(["a", "c"])
                case "absent": $0.request.setQueryItem("a", to: "\(.cookie("none"))")
                default: $0.request.removeQuery()
                }
            })
        #expect(try await stand.target(target) == expected)
    }

    @Test("a query of 10,000 items is edited")
    func manyItems() async throws {
        let stand = RewriteStand(HeaderRewrite { $0.request.setQueryItem("k5000", to: "x") })
        let query = (0..<10_000).map { "k\($0)=\($0)" }.joined(separator: "&")
        let target = try await stand.target("/?\(query)")
        #expect(target == "/?" + query.replacing("k5000=5000", with: "k5000=x"))
    }

    @Test("method and authority")
    func methodAndAuthority() async throws {
        let stand = RewriteStand(
            HeaderRewrite {
                $0.request.setMethod(.post)
                $0.request.setAuthority(to: "\(.queryItem("h")).internal:8080")
            })
        #expect(try await stand.asked(.get, "/?h=a") == ["POST a.internal:8080 /?h=a"])
        #expect(try await stand.asked(.get, "/?h=a%2Fb%40c") == ["POST shop.example /?h=a%2Fb%40c"])
    }

    @Test("CONNECT keeps its method, and so does what asks for the whole server")
    func keptMethods() async throws {
        let stand = RewriteStand(HeaderRewrite { $0.request.setMethod(.get) })
        #expect(try await stand.asked(.options, "*").first == "OPTIONS shop.example *")
        #expect(try await stand.asked(.connect, "/").first?.hasPrefix("CONNECT") == true)
    }

    @Test("OPTIONS * stays what it is")
    func asterisk() async throws {
        let stand = RewriteStand(
            HeaderRewrite {
                $0.request.addPathPrefix("/a")
                $0.request.setQueryItem("a", to: "b")
            })
        #expect(try await stand.asked(.options, "*").first == "OPTIONS shop.example *")
    }

    @Test("a rewrite inside a route chooses no other route, and the parameters stay")
    func routes() async throws {
        let client = TestClient(
            Router {
                Route("/v1/{id}") {
                    HeaderRewrite { $0.request.setPath(to: "/v2/\(.parameter("id"))/x") }
                    HandlerFunction { request, context in
                        Response(.ok, body: .text("\(request.path) \(context.parameters["id"] ?? "")"))
                    }
                }
                Route("/v2/**") { HandlerFunction { _, _ in Response(.notFound) } }
            })
        #expect(try await client.get("/v1/7").body == "/v2/7/x 7")
    }

    @Test(
        "bad rules are problems of the composition",
        arguments: [
            Bad("path prefix \"v1\"") { $0.rewritePath(prefix: "v1", to: "/") },
            Bad("path prefix \"/a?b\"") { $0.rewritePath(prefix: "/v1", to: "/a?b") },
            Bad("path prefix \"/../a\"") { $0.addPathPrefix("/../a") },
            Bad("path prefix \"/%zz\"") { $0.stripPath(prefix: "/%zz") },
            Bad("which every path has") { $0.rewritePath(prefix: "/", to: "/a") },
            Bad("which changes nothing") { $0.addPathPrefix("/") },
            Bad("rewrites paths to a") { $0.rewritePath(matching: "/", to: "a") },
            Bad("rewrites paths to /#") { $0.rewritePath(matching: "/", to: "/#") },
            Bad("names the group 1") { $0.rewritePath(matching: "/", to: "/$1") },
            Bad("names the group x") { $0.rewritePath(matching: "/", to: "/?a=${x}") },
            Bad("without its )") { $0.rewritePath(matching: "/(", to: "/") },
            Bad("sets the path to \"a\"") { $0.setPath(to: "a") },
            Bad("sets the path to \"/a?b\"") { $0.setPath(to: "/a?b") },
            Bad("renames a query item to nothing") { $0.renameQueryItem("a", to: "") },
            Bad("without a name") { $0.removeQueryItem("") },
            Bad("CONNECT") { $0.setMethod(.connect) },
            Bad("sets the authority to \"a b\"") { $0.setAuthority(to: "a b") },
            Bad("value of its answer") { $0.setPath(to: "/\(.status)") },
        ])
    func problems(rule: Bad) {
        var found: [CompositionProblem] = []
        found =
            HeaderRewrite {
                $0.request.remove(.userAgent)
                rule.write(&$0.request)
            }.blueprint.problems
        #expect(found.count == 1 && found.first?.problem.contains(rule.problem) == true, "\(found)")
    }
}
