package import HTTPTypes
package import NIOCore

/// Hands each request to the best of its routes.
///
/// A route takes a request by its host, method and path (``RoutePattern``), and perhaps by a predicate on fields,
/// query, cookies and the client's network (``RoutePredicate``). The order in which routes are written makes no
/// difference. Of those that take a request, the first in this order gets it:
/// 1. by host: exact, then `*.name` with the longest name first, then any;
/// 2. by path, segment by segment: a literal, then `{name}`, then `**`;
/// 3. by method: named, then GET for a HEAD, then any;
/// 4. by the number of predicates that must hold: more before fewer.
///
/// Two routes that nothing of this tells apart, and whose predicates may hold together, are a problem of the
/// composition.
///
/// A path that no route takes is answered with 404; one that is taken with other methods alone with 405 and `Allow`
/// (RFC 9110 section 15.5.6), and its OPTIONS with 204 and `Allow` (section 9.3.7). HEAD runs what GET runs, and the
/// server drops the content. `OPTIONS *` is answered with 204.
///
/// What it compares is the normalised path, byte by byte, so `/%61dmin` is `/admin` and `a%2Fb` is one segment. Finding
/// a route costs the same among ten and among ten thousand: it depends on the request's segments. Only routes of the
/// same host, path and method are asked one by one.
///
/// ## A router in a route
/// A router that is made in the braces of a route belongs to it:
/// - it matches the method, host and target that the outermost router saw, so a rewrite inside a route never changes
///   where a request goes; its predicates see fields and client as they are by then;
/// - its patterns are full paths, and have to lie within the pattern outside; or, without a slash in front, go on where
///   that one ends, its `**` left out;
/// - parameters of both are in ``RequestContext/parameters``, the inner name wins; ``RoutePatternKey`` holds the joined
///   pattern;
/// - its misses are answered, unless the route is one that ``Route/fallsThrough``: then the next best route outside
///   gets the request as it came to the outer router, and what was answered inside is dropped if that one takes it.
///
/// A router that is made elsewhere and only used there is a router of its own: it matches requests as they come to it.
///
/// ## Placement
/// At the end of a chain. Inside a ``ClientAddress``, if there is one, when predicates ask for the client.
///
/// ## Example
/// ```swift
/// Pipeline {
///     RequestID()
///     Router {
///         Route("/v2/users/**") { ReverseProxy(to: "http://127.0.0.1:9000") }
///         Route(.get, "/healthz") { HandlerFunction { _, _ in Response(.ok) } }
///     }
/// }
/// ```
/// Customised, for origins that answer OPTIONS and HEAD by themselves:
/// ```swift
/// var configuration = Router.Configuration()
/// configuration.answersOptions = false
/// configuration.answersHead = false
/// Router(configuration) { … }
/// ```
public struct Router: Handler {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// Whether routes for GET take HEAD. `true` unless set; `false` makes HEAD a method like any other.
        public var answersHead = true
        /// Whether OPTIONS of a path that is taken with other methods is answered with 204 and `Allow`. `true` unless
        /// set; `false` makes it a 405 like other methods. A route that takes OPTIONS always goes first.
        public var answersOptions = true

