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
        // Built from the inside; what is not a layer yet does not answer its throws.
        var next = handler
        var isRaw = !(handler is Pipeline)
        var heads: (any HeadMiddleware)?
        for middleware in middlewares.reversed() {
            if let head = middleware as? any HeadMiddleware {
                if let inner = heads { heads = Self.fuse(head, inner) } else { heads = head }
                continue
            }
            if let neighbours = heads {
                next = Self.stack(neighbours, next)
                heads = nil
                isRaw = false
            }
            if isRaw { next = Self.answering(next) }
            next = Self.link(middleware, next)
            isRaw = false
        }
        if let heads {
            next = Self.stack(heads, next)
            isRaw = false
        }
        first = isRaw ? Self.answering(next) : next
    }

    // Each opens the types of its arguments, once and for all requests.
    private static func answering(_ handler: some Handler) -> any Handler { Answering(handler) }

    private static func link(_ middleware: some Middleware, _ next: some Handler) -> any Handler {
        Link(middleware, next: next)
    }

    private static func stack(_ heads: some HeadMiddleware, _ next: some Handler) -> any Handler {
        HeadStack(heads, next: next)
    }

    private static func fuse(_ outer: some HeadMiddleware, _ inner: some HeadMiddleware) -> any HeadMiddleware {
        HeadPair(outer, inner)
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
private struct Answering<Inside: Handler>: Handler {
    private let handler: Inside

    init(_ handler: Inside) { self.handler = handler }

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

/// One awaiting middleware and what is inside it. Generic, so that each layer is one call that may suspend, and not one to
/// open its type and one to run it.
private struct Link<Layer: Middleware, Next: Handler>: Handler {
    private let middleware: Layer
    private let next: Next

    init(_ middleware: Layer, next: Next) {
        self.middleware = middleware
        self.next = next
    }

    var blueprint: Blueprint { middleware.blueprint.followed(by: next.blueprint) }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        do {
            return try await middleware.handle(request, context: context, next: next)
        } catch let cancellation as CancellationError {
            throw cancellation
        } catch {
            return Response(answering: error, context: context)
        }
    }
}

/// Neighbouring head middlewares in one frame.
private struct HeadStack<Heads: HeadMiddleware, Next: Handler>: Handler {
    private let heads: Heads
    private let next: Next

    init(_ heads: Heads, next: Next) {
        self.heads = heads
        self.next = next
    }

    var blueprint: Blueprint {
        // A pair describes its outer part and carries the inner ones behind it.
        heads.blueprint.followed(by: next.blueprint)
    }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        var request = request
        var response: Response
        var isPassed = false
        do {
            if let answer = try heads.before(&request, context: context) { return answer }
            isPassed = true
            response = try await next.handle(request, context: context)
        } catch let cancellation as CancellationError {
            throw cancellation
        } catch {
            response = Response(answering: error, context: context)
            // The outermost head threw: nobody of this stack is outside of it.
            if !isPassed { return response }
        }
        heads.after(&response, context: context)
        return response
    }
}

/// Two head middlewares as one: what the inner one answers, or throws, passes the outer one on its way out.
private struct HeadPair<Outer: HeadMiddleware, Inner: HeadMiddleware>: HeadMiddleware {
    private let outer: Outer
    private let inner: Inner

    init(_ outer: Outer, _ inner: Inner) {
        self.outer = outer
        self.inner = inner
    }

    var blueprint: Blueprint { outer.blueprint.followed(by: inner.blueprint) }

    func before(_ request: inout Request, context: RequestContext) throws -> Response? {
        if let answer = try outer.before(&request, context: context) { return answer }
        var answer: Response
        do {
            guard let found = try inner.before(&request, context: context) else { return nil }
            answer = found
        } catch let cancellation as CancellationError {
            throw cancellation
        } catch {
            answer = Response(answering: error, context: context)
        }
        outer.after(&answer, context: context)
        return answer
    }

    func after(_ response: inout Response, context: RequestContext) {
        inner.after(&response, context: context)
        outer.after(&response, context: context)
    }
}

extension Blueprint {
    /// The part with the rest of its chain behind its last `next`.
    fileprivate func followed(by rest: Blueprint) -> Blueprint {
        var whole = self
        if let last = whole.children.lastIndex(where: { $0.label == "next" }) {
            whole.children[last].part = whole.children[last].part.followed(by: rest)
        } else {
            whole.children.append(("next", rest))
        }
        return whole
    }
}
