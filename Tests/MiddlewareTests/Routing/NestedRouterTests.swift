import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("A router in a route")
struct NestedRouterTests {
    private struct Rewrite: HeadMiddleware {
        let path: String
        var method: HTTPRequest.Method?

        func before(_ request: inout Request, context: RequestContext) -> Response? {
            request.path = path
            if let method { request.method = method }
            request.authority = "rewritten.example"
            return nil
        }
    }

    private struct Mark: HeadMiddleware {
        func before(_ request: inout Request, context: RequestContext) -> Response? {
            request.headers[.tenant] = "marked"
            return nil
        }

        func after(_ response: inout Response, context: RequestContext) { response.headers[.server] = "mark" }
    }

    @Test("matches the full path, by full and by relative patterns")
    func fullPath() async throws {
        let client = TestClient {
            Router {
                Route("/v2/{tenant}/**") {
                    Router {
                        Route("users/{id}") { Named("user") }
                        Route("/v2/acme/users/{id}") { Named("acme") }
                        Route("") { Named("root") }
                        Route(.get, "posts/**") {
                            Router {
                                Route("{post}") { Named("post") }
                                Route("/v2/{any}/posts/first") { Named("first") }
                            }
                        }
                    }
                }
            }
        }
        let user = try await client.get("/v2/x/users/7")
        #expect(user.body == "user")
        #expect(user.headers[.route] == "/v2/{tenant}/users/{id}")
        #expect(user.headers[.parameters] == "tenant=x&id=7")
        let acme = try await client.get("/v2/acme/users/7")
        #expect(acme.headers[.route] == "/v2/acme/users/{id}")
        #expect(acme.headers[.parameters] == "id=7&tenant=acme")
        #expect(try await client.get("/v2/x").headers[.route] == "/v2/{tenant}")
        #expect(try await client.get("/v2/x/posts/3").headers[.route] == "/v2/{tenant}/posts/{post}")
        #expect(try await client.get("/v2/x/posts/first").headers[.parameters] == "any=x&tenant=x")
        #expect(try await client.get("/v2/x/none").status == .notFound)
        #expect(try await client.get("/v2/x/posts").status == .notFound)
        #expect(try await client.post("/v2/x/posts/3").headers[.allow] == "GET, HEAD, OPTIONS")
    }

    @Test("the inner name of a parameter wins")
    func innerName() async throws {
        let client = TestClient {
            Router {
                Route("/t/{id}/{kind}/**") {
                    Router {
                        Route("{id}") { Named("relative") }
                        Route("/t/{x}/{y}/full/{kind}") { Named("full") }
                    }
                }
            }
        }
        #expect(try await client.get("/t/1/k/2").headers[.parameters] == "id=2&kind=k")
        #expect(try await client.get("/t/1/k/full/2").headers[.parameters] == "x=1&y=k&kind=2&id=1")
    }

    @Test("a rewrite inside a route never changes where a request goes")
    func rewriting() async throws {
        let client = TestClient {
            Router {
                Route("/v1/**", hosts: ["a.example"]) {
                    Rewrite(path: "/v2/other", method: .post)
                    Router {
                        Route(.get, "users", hosts: ["a.example"]) { Named("users") }
                        Route("/v1/**") { Named("rest") }
                    }
                }
                Route("/v2/**") { Named("v2") }
            }
        }
        let answer = try await client.get("/v1/users", headers: [.host: "a.example"])
        #expect(answer.body == "users")
        #expect(answer.headers[.route] == "/v1/users")
        #expect(answer.headers[.seen] == "POST /v2/other")
    }

    @Test("predicates inside see what middlewares in between have set")
    func predicates() async throws {
        let client = TestClient {
            Router {
                Route("/**") {
                    Mark()
                    Router {
                        Route("**", where: .header(.tenant, "marked")) { Named("marked") }
                        Route("**") { Named("plain") }
                    }
                }
            }
        }
        #expect(try await client.get("/x").body == "marked")
    }

    @Test("a router that is made elsewhere matches requests as they come to it")
    func elsewhere() async throws {
        let inner = Router { Route("/v2/{x}") { Named("own") } }
        let client = TestClient {
            Router {
                Route("/v1/{id}") {
                    Rewrite(path: "/v2/b")
                    inner
                }
            }
        }
        let answer = try await client.get("/v1/a")
        #expect(answer.headers[.route] == "/v2/{x}")
        #expect(answer.headers[.parameters] == "x=b&id=a")
    }

