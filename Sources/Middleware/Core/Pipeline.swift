/// Middlewares around a handler, itself a handler.
///
/// ```swift
/// let gateway = Pipeline {
///     RequestID()
///     AccessLog(format: .json)
///     if behindProxy { ClientAddress(trusting: ["10.0.0.0/8"]) }
///     ReverseProxy(to: "http://127.0.0.1:9000")
/// }
/// print(gateway)
/// ```
///
/// The first middleware is the outermost. Neighbours that are ``HeadMiddleware``s run in one frame. A throw becomes a
/// problem report (RFC 9457, no internals) at the layer that threw, so that every layer outside sees a ``Response``;
/// `CancellationError` alone passes. A pipeline without middlewares adds nothing.
public struct Pipeline: Handler {
    /// What the pipeline does: its outermost layer.
    package let first: any Handler

    /// The middlewares, outermost first, around `handler`.
    public init(_ middlewares: [any Middleware], endingIn handler: any Handler) {
        var next = handler
        var heads: [any HeadMiddleware] = []
        var isRaw = !(handler is Pipeline)
        for middleware in middlewares.reversed() {
            if let head = middleware as? any HeadMiddleware {
                heads.insert(head, at: 0)
                continue
            }
            if !heads.isEmpty {
                next = HeadStack(heads, next: next)
                heads = []
                isRaw = false
            }
            next = Link(middleware, next: isRaw ? Answering(next) : next)
            isRaw = false
        }
        if !heads.isEmpty {
            next = HeadStack(heads, next: next)
            isRaw = false
        }
        first = isRaw ? Answering(next) : next
    }

    /// The stages of a builder: middlewares, then one handler.
    public init(@PipelineBuilder _ stages: () -> Pipeline) { self = stages() }

    public var blueprint: Blueprint { first.blueprint }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        try await first.handle(request, context: context)
    }
}

extension Pipeline: CustomStringConvertible {
    /// The tree of parts, outermost first.
    public var description: String { blueprint.description }
}

/// A handler whose throws are answered.
private struct Answering: Handler {
    private let handler: any Handler

    init(_ handler: any Handler) { self.handler = handler }

    var blueprint: Blueprint { handler.blueprint }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        do {
            return try await handler.handle(request, context: context)
        } catch let cancellation as CancellationError {
            throw cancellation
        } catch {
            return Response(answering: error, context: context)
        }
    }
}

/// One awaiting middleware and what is inside it.
private struct Link: Handler {
    private let middleware: any Middleware
    private let next: any Handler

    init(_ middleware: any Middleware, next: any Handler) {
        self.middleware = middleware
        self.next = next
    }

    var blueprint: Blueprint { middleware.blueprint.followed(by: next.blueprint) }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        do {
            return try await open(middleware, next, request, context)
        } catch let cancellation as CancellationError {
            throw cancellation
        } catch {
            return Response(answering: error, context: context)
        }
    }

    private func open(
        _ middleware: some Middleware,
        _ next: some Handler,
        _ request: consuming Request,
        _ context: RequestContext
    ) async throws -> Response {
        try await middleware.handle(request, context: context, next: next)
    }
}

/// Neighbouring head middlewares in one frame.
private struct HeadStack: Handler {
    private let heads: [any HeadMiddleware]
    private let next: any Handler

    init(_ heads: [any HeadMiddleware], next: any Handler) {
        self.heads = heads
        self.next = next
    }

    var blueprint: Blueprint {
        heads.reversed().reduce(next.blueprint) { $1.blueprint.followed(by: $0) }
    }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        var request = request
        var passed = 0
        var response: Response
        do {
            var answer: Response?
            while passed < heads.count {
                answer = try heads[passed].before(&request, context: context)
                if answer != nil { break }
                passed += 1
            }
            if let answer {
                response = answer
            } else {
                response = try await next.handle(request, context: context)
            }
        } catch let cancellation as CancellationError {
            throw cancellation
        } catch {
            response = Response(answering: error, context: context)
        }
        while passed > 0 {
            passed -= 1
            heads[passed].after(&response, context: context)
        }
        return response
    }
}

extension Blueprint {
    /// The part with the rest of its chain.
    fileprivate func followed(by next: Blueprint) -> Blueprint {
        var whole = self
        whole.children.append(("next", next))
        return whole
    }
}
