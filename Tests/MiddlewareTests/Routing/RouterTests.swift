import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("Router")
struct RouterTests {
    /// Who gets a path among routes that are named by their patterns.
    struct Case: Sendable {
        let path: String
        let patterns: [String]
        let winner: String?

        init(_ path: String, _ patterns: [String], _ winner: String?) {
            (self.path, self.patterns, self.winner) = (path, patterns, winner)
        }
    }

    private static let paths: [Case] = [
        Case("/", ["/", "/{x}", "/**"], "/"),
        Case("/", ["/{x}"], nil),
        Case("/", ["/**"], "/**"),
        Case("/a", ["/a/**"], "/a/**"),
        Case("/a", ["/a", "/a/**"], "/a"),
        Case("/a/", ["/a/**", "/a"], "/a/**"),
        Case("/a/", ["/a/", "/a/**"], "/a/"),
        Case("/a/", ["/a/{x}", "/a"], nil),
        Case("/a/b/c", ["/a/**", "/{x}/b/c"], "/a/**"),
        Case("/a/b/c", ["/a/b/d", "/a/{x}/c", "/a/**"], "/a/{x}/c"),
        Case("/a/b", ["/{x}/b", "/a/{y}"], "/a/{y}"),
        Case("/a/b/c", ["/a/{x}/d", "/{x}/b/c"], "/{x}/b/c"),
        Case("/a/b/c", ["/a/{x}/d", "/{x}/b/d", "/{x}/**"], "/{x}/**"),
        Case("/ab", ["/a", "/a/**", "/a{"], nil),
        Case("/A", ["/a"], nil),
        Case("//a", ["/a", "//a"], "//a"),
        Case("/a//b", ["/a/b", "/a/{x}/b"], nil),
        Case("/%61", ["/a"], "/a"),
        Case("/caf%c3%a9", ["/café"], "/café"),
        Case("/a%2fb", ["/a/b", "/{x}"], "/{x}"),
        Case("/a%2Fb", ["/a%2fb", "/{x}"], "/a%2fb"),
        Case("/x/../a", ["/a", "/x/**"], "/a"),
        Case("/a?b=/c", ["/a", "/a/**"], "/a"),
        Case("/a;v=1", ["/a", "/{x}"], "/{x}"),
    ]

    @Test("the best pattern takes a path, whatever the order of the routes", arguments: paths)
    func precedence(sample: Case) async throws {
        for patterns in [sample.patterns, sample.patterns.reversed()] {
            let usable = patterns.filter { RoutePattern($0).problem == nil }
            let router = Router(usable.map { text in Route(RoutePattern(text)) { Named(text) } })
            let answer = try await TestClient(router).get(sample.path)
            #expect(answer.status == (sample.winner == nil ? .notFound : .ok))
            #expect(answer.headers[.route] == sample.winner)
        }
    }

    @Test("a route that is named by method goes before one for all, and more predicates before fewer")
    func methodsAndPredicates() async throws {
        let routes = [
            Route("/a") { Named("any") },
            Route(.get, "/a") { Named("get") },
            Route(.get, "/a", where: .header(.tenant)) { Named("tenant") },
            Route(.get, "/a", where: .header(.tenant) && .query("q", "1")) { Named("both") },
            Route("/a", where: .header(.beta)) { Named("beta") },
        ]
        for routes in [routes, routes.reversed()] {
            let client = TestClient(Router(routes))
            #expect(try await client.get("/a").body == "get")
            #expect(try await client.get("/a", headers: [.beta: "1"]).body == "get")
            #expect(try await client.get("/a", headers: [.tenant: "1"]).body == "tenant")
            #expect(try await client.get("/a?q=1", headers: [.tenant: "1"]).body == "both")
            #expect(try await client.post("/a").body == "any")
            #expect(try await client.post("/a", headers: [.beta: "1"]).body == "beta")
        }
    }

    @Test("a host goes before a path, and what its routes do not take goes on")
    func hostFirst() async throws {
        let client = TestClient {
            Router {
                Route("/healthz") { Named("any") }
                Route("/admin/**", hosts: ["admin.example", "*.admin.example"]) { Named("admin") }
                Route("/**", hosts: ["admin.example"]) { Named("rest") }
            }
        }
        #expect(try await client.get("/healthz", headers: [.host: "admin.example"]).body == "rest")
        #expect(try await client.get("/healthz", headers: [.host: "b.admin.example"]).body == "any")
        #expect(try await client.get("/admin/x", headers: [.host: "B.admin.example:80"]).body == "admin")
        #expect(try await client.get("/admin/x", headers: [.host: "example"]).status == .notFound)
    }

