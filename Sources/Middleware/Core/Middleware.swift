/// Wraps a handler.
///
/// `next` is a value and not a closure: it may be kept, called again with a recorded body, or called from
/// ``RequestContext/spawn(_:)``. A middleware that awaits nothing is a ``HeadMiddleware``, which costs a fiftieth.
///
/// ```swift
/// struct Retry: Middleware {
///     func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
///         let again = copy request
///         let response = try await next.handle(request, context: context)
///         guard response.status == .serviceUnavailable, again.body.isReplayable else { return response }
///         response.body.discard()
///         return try await next.handle(again, context: context)
///     }
/// }
/// ```
///
/// The module has this protocol's name, so `Middleware.Foo` does not resolve outside; `Middleware::Foo` does.
public protocol Middleware: Sendable {
    /// Its name, its placement and what is inside. The type's name unless implemented.
    var blueprint: Blueprint { get }

    /// Handles one request, with or without `next`.
    nonisolated(nonsending) func handle(
        _ request: consuming Request,
        context: RequestContext,
        next: some Handler
    ) async throws -> Response
}

/// A middleware that awaits nothing.
///
/// A ``Pipeline`` runs neighbours of this kind in one frame: about 20 instructions each, where an awaiting layer costs
/// about 1,100. `before` may answer; then `after` runs for those outside of it only, not for itself. A throw counts as
/// an answer.
///
/// ```swift
/// struct Version: HeadMiddleware {
///     func before(_ request: inout Request, context: RequestContext) -> Response? { nil }
///     func after(_ response: inout Response, context: RequestContext) { response.headers[.server] = "edge/1" }
/// }
/// ```
///
/// A pipeline calls `before` and `after` and never this protocol's own `handle`: implement that in a ``Middleware``.
public protocol HeadMiddleware: Middleware {
    /// Sees the request on its way in; a response ends the way here.
    func before(_ request: inout Request, context: RequestContext) throws -> Response?

    /// Sees the response on its way out. Nothing unless implemented.
    func after(_ response: inout Response, context: RequestContext)
}

extension Middleware {
    public var blueprint: Blueprint { Blueprint("\(Self.self)") }
}

extension HeadMiddleware {
    public func after(_ response: inout Response, context: RequestContext) {}

    public func handle(
        _ request: consuming Request,
        context: RequestContext,
        next: some Handler
    ) async throws -> Response {
        var request = request
        if let answer = try before(&request, context: context) { return answer }
        var response = try await next.handle(request, context: context)
        after(&response, context: context)
        return response
    }
}