        public init() {}
    }

    /// The routes.
    public let routes: [Route]
    private let configuration: Configuration
    private let table: RouteTable
    private let scope: RouteScope?

    /// A router of these routes, with that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration = Configuration(), @RouterBuilder _ routes: () -> [Route]) {
        self.init(routes(), configuration)
    }

    /// A router of routes in an array.
    public init(_ routes: [Route], _ configuration: Configuration = Configuration()) {
        self.routes = routes
        self.configuration = configuration
        table = RouteTable(routes, answersHead: configuration.answersHead)
        scope = RouteScope.current
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint(
            "Router",
            placement: Placement(follows: table.asksForClient ? ["client address"] : []),
            children: routes.map { ($0.description, $0.pipeline.blueprint) }
        )
        blueprint.require(!routes.isEmpty, "has no routes", mend: "give it one")
        for route in routes {
            for fault in route.faults { blueprint.require(false, fault.problem, mend: fault.mend) }
        }
        for (left, right) in table.ties {
            blueprint.require(
                false,
                "has two routes for the same requests, \(routes[left]) and \(routes[right])",
                mend: "remove one, or tell them apart by host, path, method or one more predicate"
            )
        }
        blueprint.preview = { [self] request in
            guard !table.asksForClient else { return .unknown }
            if let route = best(for: request) { return .takes(route) }
            return .answers(miss(RouteQuestion(request), allowed(for: request)).status)
        }
        return blueprint
    }

    /// Which of ``routes`` takes a request, as the outermost router sees it; `nil` for a miss.
    package func best(for request: Request, client: SocketAddress? = nil) -> Int? {
        table.best(RouteQuestion(request), request.headers, client)
    }

    /// The methods with which a request would be taken, OPTIONS only if a route takes it by name.
    package func allowed(for request: Request, client: SocketAddress? = nil) -> Set<HTTPRequest.Method> {
        table.allowed(RouteQuestion(request), request.headers, client)
    }

    @inline(__always)
    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        let outer = context[PathParametersKey.self].match
        let question = (scope == nil ? nil : outer?.question) ?? RouteQuestion(request)
        // A part in between may have asked before.
        if let scope, scope.fallsThrough { context[RouteMissKey.self] = false }
        guard let route = table.best(question, request.headers, context.clientAddress) else {
            let allowed = table.allowed(question, request.headers, context.clientAddress)
            if let scope, scope.fallsThrough { context[RouteMissKey.self] = true }
            return miss(question, allowed)
        }
        if table.entries[route].fallsThrough {
            return try await inTurn(from: route, question, outer, request, context)
        }
        enter(route, question, outer, context)
        return try await table.entries[route].handler.handle(request, context: context)
    }

    /// Notes which route has the request.
    private func enter(_ route: Int, _ question: RouteQuestion, _ outer: RouteMatch?, _ context: RequestContext) {
        let pattern = table.entries[route].pattern
        context[PathParametersKey.self] = PathParameters(
            match: RouteMatch(question, pattern: pattern, outer: outer)
        )
        context[RoutePatternKey.self] = pattern.text
    }

    /// Hands the request to a route that falls through, and then to the next best one for as long as they miss. When
    /// none is left, the last answer stands.
    private func inTurn(
        from first: Int,
        _ question: RouteQuestion,
        _ outer: RouteMatch?,
        _ request: consuming Request,
        _ context: RequestContext
    ) async throws -> Response {
        var tried = [first]
        var route = first
        while true {
            enter(route, question, outer, context)
            context[RouteMissKey.self] = false
            let response = try await table.entries[route].handler.handle(copy request, context: context)
            guard table.entries[route].fallsThrough, context[RouteMissKey.self] else {
                // What a router further inside has missed is not this one's miss.
                context[RouteMissKey.self] = false
                return response
            }
            guard let next = table.best(question, request.headers, context.clientAddress, tried: tried) else {
                // The miss is still noted: it is the answer of the router outside that this route may fall through to.
                context[RouteMissKey.self] = scope?.fallsThrough ?? false
                return response
            }
            response.body.discard()
            tried.append(next)
            route = next
        }
    }

    /// The answer to a request that no route takes.
    private func miss(_ question: RouteQuestion, _ allowed: Set<HTTPRequest.Method>) -> Response {
        let isOptions = configuration.answersOptions && question.method.matches(.options)
        // RFC 9110 section 9.3.7: an asterisk asks about the server and not about a resource.
        if isOptions, question.target.isAsterisk { return Response(.noContent) }
        guard !allowed.isEmpty else { return Response(.notFound, problem: nil) }
        var names = Set(allowed.map(\.rawValue))
        if configuration.answersOptions { names.insert(HTTPRequest.Method.options.rawValue) }
        let allow: Headers = [.allow: names.sorted().joined(separator: ", ")]
        guard isOptions else { return Response(HTTPError(.methodNotAllowed, headers: allow)) }
        var response = Response(.noContent)
        response.headers = allow
        return response
    }
}

extension Router: CustomStringConvertible {
    /// The tree of routes and parts.
    public var description: String { blueprint.description }
}
