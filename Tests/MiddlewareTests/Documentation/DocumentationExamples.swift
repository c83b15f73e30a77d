// The code of the README, of the guides in `Documentation` and of the DocC catalogue, compiled and, where it is a test,
// run.
//
// What stands between `// snippet: NAME` and `// end` is what the pages show behind `<!-- snippet: NAME -->`;
// `DocumentationTests` compares them. Regions of one name belong together, and a region may have several names.
// `// shown: TEXT` puts a line on the pages that cannot be compiled here, such as the import of a reader's own module.

// snippet: guide-metrics-page
import CoreMetrics
// end
// snippet: guide-head
import HTTPTypes
// end
// snippet: guide-metrics-page
import Logging
// end
// snippet: readme-gateway, readme-middleware, readme-test, guide-main, guide-metrics-page, guide-head, guide-body
import Middleware
// end
// snippet: readme-test
import MiddlewareTesting
// end
// snippet: guide-body
import NIOCore
// end
// snippet: guide-metrics-page
import ServiceLifecycle
// end
// snippet: guide-limit
import Synchronization
// end
// snippet: readme-test
import Testing
// shown: @testable import edge
// end
import UnixSignals

// snippet: guide-head

extension HTTPField.Name {
    static let apiVersion = HTTPField.Name("api-version")!
}
// end

// snippet: guide-awaiting
struct SecondChance: Middleware {
    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        let isIdempotent = [.get, .head, .put, .delete].contains(request.method)
        guard isIdempotent, !request.body.isLive else { return try await next.handle(request, context: context) }
        let recorded = try RecordedBody(recording: request.body, upTo: 64 << 10)
        request.body = recorded.reader()
        var again = copy request
        let response = try await next.handle(request, context: context)
        guard response.status == .serviceUnavailable, recorded.isReplayable else { return response }
        response.body.discard()  // gives its connection back
        try await context.sleep(for: .milliseconds(50))
        again.body = recorded.reader()
        return try await next.handle(again, context: context)
    }
}
// end

// snippet: guide-deadline
struct AtMost: Middleware {
    let duration: Duration

    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        let scope = context.limit(to: duration)
        let response = try await next.handle(request, context: context)
        scope.lift()  // the body may take longer
        return response
    }
}
// end

// snippet: guide-spawn
struct ShadowTraffic: Middleware {
    let shadow: any Handler

    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        if request.method == .get {
            let path = request.path
            context.spawn { [shadow] context in
                let scope = context.limit(to: .seconds(10))
                let response = try? await shadow.handle(Request(.get, path), context: context)
                response?.body.discard()
                scope.lift()
            }
        }
        return try await next.handle(request, context: context)
    }
}
// end

struct Passwords: Sendable {
    func accepts(_ credentials: String) -> Bool { credentials.hasPrefix("Basic ") }
}

// snippet: guide-offload
struct BasicCredentials: Middleware {
    let passwords: Passwords

    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        let credentials = request.headers[.authorization] ?? ""
        let isKnown = try await context.offload { [passwords] in passwords.accepts(credentials) }
        guard isKnown else { return Response(.unauthorized, problem: nil) }
        return try await next.handle(request, context: context)
    }
}
// end

@Suite("Documentation examples")
struct DocumentationExamples {
    // MARK: README

    func readmeGateway() async throws {
        // snippet: readme-gateway

        let server = Server(ReverseProxy(to: "http://127.0.0.1:9000"), listeners: [.http(port: 8080)])
        try await server.run()
        // end
    }

    func readmePipeline() async throws {
        // snippet: readme-pipeline
        let gateway = Pipeline {
            RequestID()
            AccessLog(format: .json)
            ClientAddress(trusting: ["10.0.0.0/8"])  // who is calling, through trusted proxies only
            Tenant()
            ReverseProxy(to: "http://127.0.0.1:9000")
        }
        print(gateway)  // the parts in order, outermost first
        try await Server(gateway, listeners: [.http(port: 8080)]).run()
        // end
    }

    // snippet: readme-middleware

    enum TenantKey: ContextKey {
        static var defaultValue: String? { nil }
    }

    struct Tenant: HeadMiddleware {
        func before(_ request: inout Request, context: RequestContext) -> Response? {
            guard let tenant = request.headers[.init("x-tenant")!] else {
                return Response(.badRequest, problem: "x-tenant is missing")
            }
            context[TenantKey.self] = tenant
            return nil
        }
    }
    // end

    // snippet: readme-test

