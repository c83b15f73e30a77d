import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("Odd requests to a router")
struct RouterOddInputTests {
    private let client = TestClient {
        Router {
            Route("/admin/**") { Named("admin") }
            Route("/files/{name}") { Named("file") }
            Route("/search", where: .query("last", "1")) { Named("searched") }
            Route("/public/**") { Named("public") }
        }
    }

    @Test(
        "spellings of a closed path are that path, or nothing",
        arguments: [
            ("/admin", "/admin/**"), ("/admin/", "/admin/**"), ("/%61dmin", "/admin/**"), ("/admin;a", nil),
            ("/public/../admin", "/admin/**"), ("/public/%2e%2e/admin", "/admin/**"), ("//admin", nil),
            ("/admin%2Fx", nil), ("/public%2F..%2Fadmin", nil), ("/ADMIN", nil), ("/admin/%2e/x", "/admin/**"),
            ("/public/..%5Cadmin", nil), ("/files/..", nil), ("/files/a%2F..%2Fb", nil),
            ("/files/a%2Fb", "/files/{name}"), ("/files/", nil), ("/files//", nil), ("/files/...", "/files/{name}"),
            ("/files/%00", nil), ("/files/a%00b", nil), ("/files/%zz", nil), ("/files/a\u{0}b", nil),
            ("/files/%FF%FE", "/files/{name}"), ("/files/a\\b", "/files/{name}"),
            ("/files/%7Bname%7D", "/files/{name}"),
            ("/files/**", "/files/{name}"), ("/files/*", "/files/{name}"),
        ] as [(String, String?)])
    func spellings(path: String, route: String?) async throws {
        let answer = try await client.get(path)
        #expect(answer.headers[.route] == route)
        #expect(route != nil || [.notFound, .badRequest].contains(answer.status))
    }

    @Test("segments of any length and number are matched, and end nothing")
    func long() async throws {
        let segment = String(repeating: "x", count: 1 << 20)
        let answer = try await client.get("/files/\(segment)")
        #expect(answer.headers[.parameters] == "name=\(segment)")
        #expect(try await client.get("/\(segment)/\(segment)").status == .notFound)
        let deep = String(repeating: "/a", count: 100_000)
        #expect(try await client.get("/public\(deep)").body == "public")
        #expect(try await client.get(deep).status == .notFound)
        #expect(try await client.get("/public" + String(repeating: "/", count: 100_000)).body == "public")
    }

    @Test("ten thousand query parameters are read where a predicate asks, and cost nothing elsewhere")
    func manyParameters() async throws {
        let query = (0..<10_000).map { "p\($0)=\($0)" }.joined(separator: "&")
        #expect(try await client.get("/search?\(query)&last=1").body == "searched")
        #expect(try await client.get("/search?\(query)").status == .notFound)
        #expect(try await client.get("/search?last=1&\(query)&last=1").status == .notFound)
        #expect(try await client.get("/public?\(query)").body == "public")
    }

    @Test("ten thousand routes are told apart")
    func manyRoutes() {
        let routes = (0..<10_000).map { number in
            Route("/s\(number % 100)/{x}/r\(number)", hosts: number % 2 == 0 ? [] : ["h\(number).example"]) {
                Named("")
            }
        }
        let router = Router(routes)
        #expect(router.blueprint.problems.isEmpty)
        for number in stride(from: 0, to: 10_000, by: 97) {
            var request = Request(.get, "/s\(number % 100)/any/r\(number)")
            request.authority = "h\(number).example:80"
            #expect(router.best(for: request) == number)
            request.authority = ""
            #expect(router.best(for: request) == (number % 2 == 0 ? number : nil))
        }
    }

    @Test("literals and parameters at every segment are tried in all their ways")
    func manyWays() {
        let shapes = (0..<256).map { bits in
            (0..<8).map { bits >> $0 & 1 == 0 ? "/a" : "/{p\($0)}" }.joined() + "/end"
        }
        let router = Router(shapes.map { shape in Route(RoutePattern(shape)) { Named(shape) } })
        #expect(router.best(for: Request(.get, "/a/a/a/a/a/a/a/a/end")) == 0)
        #expect(router.best(for: Request(.get, "/a/a/a/a/a/a/a/b/end")) == 128)
        #expect(router.best(for: Request(.get, "/b/b/b/b/b/b/b/b/end")) == 255)
        #expect(router.best(for: Request(.get, "/a/a/a/a/a/a/a/a/other")) == nil)
    }
}
