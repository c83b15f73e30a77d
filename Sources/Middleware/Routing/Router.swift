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
/// ## Metrics
/// The outermost router counts each request once, under the pattern of the innermost route that had it, joined with
/// those around it: `middleware_router_requests_total` by route and class of status, as the answer leaves this router,
/// and `middleware_router_request_duration_seconds` by route. What no route took has the route `none`.
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
    private let dispatch: RouteDispatch

    /// A router of these routes, with that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration = Configuration(), @RouterBuilder _ routes: () -> [Route]) {
        self.init(routes(), configuration)
    }

    /// A router of routes in an array.
    public init(_ routes: [Route], _ configuration: Configuration = Configuration()) {
        self.init(routes, configuration, recorder: RouterMetric.recorder)
    }

    package init(_ routes: [Route], _ configuration: Configuration = Configuration(), recorder: RouteRecorder) {
        self.routes = routes
        let scope = RouteScope.current
        scope?.noteRouter()
        dispatch = RouteDispatch(
            RouteTable(routes, answersHead: configuration.answersHead),
            in: scope,
            answersOptions: configuration.answersOptions,
            recorder
        )
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint(
            "Router",
            placement: Placement(follows: dispatch.table.asksForClient ? ["client address"] : []),
            children: routes.map { ($0.description, $0.pipeline.blueprint) }
        )
        blueprint.require(!routes.isEmpty, "has no routes", mend: "give it one")
        for route in routes {
            for fault in route.faults { blueprint.require(false, fault.problem, mend: fault.mend) }
        }
        for (left, right) in dispatch.table.ties {
            blueprint.require(
                false,
                "has two routes for the same requests, \(routes[left]) and \(routes[right])",
                mend: "remove one, or tell them apart by host, path, method or one more predicate"
            )
        }
        if let scope = dispatch.scope, scope.pattern.fault == nil {
            // Those that were made in the same braces are joined with it and have been told of.
            for route in routes where route.pattern.fault == nil && !scope.pattern.overlaps(route.pattern) {
                blueprint.require(
                    false,
                    "has the pattern \(route.pattern), which matches nothing that the route \(scope.pattern) around it takes",
                    mend: "make the route in the braces of that one, or make this router outside of them"
                )
            }
        }
        blueprint.preview = { [self] request in
            guard !dispatch.table.asksForClient else { return .unknown }
            // Whether a router further in misses is not known here.
            if let route = best(for: request) { return routes[route].fallsThrough ? .unknown : .takes(route) }
            return .answers(dispatch.miss(request.head, allowed(for: request)).status)
        }
        return blueprint
    }

    /// Which of ``routes`` takes a request, as the outermost router sees it; `nil` for a miss.
    package func best(for request: Request, client: SocketAddress? = nil) -> Int? {
        dispatch.table.best(request.head, request.head, client)?.number
    }

    /// The methods with which a request would be taken, OPTIONS only if a route takes it by name.
    package func allowed(for request: Request, client: SocketAddress? = nil) -> Set<HTTPRequest.Method> {
        dispatch.table.allowed(request.head, request.head, client)
    }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        let chosen = choose(for: request, context: context)
        do {
            return try await chosen.handler.handle(request, context: context)
        } catch {
            guard !error.isCancellation else { throw error }
            return Response(answering: error, context: context)
        }
    }
}

extension Router: ChoosingHandler {
    package func choose(for request: borrowing Request, context: RequestContext) -> ChosenHandler {
        dispatch.choose(for: request.head, context)
    }
}

extension Router: CustomStringConvertible {
    /// The tree of routes and parts.
    public var description: String { blueprint.description }
}
