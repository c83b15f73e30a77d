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
    /// The same for a caller that answers what it throws: without middlewares, the handler and nothing around it.
    package let unanswered: any Handler

    /// The middlewares, outermost first, around `handler`.
    public init(_ middlewares: [any Middleware], endingIn handler: any Handler) {
        let inside = handler as? Pipeline
        // Built from the inside; what is not a layer yet does not answer its throws.
        var next = inside?.first ?? handler
        var isRaw = inside == nil && !(handler is any ChoosingHandler)
        var heads: HeadLayer?
        for middleware in middlewares.reversed() {
            if let head = middleware as? any HeadMiddleware {
                heads = Self.layer(head, around: heads)
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
        unanswered = middlewares.isEmpty ? inside?.unanswered ?? handler : first
    }

    // Each opens the types of its arguments, once and for all requests.
    private static func answering(_ handler: some Handler) -> any Handler { Answering(handler) }

    private static func link(_ middleware: some Middleware, _ next: some Handler) -> any Handler {
        Link(middleware, next: next)
    }

    private static func layer(_ head: some HeadMiddleware, around inner: HeadLayer?) -> HeadLayer {
        HeadLayerOf(head, around: inner)
    }

    private static func stack(_ heads: HeadLayer, _ next: some Handler) -> any Handler {
        if let choosing = next as? any ChoosingHandler { return stack(heads, choosing: choosing) }
        return HeadStack(heads, next: next)
    }

    private static func stack(_ heads: HeadLayer, choosing: some ChoosingHandler) -> any Handler {
        ChoosingStack(heads, choosing: choosing)
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

    @inline(__always)
    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        do {
            return try await handler.handle(request, context: context)
        } catch {
            guard !error.isCancellation else { throw error }
            return Response(answering: error, context: context)
        }
    }
}

/// One awaiting middleware and what is inside it. Generic, so that each layer is one call that may suspend, and not one
/// to open its type and one to run it.
private struct Link<Layer: Middleware, Next: Handler>: Handler {
    private let middleware: Layer
    private let next: Next

    init(_ middleware: Layer, next: Next) {
        self.middleware = middleware
        self.next = next
    }

    var blueprint: Blueprint { middleware.blueprint.followed(by: next.blueprint) }

    @inline(__always)
    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        do {
            return try await middleware.handle(request, context: context, next: next)
        } catch {
            guard !error.isCancellation else { throw error }
            return Response(answering: error, context: context)
        }
    }
}

/// Neighbouring head middlewares in one frame. What one answers, or throws, passes those outside it on its way out and
/// no other.
private struct HeadStack<Next: Handler>: Handler {
    private let heads: HeadLayer
    private let next: Next

    init(_ heads: HeadLayer, next: Next) {
        self.heads = heads
        self.next = next
    }

    var blueprint: Blueprint { heads.blueprint(followedBy: next.blueprint) }

    @inline(__always)
    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        var request = request
        var pass = HeadPass()
        var response: Response
        do {
            try heads.before(&request, context, &pass)
            if let answer = pass.answer {
                response = answer
                heads.after(&response, context, pass.count)
                return response
            }
            response = try await next.handle(consume request, context: context)
        } catch {
            return try heads.answer(error, context, pass.count)
        }
        heads.after(&response, context)
        return response
    }
}

/// The same around a handler that chooses: what it chose is called in this frame.
private struct ChoosingStack<Choosing: ChoosingHandler>: Handler {
    private let heads: HeadLayer
    private let choosing: Choosing

    init(_ heads: HeadLayer, choosing: Choosing) {
        self.heads = heads
        self.choosing = choosing
    }

    var blueprint: Blueprint { heads.blueprint(followedBy: choosing.blueprint) }

    @inline(__always)
    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        var request = request
        var pass = HeadPass()
        var response: Response
        do {
            try heads.before(&request, context, &pass)
            if let answer = pass.answer {
                response = answer
                heads.after(&response, context, pass.count)
                return response
            }
            let chosen = choosing.choose(for: request, context: context)
            response = try await chosen.handler.handle(consume request, context: context)
        } catch {
            return try heads.answer(error, context, pass.count)
        }
        heads.after(&response, context)
        return response
    }
}

/// How far a request has come through a stack of heads.
private struct HeadPass {
    /// The heads that have let it pass.
    var count = 0
    /// What the next one has answered.
    var answer: Response?
}

/// One head middleware and those inside it. A class for each type of middleware and no protocol value: calling through
/// one copies it, for each layer and each message.
///
/// Unchecked because the compiler checks no class that is inherited from; it is immutable. (A protocol of its own would
/// be checked, and costs 17 instructions more a layer.)
private class HeadLayer: @unchecked Sendable {
    fileprivate let inner: HeadLayer?
    /// The layers from here on.
    let count: Int

    fileprivate init(_ inner: HeadLayer?) {
        self.inner = inner
        count = 1 + (inner?.count ?? 0)
    }

    func blueprint(followedBy rest: Blueprint) -> Blueprint { rest }

    /// Asks each in turn until one answers.
    func before(_ request: inout Request, _ context: RequestContext, _ pass: inout HeadPass) throws {}

    /// Shows an answer to all, the innermost first.
    func after(_ response: inout Response, _ context: RequestContext) {}

    /// Shows an answer to the outermost `count`, the innermost of them first.
    func after(_ response: inout Response, _ context: RequestContext, _ count: Int) {}

    /// Answers what was thrown when `count` had let the request pass, and shows it to these.
    final func answer(_ error: any Error, _ context: RequestContext, _ count: Int) throws -> Response {
        guard !error.isCancellation else { throw error }
        var response = Response(answering: error, context: context)
        after(&response, context, count)
        return response
    }
}

/// The layer of one type of middleware. Unchecked because its superclass is; immutable as well.
private final class HeadLayerOf<Head: HeadMiddleware>: HeadLayer, @unchecked Sendable {
    private let head: Head

    init(_ head: Head, around inner: HeadLayer?) {
        self.head = head
        super.init(inner)
    }

    override func blueprint(followedBy rest: Blueprint) -> Blueprint {
        head.blueprint.followed(by: inner?.blueprint(followedBy: rest) ?? rest)
    }

    override func before(_ request: inout Request, _ context: RequestContext, _ pass: inout HeadPass) throws {
        if let answer = try head.before(&request, context: context) {
            pass.answer = answer
            return
        }
        pass.count += 1
        try inner?.before(&request, context, &pass)
    }

    override func after(_ response: inout Response, _ context: RequestContext) {
        inner?.after(&response, context)
        head.after(&response, context: context)
    }

    override func after(_ response: inout Response, _ context: RequestContext, _ count: Int) {
        guard count > 0 else { return }
        inner?.after(&response, context, count - 1)
        head.after(&response, context: context)
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
