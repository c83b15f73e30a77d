import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("MiddlewareConformance")
struct MiddlewareConformanceTests {
    typealias Rule = MiddlewareConformance.Rule

    /// A middleware of a closure.
    struct Around: Middleware {
        let body:
            nonisolated(nonsending) @Sendable (consuming Request, RequestContext, any Handler) async throws -> Response

        init(
            _ body:
                nonisolated(nonsending) @escaping @Sendable (consuming Request, RequestContext, any Handler)
                async throws
                -> Response
        ) {
            self.body = body
        }

        func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response
        {
            try await body(request, context, next)
        }
    }

    private func violated(_ middleware: any Middleware, patience: Duration = .seconds(10)) async -> Set<Rule> {
        let violations = await MiddlewareConformance(middleware, patience: patience).check()
        return Set(violations.compactMap { Rule(rawValue: $0.rule) })
    }

    @Test("middlewares without faults pass")
    func sound() async {
        struct Version: HeadMiddleware {
            func before(_ request: inout Request, context: RequestContext) -> Response? { nil }
            func after(_ response: inout Response, context: RequestContext) { response.headers[.server] = "edge/1" }
        }
        let refusing = Around { _, _, _ in Response(.forbidden) }
        for middleware in [Version(), RequestID(), refusing] as [any Middleware] {
            #expect(await violated(middleware).isEmpty)
        }
    }

    @Test("one that collects the request is found, and may say so")
    func collectsRequest() async {
        let collecting = Around { received, context, next in
            var request = received
            request.body = .bytes(try await request.body.collect(upTo: 1000))
            return try await next.handle(request, context: context)
        }
        #expect(await violated(collecting) == [.streamsRequests])
        #expect(await MiddlewareConformance(collecting, except: [.streamsRequests]).check().isEmpty)
    }

    @Test("one that waits for the end of a live answer is found")
    func collectsResponse() async {
        let collecting = Around { request, context, next in
            var response = try await next.handle(request, context: context)
            response.body.isLive = false
            response.body = .bytes(try await response.body.collect(upTo: 1000))
            return response
        }
        #expect(await violated(collecting, patience: .milliseconds(200)).contains(.streamsResponses))
    }

    @Test("one that passes a body on twice, or drops it, is found")
    func consumes() async {
        let dropping = Around { received, context, next in
            var request = received
            request.body = .empty
            return try await next.handle(request, context: context)
        }
        #expect(await violated(dropping) == [.passesBodies])
    }

    @Test("one that ends a body which failed is found")
    func endsFailures() async {
        final class Forgiving: BodySource {
            private let upstream: any BodySource
            init(_ upstream: any BodySource) { self.upstream = upstream }
            var knownLength: Int? { nil }
            var isReady: Bool { upstream.isReady }
            func read() async throws -> BodyPart {
                do { return try await upstream.read() } catch { return .end(trailers: nil) }
            }
            func cancel(_ reason: any Error) { upstream.cancel(reason) }
        }
        let forgiving = Around { request, context, next in
            var response = try await next.handle(request, context: context)
            if !response.body.isReplayable { response.body = .stream(Forgiving(try response.body.open())) }
            return response
        }
        #expect(await violated(forgiving) == [.passesBodyFailures])
    }

    @Test("one that answers a cancellation is found")
    func cancellation() async {
        let answering = Around { request, context, next in
            do {
                return try await next.handle(request, context: context)
            } catch {
                return Response(.internalServerError)
            }
        }
        #expect(await violated(answering) == [.passesCancellation])
    }

    @Test("one that keeps bodies and contexts is found")
    func keeps() async {
        let hoard = HandlerConformanceTests.Hoard()
        let keeping = Around { request, context, next in
            hoard.things.append(context)
            hoard.things.append(request.body)
            let response = try await next.handle(request, context: context)
            hoard.things.append(response.body)
            return response
        }
        #expect(
            await violated(keeping).isSuperset(of: [.keepsNoContext, .releasesTheRequestBody, .releasesTheResponse]))
    }
}
