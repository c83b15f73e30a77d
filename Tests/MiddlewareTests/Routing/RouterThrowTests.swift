import HTTPTypes
import Middleware
import Testing

/// Routes without middlewares are called in the frame of whoever asked the router, and throws are answered there.
@Suite("Router: throws of a route")
struct RouterThrowTests {
    /// Notes the status of each answer that passes.
    private struct Watch: HeadMiddleware {
        func before(_ request: inout Request, context: RequestContext) -> Response? { nil }

        func after(_ response: inout Response, context: RequestContext) {
            context[StatusesKey.self].append(response.status.code)
        }
    }

    private struct AwaitingWatch: Middleware {
        func handle(
            _ request: consuming Request, context: RequestContext, next: some Handler
        ) async throws -> Response {
            let response = try await next.handle(request, context: context)
            context[StatusesKey.self].append(response.status.code)
            return response
        }
    }

    private enum StatusesKey: ContextKey {
        static var defaultValue: [Int] { [] }
    }

    private let router = Router {
        Route("/throws") { HandlerFunction { _, _ in throw HTTPError(.conflict) } }
        Route("/cancelled") { HandlerFunction { _, _ in throw CancellationError() } }
        Route("/inside/**") {
            Router { Route("throws") { HandlerFunction { _, _ in throw HTTPError(.conflict) } } }
        }
        Route("/watched/**") {
            Watch()
            Router { Route("throws") { HandlerFunction { _, _ in throw HTTPError(.conflict) } } }
        }
    }

    private func statuses(_ handler: some Handler, _ path: String) async throws -> [Int] {
        let context = RequestContext(runtime: Runtime())
        let response = try await handler.handle(Request(.get, path), context: context)
        return context[StatusesKey.self] + [response.status.code]
    }

    @Test("a router by itself answers them", arguments: ["/throws", "/inside/throws"])
    func alone(path: String) async throws {
        #expect(try await statuses(router, path) == [409])
        #expect(try await statuses(Pipeline([], endingIn: router), path) == [409])
        #expect(try await statuses(Pipeline([], endingIn: Pipeline([], endingIn: router)), path) == [409])
    }

    @Test(
        "every layer outside sees the answer, and to misses as well",
        arguments: [("/throws", 409), ("/inside/throws", 409), ("/nowhere", 404)])
    func layers(path: String, status: Int) async throws {
        let heads = Pipeline([Watch(), Watch()], endingIn: router)
        #expect(try await statuses(heads, path) == [status, status, status])
        let awaiting = Pipeline([Watch(), AwaitingWatch()], endingIn: router)
        #expect(try await statuses(awaiting, path) == [status, status, status])
        let both = Pipeline([AwaitingWatch(), Watch()], endingIn: router)
        #expect(try await statuses(both, path) == [status, status, status])
    }

    @Test("the layers of the route see it first")
    func inside() async throws {
        #expect(try await statuses(Pipeline([Watch()], endingIn: router), "/watched/throws") == [409, 409, 409])
    }

    @Test("a cancellation passes")
    func cancellation() async throws {
        for handler: any Handler in [router, Pipeline([Watch()], endingIn: router)] {
            await #expect(throws: CancellationError.self) {
                _ = try await handler.handle(Request(.get, "/cancelled"), context: RequestContext(runtime: Runtime()))
            }
        }
    }

    @Test("a head middleware in front of a router answers in its place")
    func earlyAnswer() async throws {
        struct Refuse: HeadMiddleware {
            func before(_ request: inout Request, context: RequestContext) -> Response? { Response(.forbidden) }
        }
        #expect(try await statuses(Pipeline([Watch(), Refuse(), Watch()], endingIn: router), "/throws") == [403, 403])
    }
}
