import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Pipeline")
struct PipelineTests {
    private struct Broken: Error {}

    private let context = RequestContext(runtime: Runtime())

    private func answer(_ pipeline: some Handler) async throws -> Response {
        try await pipeline.handle(Request(.get, "/"), context: context)
    }

    /// What the parts of the pipeline noted, in order.
    private func trail(_ pipeline: some Handler) async throws -> [String] {
        _ = try await answer(pipeline)
        return context[Trail.self]
    }

    @Test(
        "requests pass from the first middleware to the last, responses the other way",
        arguments: [
            [], [false], [true], [false, false], [true, true], [true, false, true, true, false, false, true],
            [false, true, true, false],
        ])
    func order(awaits: [Bool]) async throws {
        let middlewares = awaits.enumerated().map { index, awaits -> any Middleware in
            awaits ? Awaiting("\(index)") : Head("\(index)")
        }
        let names = awaits.indices.map { "\($0)" }
        let expected = names.map { "> " + $0 } + ["handler"] + names.reversed().map { "< " + $0 }
        #expect(try await trail(Pipeline(middlewares, endingIn: End())) == expected)
        #expect(try await answer(Pipeline(middlewares, endingIn: End())).status == .ok)
    }

    @Test("an answer from a head middleware unwinds only those outside of it")
    func earlyAnswer() async throws {
        let pipeline = Pipeline {
            Awaiting("a")
            Head("b")
            Head("c", answers: .forbidden)
            Head("d")
            Awaiting("e")
            End()
        }
        #expect(try await answer(pipeline).status == .forbidden)
        #expect(context[Trail.self] == ["> a", "> b", "> c", "< b", "< a"])
    }

    @Test("the same middleware called by itself does what it does in a pipeline")
    func headAlone() async throws {
        let response = try await Head("b").handle(Request(), context: context, next: End())
        #expect(response.status == .ok)
        let answered = try await Head("c", answers: .forbidden).handle(Request(), context: context, next: End())
        #expect(answered.status == .forbidden)
        #expect(context[Trail.self] == ["> b", "handler", "< b", "> c"])
    }

    @Test("a throw becomes a problem report that every layer outside sees", arguments: ["handler", "head", "awaiting"])
    func throwIsAnswered(place: String) async throws {
        let pipeline = Pipeline {
            Watch()
            Head("out")
            if place == "head" { Head("x", throwing: HTTPError(.badRequest, "no")) }
            if place == "awaiting" { Awaiting("x", throwing: HTTPError(.badRequest, "no")) }
            Head("in")
            End(throwing: place == "handler" ? HTTPError(.badRequest, "no") : nil)
        }
        let response = try await answer(pipeline)
        #expect(response.status == .badRequest)
        #expect(response.headers[.contentType] == "application/problem+json")
        #expect(String(buffer: try await response.body.collect(upTo: 1000)).contains("\"detail\":\"no\""))
        let trail = context[Trail.self]
        #expect(trail.suffix(2) == ["< out", "saw 400"])
        #expect(trail.contains("< in") == (place == "handler"))
    }

    @Test("an error of another kind is a 500 that says nothing of what is inside")
    func unknownError() async throws {
        let response = try await answer(Pipeline([], endingIn: End(throwing: Broken())))
        #expect(response.status == .internalServerError)
        #expect(!String(buffer: try await response.body.collect(upTo: 1000)).contains("Broken"))
    }

    @Test("the kinds of error that have a status of their own")
    func errorsWithStatus() async throws {
        struct Teapot: AnsweringError { var answer: HTTPError { HTTPError(.init(code: 418), "short and stout") } }
        let cases: [(any Error, Int)] = [
            (Teapot(), 418), (BodyTooLarge(limit: 5), 413), (DeadlineExceeded(), 504), (BodyConsumed(), 500),
        ]
        for (error, status) in cases {
            #expect(try await answer(Pipeline([Head("h")], endingIn: End(throwing: error))).status.code == status)
        }
    }

