import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("Problems of routes")
struct RouterProblemTests {
    @Test("bad values are reported together, with place, value and mend")
    func together() throws {
        let gateway = Pipeline {
            RequestID()
            Router {
                Route("/{id}/{id}") { Named("1") }
                Route("users") { Named("2") }
                Route([], "/c") { Named("3") }
                Route("/d", hosts: ["d.example:80"]) { Named("4") }
                Route("/e", where: .client(in: ["10.0.0.1/8"])) { Named("5") }
                Route("/f", where: .header(.tenant, "a") && .header(.tenant, "b")) { Named("6") }
                Route("/g/**") { Router { Route("/h") { Named("7") } } }
                Route("/i") { Router {} }
            }
        }
        let texts = gateway.blueprint.validate().map(\.description)
        #expect(texts.count == 8)
        func reported(_ words: String...) -> Bool {
            texts.contains { text in words.allSatisfy { text.contains($0) } }
        }
        #expect(reported("Router has the pattern /{id}/{id}, which names two parameters id: rename one"))
        #expect(reported("relative pattern \"users\"", "begin it with a slash"))
        #expect(reported("a route /c for no method: name one"))
        #expect(reported("the host d.example:80", "leave out scheme and port"))
        #expect(reported("asks for clients in 10.0.0.1/8, which is no network", "write a network"))
        #expect(reported("header x-tenant = a and header x-tenant = b, which never holds"))
        #expect(reported("Router [/g/**] › Router has the pattern /h, which matches nothing that the route /g/**"))
        #expect(reported("Router [/i] › Router has no routes: give it one"))
    }

    @Test("a bad pattern is told once, by its own router")
    func once() {
        let router = Router { Route("/a/**/b") { Router { Route("c") { Named("c") } } } }
        #expect(router.blueprint.validate().count == 1)
    }

    @Test("routes inside of a route that never get a request are told of")
    func neverReached() {
        let elsewhere = [Route("/b") { Named("b") }, Route("/a/c") { Named("c") }]
        let deep = RoutePattern(String(repeating: "/x", count: 60) + "/**")
        let router = Router {
            Route(.get, "/a/**", hosts: ["a.example", "*.b.example"]) {
                Router {
                    Route(.post, "post") { Named("1") }
                    Route(.head, "head", hosts: ["c.b.example"]) { Named("2") }
                    Route([.put, .get], "put", hosts: ["*.example"]) { Named("3") }
                    Route("host", hosts: ["b.example"]) { Named("4") }
                    Route("inner/**", hosts: ["a.example"]) {
                        Router {
                            Route(.delete, "deep") { Named("5") }
                            Route("deep", hosts: ["*.b.example"]) { Named("6") }
                        }
                    }
                }
            }
            Route("/a/**") { Router(elsewhere) }
            Route("/e/**", fallsThrough: true) { Named("7") }
            Route(deep) { Router { Route("\(deep.text.dropFirst())") { Named("8") } } }
        }
        let texts = router.blueprint.validate().map(\.problem)
        #expect(texts.count == 7)
        for text in [
            "a route /a/post for POST inside of one for GET alone",
            "a route /a/host for b.example inside of one for a.example|*.b.example alone",
            "a route /a/inner/deep for DELETE inside of one for GET alone",
            "a route /a/inner/deep for *.b.example inside of one for a.example alone",
            "the pattern /b, which matches nothing that the route /a/** around it takes",
            "a route /e/** that falls through, and no router was made in its braces",
            "a pattern of 121 segments",
        ] {
            #expect(texts.contains { $0.contains(text) }, "\(text)")
        }
    }

    @Test("a router with problems answers, and does not trap")
    func served() async throws {
        let router = Router {
            Route("/{") { Named("bad") }
            Route("/a") { Named("a") }
            Route(.get, "/a", hosts: ["*"]) { Named("get") }
        }
        let context = RequestContext(runtime: TestClient(router).runtime)
        #expect(try await router.handle(Request(.get, "/{"), context: context).status == .notFound)
        #expect(try await router.handle(Request(.get, "/a"), context: context).status == .ok)
    }

    /// Two routes, and whether nothing tells them apart.
    struct Pair: Sendable {
        let left: Route
        let right: Route
        let isConflict: Bool

