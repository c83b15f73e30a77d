import HTTPTypes
import NIOCore

/// How a ``Router`` serves: the search for a route, and what happens to requests that more than one route, or none, may
/// have. Nearly all requests are only told who answers them and come here no more.
final class RouteDispatch: Sendable {
    let table: RouteTable
    /// The route in whose braces the router was made.
    let scope: RouteScope?
    private let answersOptions: Bool
    private let recorder: RouteRecorder

    init(_ table: RouteTable, in scope: RouteScope?, answersOptions: Bool, _ recorder: RouteRecorder) {
        self.table = table
        self.scope = scope
        self.answersOptions = answersOptions
        self.recorder = recorder
    }

    /// Who answers a request; throws of it are answered by who calls it.
    func choose(for request: Request.Head, _ context: RequestContext) -> ChosenHandler {
        guard let scope else { return choose(for: request, as: request, context) }
        // A part in between may have asked before.
        if scope.fallsThrough { context[RouteMissKey.self] = false }
        return choose(for: request, as: question(request, context), context)
    }

    @inline(__always)
    private func choose(
        for request: Request.Head, as question: Request.Head, _ context: RequestContext
    ) -> ChosenHandler {
        guard let entry = table.best(question, request, context.clientAddress) else {
            return ChosenHandler(MissedRoute(dispatch: self))
        }
        guard !entry.fallsThrough, !entry.hasRouterInside, !recorder.isRecording else {
            return ChosenHandler(WatchedRoute(dispatch: self, entry: entry))
        }
        context.match.enter(entry, question.target)
        return entry.chosen
    }

    /// What decides, besides fields and client: the request as the outermost router saw it.
    private func question(_ request: Request.Head, _ context: RequestContext) -> Request.Head {
        (scope == nil ? nil : context[RouteQuestionKey.self]?.head) ?? request
    }

    /// Hands a request on where there is more to do: it is counted, routers inside have to see what this one saw, or
    /// one of them may miss.
    @inline(__always)
    fileprivate func watch(
        _ entry: RouteEntry, _ request: consuming Request, _ context: RequestContext
    ) async throws -> Response {
        let isCounted = recorder.begins(in: context)
        let question = question(request.head, context)
        let outer = context[RouteQuestionKey.self]
        if entry.hasRouterInside { context[RouteQuestionKey.self] = RouteQuestion(head: question) }
        // A context is kept until the next request, and must not keep the bytes of this one.
        defer { if entry.hasRouterInside { context[RouteQuestionKey.self] = outer } }
        do {
            let response: Response
            if entry.fallsThrough {
                response = try await inTurn(from: entry, question, request, context)
            } else {
                context.match.enter(entry, question.target)
                context[RouteEntryKey.self] = entry
                response = try await entry.answer(request, context)
            }
            if isCounted { recorder.count(response.status.code, in: context) }
            return response
        } catch {
            if isCounted { recorder.count(nil, in: context) }
            throw error
        }
    }

    /// Hands the request to a route that falls through, and then to the next best one for as long as they miss. When
    /// none is left, the last answer stands.
    private func inTurn(
        from first: RouteEntry,
        _ question: Request.Head,
        _ request: consuming Request,
        _ context: RequestContext
    ) async throws -> Response {
        let outer = context.match
        var tried = [first.number]
        var entry = first
        while true {
            context.match = outer
            context.match.enter(entry, question.target)
            context[RouteEntryKey.self] = entry
            context[RouteMissKey.self] = false
            let response = try await entry.answer(copy request, context)
            guard entry.fallsThrough, context[RouteMissKey.self] else {
                // What a router further inside has missed is not this one's miss.
                context[RouteMissKey.self] = false
                return response
            }
            guard let next = table.best(question, request.head, context.clientAddress, tried: tried) else {
                // The miss is still noted: it is the answer of the router outside that this route may fall through to.
                context[RouteMissKey.self] = scope?.fallsThrough ?? false
                return response
            }
            response.body.discard()
            tried.append(next.number)
            entry = next
        }
    }

    fileprivate func missed(_ request: Request.Head, _ context: RequestContext) -> Response {
        if let scope, scope.fallsThrough { context[RouteMissKey.self] = true }
        let question = question(request, context)
        let response = miss(question, table.allowed(question, request, context.clientAddress))
        if recorder.begins(in: context) { recorder.count(response.status.code, in: context) }
        return response
    }

    /// The answer to a request that no route takes.
    func miss(_ question: Request.Head, _ allowed: Set<HTTPRequest.Method>) -> Response {
        let isOptions = answersOptions && question.method.matches(.options)
        // RFC 9110 section 9.3.7: an asterisk asks about the server and not about a resource.
        if isOptions, question.target.isAsterisk { return Response(.noContent) }
        guard !allowed.isEmpty else { return Response(.notFound, problem: nil) }
        var names = Set(allowed.map(\.rawValue))
        if answersOptions { names.insert(HTTPRequest.Method.options.rawValue) }
        let allow: Headers = [.allow: names.sorted().joined(separator: ", ")]
        guard isOptions else { return Response(HTTPError(.methodNotAllowed, headers: allow)) }
        var response = Response(.noContent)
        response.headers = allow
        return response
    }
}

extension RouteEntry {
    /// What its handler answers, throws among it; only a cancellation passes.
    @inline(__always)
    fileprivate func answer(_ request: consuming Request, _ context: RequestContext) async throws -> Response {
        do {
            return try await chosen.handler.handle(request, context: context)
        } catch {
            guard !error.isCancellation else { throw error }
            return Response(answering: error, context: context)
        }
    }
}

/// A route whose requests are watched on their way back.
private struct WatchedRoute: Handler {
    let dispatch: RouteDispatch
    let entry: RouteEntry

    @inline(__always)
    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        try await dispatch.watch(entry, request, context)
    }
}

/// Answers what no route takes.
private struct MissedRoute: Handler {
    let dispatch: RouteDispatch

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        dispatch.missed(request.head, context)
    }
}