    @Test("a request without a tenant is refused")
    func missingTenant() async throws {
        let client = TestClient {
            Tenant()
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(try await client.get("/").status == .badRequest)
        #expect(try await client.get("/", headers: [.init("x-tenant")!: "acme"]).status == .ok)
    }

    @Test("an origin that resets the connection becomes a 502")
    func reset() async throws {
        let gateway = Pipeline {
            RequestID()
            ReverseProxy(to: "http://10.0.0.1:8080")
        }
        let client = TestClient(gateway, origins: ["10.0.0.1:8080": ScriptedUpstream { $0.reset() }])
        #expect(try await client.get("/").status == .badGateway)
    }
    // end

    // MARK: Getting started

    func guideMain() async throws {
        // snippet: guide-main

        let gateway = Pipeline {
            RequestID()
            AccessLog(format: .json)
            ReverseProxy(to: "http://127.0.0.1:9000")
        }
        print(gateway)

        let server = Server(gateway, listeners: [.http(port: 8080)])
        try await server.run()
        // end
    }

    func guideConfiguration(gateway: Pipeline) async throws {
        // snippet: guide-configuration
        var configuration = Server.Configuration()
        configuration.threads = 4
        configuration.limits.bodyBytes = 10 << 20
        configuration.limits.connectionsPerAddress = 100
        configuration.timeouts.head = .seconds(5)

        let server = Server(
            gateway,
            listeners: [.http(port: 8080), .http(host: "::1", port: 8081), .unix("/run/edge.sock")],
            configuration: configuration
        )
        // end
        try await server.run()
    }

    func guideOwnAnswers() -> Pipeline {
        // snippet: guide-own-answers
        let origin = ReverseProxy(to: "http://127.0.0.1:9000")
        let gateway = Pipeline {
            RequestID()
            HandlerFunction { request, context in
                if request.path == "/healthz" { return Response(.ok, body: .text("fine")) }
                return try await origin.handle(request, context: context)
            }
        }
        // end
        return gateway
    }

    func guideProblems() {
        // snippet: guide-problems
        let gateway = Pipeline {
            AccessLog()
            RequestID()
            ReverseProxy(to: "http://127.0.0.1:9000")
        }
        for problem in gateway.blueprint.validate() { print(problem) }
        // end
    }

    func guideReplace(server: Server) throws {
        // snippet: guide-replace
        let gateway = Pipeline {
            RequestID()
            AccessLog(format: .json)
            ReverseProxy(to: "http://127.0.0.1:9001")
        }
        try server.replace(gateway)
        // end
    }

    func guideMetricsPage(gateway: Pipeline) async throws {
        // snippet: guide-metrics-page

        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)

        var configuration = Server.Configuration()
        configuration.shutdownSignals = []  // the group below takes the signals for both
        let edge = Server(gateway, listeners: [.http(port: 8080)], configuration: configuration)
        let metrics = Server(
            PrometheusMetrics(registry),
            listeners: [.http(host: "127.0.0.1", port: 9100)],
            configuration: configuration
        )
        let group = ServiceGroup(
            services: [edge, metrics],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "edge")
        )
        try await group.run()
        // end
    }

    // MARK: Writing a middleware

    // snippet: guide-head

    struct APIVersion: HeadMiddleware {
        let known: Set<String>

        func before(_ request: inout Request, context: RequestContext) -> Response? {
            let version = request.headers[.apiVersion] ?? "1"
            guard known.contains(version) else { return Response(.badRequest, problem: "there is no such version") }
            request.headers[.apiVersion] = version
            return nil
        }

        func after(_ response: inout Response, context: RequestContext) {
            response.headers.append(.vary, "api-version")
        }
    }
    // end

    // snippet: guide-body

    final class CountedBody: BodySource {
        private let upstream: any BodySource
        private var count = 0

        init(_ upstream: any BodySource) { self.upstream = upstream }

        var knownLength: Int? { nil }  // a body with trailers goes out in chunks
        var isReady: Bool { upstream.isReady }

        func read() async throws -> BodyPart {
            switch try await upstream.read() {
            case .bytes(let bytes):
                count += bytes.readableBytes
                return .bytes(bytes)
            case .end(let trailers):
                var trailers = trailers ?? Headers()
                trailers.append(.init("x-body-bytes")!, "\(count)")
                return .end(trailers: trailers)
            }
        }

        func cancel(_ reason: any Error) { upstream.cancel(reason) }
    }

    struct BodyCount: HeadMiddleware {
        func before(_ request: inout Request, context: RequestContext) -> Response? { nil }

        func after(_ response: inout Response, context: RequestContext) {
            guard !response.body.isEmpty, let source = try? response.body.open() else { return }
            let isLive = response.body.isLive
            response.body = .stream(CountedBody(source))
            response.body.isLive = isLive
            response.headers[.trailer] = "x-body-bytes"
        }
    }
    // end

    // snippet: guide-limit

    final class OpenRequests: Sendable {
        private let counts = Mutex<[String: Int]>([:])

        func enter(_ tenant: String, limit: Int) -> Bool {
            counts.withLock { counts in
                let count = counts[tenant, default: 0]
                guard count < limit else { return false }
                counts[tenant] = count + 1
                return true
            }
        }

        func leave(_ tenant: String) {
            counts.withLock { counts in
                let count = counts[tenant, default: 0]
                counts[tenant] = count > 1 ? count - 1 : nil  // no entry without a request
            }
        }
    }

    struct TenantLimit: HeadMiddleware {
        let limit: Int
        private let open = OpenRequests()

        init(_ limit: Int) { self.limit = limit }

        var blueprint: Blueprint {
            var blueprint = Blueprint("TenantLimit", placement: Placement(follows: ["tenant"]))
            blueprint.require(limit > 0, "allows \(limit) requests at once", mend: "allow at least one")
            return blueprint
        }

        func before(_ request: inout Request, context: RequestContext) -> Response? {
            guard let tenant = context[TenantKey.self] else { return nil }
            guard open.enter(tenant, limit: limit) else {
                TenantMetric.refused.increment()
                return Response(.tooManyRequests, problem: "too many requests at once")
            }
            context.onFinish { [open] _, _ in open.leave(tenant) }
            return nil
        }
    }
    // end

    // snippet: guide-metric
    enum TenantMetric: MetricSet {
        static let component = "Tenant limit"
        static let refused = MetricCounter(
            "edge_tenant_refused_total",
            unit: .requests,
            "Requests refused because their tenant had too many open at once.",
            advice: "Look at what the tenant does before raising its limit."
        )
        static var metrics: [any DeclaredMetric] { [refused] }
    }
    // end

    // snippet: guide-test

    @Test("a tenant past its limit waits until a request of its own is over")
    func tenantLimit() async throws {
        let client = TestClient {
            Tenant()
            TenantLimit(1)
            HandlerFunction { _, context in
                try await context.sleep(for: .seconds(1))
                return Response(.ok)
            }
        }
        let acme: Headers = [.init("x-tenant")!: "acme"]
        async let first = client.get("/", headers: acme)
        await client.time.waitForTimers()
        #expect(try await client.get("/", headers: acme).status == .tooManyRequests)
        client.time.advance(by: .seconds(1))
        #expect(try await first.status == .ok)
    }

    @Test("a limit of nothing is a problem of the composition")
    func tenantLimitOfNothing() {
        let client = TestClient {
            TenantLimit(0)
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(throws: CompositionError.self) { try client.validate() }
    }
    // end

    // snippet: guide-conformance
    @Test("a counted body keeps the rules of a source")
    func countedBodyConforms() async {
        let count: Headers = [.init("x-body-bytes")!: "5"]
        let alone = BodySourceConformance("hello", trailers: count) {
            CountedBody(ScriptedSource([.bytes("he"), .bytes("llo")]))
        }
        #expect(await alone.check() == [])
        // What it reads is checked above, with its trailers.
        let around = BodySourceConformance(of: ["he", "llo"], becoming: "hello", except: [.readsToTheEnd]) {
            CountedBody($0)
        }
        #expect(await around.check() == [])
    }

    @Test("a tenant limit leaves bodies and cancellation alone")
    func tenantLimitConforms() async {
        #expect(await MiddlewareConformance(TenantLimit(10)).check() == [])
    }
    // end

    // MARK: Limits

    func limits(tenantLimit: Int) -> [any Middleware] {
        // snippet: limits-timeout
        let patient = Timeout()
        // end
        // snippet: limits-timeout-customised
        let downloads = Timeout(head: .seconds(5), idle: .seconds(15), whole: .seconds(600))
        // end
        // snippet: limits-body
        let forms = BodyLimit(bytes: 1 << 20)
        // end
        // snippet: limits-body-customised
        var lengths = BodyLimit.Configuration()
        lengths.undeclaredBytes = 64 << 10
        let uploads = BodyLimit(bytes: 100 << 20, lengths)
        // end
        // snippet: limits-concurrency
        let database = ConcurrencyLimit(100)
        // end
        // snippet: limits-concurrency-customised
        var line = ConcurrencyLimit.Configuration()
        line.queue = 4
        line.wait = .milliseconds(500)
        line.status = .tooManyRequests
        let clients = ConcurrencyLimit(10, by: .clientAddress, line)
        let tenants = ConcurrencyLimit(tenantLimit, by: .text { _, context in context[TenantKey.self] }, line)
        // end
        // snippet: limits-shedder
        let shedder = LoadShedder()
        // end
        // snippet: limits-shedder-customised
        var load = LoadShedder.Configuration()
        load.threshold = .milliseconds(250)
        load.recovery = .milliseconds(50)
        load.spares = { request in request.path == "/healthz" }
        let lenient = LoadShedder(load)
        // end
        return [patient, downloads, forms, uploads, database, clients, tenants, shedder, lenient]
    }

    func limitsAddresses(lines: [String]) throws -> [any Middleware] {
        // snippet: limits-addresses
        let banned = IPFilter(deny: ["192.0.2.0/24"])
        // end
        // snippet: limits-addresses-customised
        var guests = IPFilter.Configuration()
        guests.admitsUnknown = true  // a local agent comes over a Unix-domain socket
        let office = IPFilter(allow: ["198.51.100.0/24", "2001:db8::/32"], deny: ["198.51.100.13"], guests)

        try office.replace(allow: lines.map { try Network(parsing: $0) })
        // end
        return [banned, office]
    }

    // MARK: Routing

    @Test("the routes of the page on routing take what it says")
    func routing() async throws {
        // snippet: routing-default
        let gateway = Router {
            Route("/users/**") { ReverseProxy(to: "http://10.0.0.1:8080") }
            Route(.get, "/users/{id}/greeting") {
                HandlerFunction { _, context in Response(.ok, body: .text("hello \(context.parameters["id"] ?? "")")) }
            }
            Route(.get, "/healthz") { HandlerFunction { _, _ in Response(.ok) } }
        }
        // end
        let client = TestClient(gateway, origins: ["10.0.0.1:8080": ScriptedUpstream { $0.answer(.ok, "user") }])
        #expect(try await client.get("/users/7").body == "user")
        #expect(try await client.get("/users/7/greeting").body == "hello 7")
        #expect(try await client.post("/healthz").headers[.allow] == "GET, HEAD, OPTIONS")
        let (site, current, beta) = (Named("site"), Named("current"), Named("beta"))
        // snippet: routing-customised
        var configuration = Router.Configuration()
        configuration.answersOptions = false  // the origins answer preflights by themselves
        let router = Router(configuration) {
            Route("/**", hosts: ["example.com", "*.example.com"]) { site }
            Route("/api/**", hosts: ["example.com"], fallsThrough: true) {
                Router {
                    Route("users/{id}") { current }  // /api/users/{id}
                    Route("users/{id}", where: .header(.init("x-beta")!) && !.client(in: ["192.0.2.0/24"])) { beta }
                }
            }
        }
        // end
        let browser = TestClient(router)
        #expect(try await browser.get("/api/users/7", headers: [.host: "example.com"]).body == "current")
        #expect(try await browser.get("/api/none", headers: [.host: "example.com"]).body == "site")
    }

    // MARK: What the pages say about these examples

    @Test("the guide shows what a gateway and its problems print")
    func printed() throws {
        let gateway = Pipeline {
            RequestID()
            AccessLog(format: .json)
            ReverseProxy(to: "http://127.0.0.1:9000")
        }
        let wrong = Pipeline {
            AccessLog()
            RequestID()
            ReverseProxy(to: "http://127.0.0.1:9000")
        }
        let guide = try #require(Page.all.first { $0.path == "Documentation/GettingStarted.md" })
        for text in ["\(gateway)", CompositionError(wrong.blueprint.validate()).description] {
            #expect(guide.shows(text), "the guide does not show this in a fence: \(text)")
        }
    }

    @Test("the middlewares of the guide do what the guide says")
    func guideMiddlewares() async throws {
        let client = TestClient {
            APIVersion(known: ["1", "2"])
            BodyCount()
            AtMost(duration: .seconds(1))
            SecondChance()
            ShadowTraffic(shadow: HandlerFunction { _, _ in Response(.ok) })
            BasicCredentials(passwords: Passwords())
            HandlerFunction { request, _ in Response(.ok, body: .text(request.headers[.apiVersion] ?? "none")) }
        }
        let refused = try await client.get("/", headers: [.apiVersion: "3"])
        #expect(refused.status == .badRequest)
        #expect(!refused.headers.contains(.vary))
        let answer = try await client.get("/", headers: [.apiVersion: "2", .authorization: "Basic YTpi"])
        #expect(answer.status == .ok)
        #expect(answer.body == "2")
        #expect(answer.headers[.vary] == "api-version")
        #expect(answer.trailers?[.init("x-body-bytes")!] == "1")
        #expect(try await client.get("/").status == .unauthorized)
    }

    @Test("a second chance sends the body again")
    func secondChance() async throws {
        let attempts = Mutex(0)
        let client = TestClient {
            SecondChance()
            HandlerFunction { request, _ in
                let body = try await request.body.collect(upTo: 1 << 10)
                let attempt = attempts.withLock { count in
                    count += 1
                    return count
                }
                return Response(attempt == 1 ? .serviceUnavailable : .ok, body: .bytes(body))
            }
        }
        async let answer = client.put("/", body: "twice")
        await client.time.waitForTimers()
        client.time.advance(by: .milliseconds(50))
        #expect(try await answer.status == .ok)
        #expect(try await answer.body == "twice")
    }
}