    @Test("a miss goes on with the next best route outside when the route falls through")
    func fallingThrough() async throws {
        let client = TestClient {
            Router {
                Route("/v2/users/**", fallsThrough: true) {
                    Mark()
                    Rewrite(path: "/elsewhere")
                    Router { Route(.get, "{id}") { Named("inner") } }
                }
                Route("/v2/{kind}/**", fallsThrough: true) {
                    Router { Route(.delete, "{id}") { Named("second") } }
                }
                Route(.get, "/v2/**") { Named("last") }
            }
        }
        let taken = try await client.get("/v2/users/7")
        #expect(taken.body == "inner")
        #expect(taken.headers[.server] == "mark")
        let second = try await client.delete("/v2/users/7")
        #expect(second.body == "second")
        #expect(second.headers[.parameters] == "kind=users&id=7")
        #expect(second.headers[.server] == nil)
        let last = try await client.get("/v2/users/7/posts")
        #expect(last.body == "last")
        #expect(last.headers[.seen] == "GET /v2/users/7/posts")
        #expect(last.headers[.route] == "/v2/**")
        #expect(last.headers[.parameters] == "")
        let missed = try await client.put("/v2/users/7")
        #expect(missed.status == .methodNotAllowed)
        #expect(missed.headers[.allow] == "DELETE, OPTIONS")
        #expect(try await client.put("/v2/users").status == .notFound)
    }

    @Test("a miss falls through as many routes as say so, and a body that was left alone arrives")
    func fallingThroughLevels() async throws {
        let client = TestClient {
            Router {
                Route("/a/**", fallsThrough: true) {
                    Router {
                        Route("b/**", fallsThrough: true) {
                            Router { Route("c") { Named("c") } }
                        }
                        Route(.get, "b/d") { Named("d") }
                        Route("s/**") { Router { Route("c") { Named("s") } } }
                    }
                }
                Route("/**") {
                    HandlerFunction { request, _ in Response(.ok, body: request.body) }
                }
            }
        }
        #expect(try await client.get("/a/b/c").body == "c")
        #expect(try await client.get("/a/b/d").body == "d")
        #expect(try await client.post("/a/b/d", body: "kept").body == "kept")
        #expect(try await client.get("/a/s/c").body == "s")
        #expect(try await client.get("/a/s/d").status == .notFound)
    }

    @Test("an answer of 404 by a handler is not a miss")
    func ownAnswer() async throws {
        let client = TestClient {
            Router {
                Route("/a/**", fallsThrough: true) {
                    Router { Route("**") { HandlerFunction { _, _ in Response(.notFound, body: .text("mine")) } } }
                }
                Route("/**") { Named("outside") }
            }
        }
        #expect(try await client.get("/a/x").body == "mine")
    }

    @Test("what a context keeps of a request is let go of, and a fork has bytes of its own")
    func nothingIsKept() async throws {
        let router = Router {
            Route("/a/{x}/**") { Router { Route("{y}") { Named("y") } } }
        }
        let context = RequestContext(runtime: Runtime())
        var bytes = ByteBuffer(string: "/a/b%2Fc/d?e=f")
        weak var head: Request.Head?
        do {
            var request = Request(.get)
            request.target = try RequestTarget(normalising: bytes)
            head = request.head
            _ = try await router.handle(request, context: context)
        }
        #expect(head == nil)
        let fork = context.fork()
        for context in [context, fork] {
            #expect(context.parameters.names == ["x", "y"])
            #expect(context.parameters["x"] == "b/c")
            #expect(context.parameters["y"] == "d")
            #expect(context[RoutePatternKey.self] == "/a/{x}/{y}")
        }
        context.letGo()
        #expect(context.parameters.names == [])
        #expect(context.parameters["x"] == nil)
        #expect(context[RoutePatternKey.self] == nil)
        // Bytes that somebody else held would be copied by a change.
        let before = bytes.withUnsafeReadableBytes { $0.baseAddress }
        bytes.setInteger(UInt8(ascii: "x"), at: 0)
        #expect(bytes.withUnsafeReadableBytes { $0.baseAddress } == before)
        #expect(fork.parameters["x"] == "b/c")
    }

    @Test("a context whose exchange lasts has bytes of its own")
    func compacted() async throws {
        let router = Router {
            Route("/a/{x}/**") { Router { Route("{y}") { Named("y") } } }
        }
        let context = RequestContext(runtime: Runtime())
        var bytes = ByteBuffer(string: "/a/b/d")
        do {
            var request = Request(.get)
            request.target = try RequestTarget(normalising: bytes)
            _ = try await router.handle(request, context: context)
        }
        context.compact()
        let before = bytes.withUnsafeReadableBytes { $0.baseAddress }
        bytes.setInteger(UInt8(ascii: "x"), at: 3)
        #expect(bytes.withUnsafeReadableBytes { $0.baseAddress } == before)
        #expect(context.parameters["x"] == "b" && context.parameters["y"] == "d")
    }
}