    @Test("cancellation passes through every layer")
    func cancellationPasses() async throws {
        let pipelines = [
            Pipeline([Head("a"), Awaiting("b"), Head("c")], endingIn: End(throwing: CancellationError())),
            Pipeline([], endingIn: End(throwing: CancellationError())),
            Pipeline([Awaiting("b", throwing: CancellationError())], endingIn: End()),
            Pipeline([Head("b", throwing: CancellationError())], endingIn: End()),
        ]
        for pipeline in pipelines {
            await #expect(throws: CancellationError.self) { _ = try await answer(pipeline) }
        }
        #expect(!context[Trail.self].contains("< a"))
    }

    @Test("a pipeline in a pipeline is a handler like any other")
    func nested() async throws {
        let inner = Pipeline([Head("in")], endingIn: End(throwing: HTTPError(.notFound)))
        let outer = Pipeline([Head("out"), Awaiting("mid")], endingIn: inner)
        #expect(try await answer(outer).status == .notFound)
        #expect(context[Trail.self] == ["> out", "> mid", "> in", "handler", "< in", "< mid", "< out"])
        #expect("\(outer)" == "Head\nAwaiting\nHead\nEnd")
    }

    @Test("a pipeline without middlewares adds nothing to the tree")
    func identity() {
        #expect("\(Pipeline([], endingIn: End()))" == "End")
        #expect(Pipeline([], endingIn: End()).blueprint.children.isEmpty)
        #expect("\(Pipeline([], endingIn: Pipeline([], endingIn: End())))" == "End")
    }

    @Test("next may be kept and called again")
    func nextIsAValue() async throws {
        let pipeline = Pipeline([Twice(), Head("in")], endingIn: End())
        #expect(try await trail(pipeline) == ["> in", "handler", "< in", "> in", "handler", "< in"])
    }

    @Test("a request that is changed on the way is seen changed further in, and the response further out")
    func changes() async throws {
        let pipeline = Pipeline(
            [Rename(), Rename()],
            endingIn: HandlerFunction { request, _ in
                Response(.ok, body: .text(request.path))
            })
        let response = try await pipeline.handle(Request(.get, "/x"), context: context)
        #expect(String(buffer: try await response.body.collect(upTo: 100)) == "/x++")
        #expect(response.headers[values: .server] == ["rename", "rename"])
    }
}

// MARK: - Parts that leave a trail

enum Trail: ContextKey {
    static var defaultValue: [String] { [] }
}

struct Head: HeadMiddleware {
    let name: String
    var answers: HTTPResponse.Status?
    var throwing: (any Error)?

    init(_ name: String, answers: HTTPResponse.Status? = nil, throwing: (any Error)? = nil) {
        self.name = name
        self.answers = answers
        self.throwing = throwing
    }

    func before(_ request: inout Request, context: RequestContext) throws -> Response? {
        context[Trail.self].append("> " + name)
        if let throwing { throw throwing }
        return answers.map { Response($0) }
    }

    func after(_ response: inout Response, context: RequestContext) { context[Trail.self].append("< " + name) }
}

struct Awaiting: Middleware {
    let name: String
    var throwing: (any Error)?

    init(_ name: String, throwing: (any Error)? = nil) {
        self.name = name
        self.throwing = throwing
    }

    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        context[Trail.self].append("> " + name)
        if let throwing { throw throwing }
        let response = try await next.handle(request, context: context)
        context[Trail.self].append("< " + name)
        return response
    }
}

struct End: Handler {
    var name = "handler"
    var throwing: (any Error)?

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        context[Trail.self].append(name)
        if let throwing { throw throwing }
        return Response(.ok)
    }
}

private struct Watch: Middleware {
    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        let response = try await next.handle(request, context: context)
        context[Trail.self].append("saw \(response.status.code)")
        return response
    }
}

private struct Twice: Middleware {
    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        let again = request
        _ = try await next.handle(request, context: context)
        return try await next.handle(again, context: context)
    }
}

private struct Rename: HeadMiddleware {
    func before(_ request: inout Request, context: RequestContext) -> Response? {
        request.path += "+"
        return nil
    }

    func after(_ response: inout Response, context: RequestContext) { response.headers.append(.server, "rename") }
}