        init(_ left: Route, _ right: Route, _ isConflict: Bool) {
            (self.left, self.right, self.isConflict) = (left, right, isConflict)
        }
    }

    private static func route(
        _ pattern: RoutePattern, _ methods: [HTTPRequest.Method]? = nil, hosts: [HostPattern] = [],
        where predicate: RoutePredicate = .always
    ) -> Route {
        guard let methods else { return Route(pattern, hosts: hosts, where: predicate) { Named("x") } }
        return Route(methods, pattern, hosts: hosts, where: predicate) { Named("x") }
    }

    private static let pairs: [Pair] = [
        Pair(route("/a"), route("/a"), true),
        Pair(route("/{x}"), route("/{y}"), true),
        Pair(route("/caf%c3%a9/**"), route("/café/**"), true),
        Pair(route("/a", [.get, .put]), route("/a", [.put, .delete]), true),
        Pair(route("/a", hosts: ["a.example", "b.example"]), route("/a", hosts: ["B.example."]), true),
        Pair(route("/a", hosts: ["*"]), route("/a"), true),
        Pair(route("/a", where: .header(.tenant)), route("/a", where: .header(.beta)), true),
        Pair(route("/a", where: .header(.tenant)), route("/a", where: .header(.tenant, "a")), true),
        Pair(route("/a", [.get]), route("/a", [.head]), false),
        Pair(route("/a", [.get]), route("/a"), false),
        Pair(route("/a"), route("/a/"), false),
        Pair(route("/a"), route("/a/**"), false),
        Pair(route("/a/{x}/c"), route("/a/b/{y}"), false),
        Pair(route("/a", hosts: ["a.example"]), route("/a", hosts: ["*.example"]), false),
        Pair(route("/a", where: .header(.tenant)), route("/a"), false),
        Pair(route("/a", where: .header(.tenant, "a")), route("/a", where: .header(.tenant, "b")), false),
        Pair(route("/a", where: .query("v")), route("/a", where: !.query("v")), false),
        Pair(
            route("/a", where: .client(in: ["10.0.0.0/8"])), route("/a", where: .client(in: ["192.0.2.0/24"])), false),
    ]

    @Test("routes that nothing tells apart are a conflict, others are not", arguments: pairs)
    func conflicts(pair: Pair) {
        for routes in [[pair.left, pair.right], [pair.right, pair.left]] {
            let problems = Router(routes).blueprint.validate()
            #expect(problems.count == (pair.isConflict ? 1 : 0))
            guard pair.isConflict, let problem = problems.first else { continue }
            #expect(problem.problem.contains("\(routes[0]) and \(routes[1])"))
        }
    }

    @Test("a predicate on the client has to stand inside what finds the client")
    func placement() {
        let gateway = Pipeline {
            Router {
                Route("/", where: .client(in: ["10.0.0.0/8"])) {
                    ClientAddress(trusting: ["10.0.0.0/8"])
                    Named("x")
                }
            }
        }
        #expect(gateway.blueprint.validate().map(\.problem) == ["stands outside what provides client address"])
    }

    @Test("a router prints its routes, and shows which one would take a request")
    func printed() {
        let router = Router {
            Route("/v2/**", hosts: ["a.example"]) {
                RequestID()
                Named("x")
            }
            Route([.get, .post], "/b", where: .query("q", "1")) { Named("y") }
        }
        let falling = Router { Route("/**", fallsThrough: true) { Router { Route("a") { Named("a") } } } }
        #expect(falling.blueprint.preview.map { "\($0(Request(.get, "/b")))" } == "unknown")
        #expect(
            "\(router)" == """
                Router
                ├ a.example /v2/**
                │   RequestID
                │   Named
                ├ GET|POST /b if query q = 1
                │   Named
                """
        )
        func preview(_ request: Request) -> String { router.blueprint.preview.map { "\($0(request))" } ?? "" }
        #expect(preview(Request(.get, "/b?q=1")) == "takes(1)")
        #expect(preview(Request(.put, "/b?q=1")) == "answers(405 Method Not Allowed)")
        #expect(preview(Request(.get, "/b")) == "answers(404 Not Found)")
    }
}