    @Test("other methods of a path that is taken are refused, with those that are not")
    func methodNotAllowed() async throws {
        let client = TestClient {
            Router {
                Route(.get, "/a/b") { Named("get") }
                Route([.put, .delete], "/a/{x}") { Named("change") }
                Route(.post, "/a/**", where: .header(.beta)) { Named("beta") }
                Route(.patch, "/b") { Named("b") }
            }
        }
        let refused = try await client.post("/a/b")
        #expect(refused.status == .methodNotAllowed)
        #expect(refused.headers[.allow] == "DELETE, GET, HEAD, OPTIONS, PUT")
        #expect(refused.headers[.contentType] == "application/problem+json")
        #expect(
            try await client.patch("/a/b", headers: [.beta: "1"]).headers[.allow]
                == "DELETE, GET, HEAD, OPTIONS, POST, PUT")
        #expect(try await client.put("/a/b").body == "change")
        let options = try await client.options("/a/b")
        #expect(options.status == .noContent)
        #expect(options.headers[.allow] == "DELETE, GET, HEAD, OPTIONS, PUT")
        #expect(try await client.options("/c").status == .notFound)
        #expect(try await client.options("*").status == .noContent)
    }

    @Test("HEAD runs what GET runs, as HEAD, unless a route takes it by name")
    func head() async throws {
        let client = TestClient {
            Router {
                Route(.get, "/a") { Named("get") }
                Route("/a") { Named("any") }
                Route(.get, "/b") { Named("get") }
                Route(.head, "/b") { Named("head") }
            }
        }
        let answer = try await client.head("/a")
        #expect(answer.status == .ok)
        #expect(answer.headers[.seen] == "HEAD /a")
        #expect(answer.body == "")
        #expect(try await client.head("/b").headers[.route] == "/b")
    }

    @Test("HEAD and OPTIONS can be left to the routes")
    func configuration() async throws {
        var configuration = Router.Configuration()
        configuration.answersHead = false
        configuration.answersOptions = false
        let client = TestClient(Router(configuration) { Route(.get, "/a") { Named("get") } })
        for method in [HTTPRequest.Method.head, .options] {
            let refused = try await client.send(method, "/a")
            #expect(refused.status == .methodNotAllowed)
            #expect(refused.headers[.allow] == "GET")
        }
        #expect(try await client.options("*").status == .notFound)
        let taken = TestClient(
            Router {
                Route(.options, "/a") { Named("own") }
                Route(.get, "/a") { Named("get") }
            })
        #expect(try await taken.options("/a").body == "own")
    }

    @Test("parameters are decoded when they are read, and the route is known by its pattern")
    func parameters() async throws {
        let client = TestClient {
            Router {
                Route("/users/{id}/posts/{post}/**") { Named("post") }
                Route("/{first}") { Named("one") }
            }
        }
        let answer = try await client.get("/users/a%2Fb/posts/%C3%A9%20x/more?id=9")
        #expect(answer.headers[.route] == "/users/{id}/posts/{post}/**")
        #expect(try await client.get("/100%25").headers[.parameters] == "first=100%")
        #expect(try await client.get("/users/7/posts/8").headers[.parameters] == "id=7&post=8")
        let context = RequestContext(runtime: client.runtime)
        #expect(context.parameters["id"] == nil)
        #expect(context[RoutePatternKey.self] == nil)
        _ = try await Router { Route("/u/{id}") { Named("u") } }.handle(Request(.get, "/u/a%2Fb%0A"), context: context)
        #expect(context.parameters["id"] == "a/b\n")
        #expect(context.parameters["other"] == nil)
        #expect(context.parameters.names == ["id"])
    }

    @Test("a predicate on the client sees through trusted proxies")
    func client() async throws {
        let client = TestClient {
            ClientAddress(trusting: ["192.0.2.0/24"])
            Router {
                Route("/", where: .client(in: ["10.0.0.0/8"])) { Named("inside") }
                Route("/") { Named("outside") }
            }
        }
        #expect(try await client.get("/").body == "outside")
        #expect(try await client.get("/", headers: [.xForwardedFor: "10.1.1.1"]).body == "inside")
    }

    @Test("routes can be written with if, for and arrays")
    func builder() async throws {
        let isPublic = false
        let client = TestClient {
            Router {
                if isPublic { Route("/public") { Named("public") } } else { Route("/private") { Named("private") } }
                if isPublic { Route("/more") { Named("more") } }
                for version in 1...3 { Route("/v\(version)/**") { Named("v\(version)") } }
                [Route("/x") { Named("x") }]
            }
        }
        #expect(try await client.get("/v2/a").body == "v2")
        #expect(try await client.get("/private").body == "private")
        #expect(try await client.get("/public").status == .notFound)
        #expect(try await client.get("/x").body == "x")
    }

    @Test("what a route throws is answered inside the router")
    func throwing() async throws {
        let client = TestClient {
            Router { Route("/a") { HandlerFunction { _, _ in throw HTTPError(.conflict) } } }
        }
        #expect(try await client.get("/a").status == .conflict)
    }

    @Test("a router keeps the rules of a handler")
    func conformance() async {
        let router = Router { Route("/**") { HandlerFunction { request, _ in Response(.ok, body: request.body) } } }
        #expect(await HandlerConformance(TestClient(router)).check() == [])
    }
}
