public import HTTPTypes

/// One way through a ``Router``: which requests it takes, and what they go through.
///
/// ```swift
/// Route("/v2/users/**") {
///     RequestLimit()
///     ReverseProxy(to: "http://127.0.0.1:9000")
/// }
/// Route(.get, "/healthz") { HandlerFunction { _, _ in Response(.ok) } }
/// Route([.get, .post], "/search", hosts: ["*.example.com"], where: .query("q")) { … }
/// ```
///
/// A route without methods takes all of them. One that takes GET takes HEAD as well, unless another takes HEAD by name.
///
/// Bad patterns, hosts and predicates are reported by the blueprint of the router.
public struct Route: Sendable {
    /// The pattern, joined with that of the route around it.
    public let pattern: RoutePattern
    /// The methods that it takes; `nil` for all.
    public let methods: [HTTPRequest.Method]?
    /// The hosts that it takes; empty for all.
    public let hosts: [HostPattern]
    /// What it asks for besides.
    public let predicate: RoutePredicate
    /// Whether a request that the router inside has no route for goes on with the next best route outside.
    public let fallsThrough: Bool
    let pipeline: Pipeline
    /// Where it stands; `nil` outside of any route.
    private let scope: RouteScope?
    /// Whether a router was made in its braces.
    let hasRouterInside: Bool

    /// A route for every method.
    ///
    /// - Parameters:
    ///   - pattern: the paths.
    ///   - hosts: the hosts; all unless given.
    ///   - predicate: what is asked besides; nothing unless given.
    ///   - fallsThrough: whether a miss of the router inside goes on with the next best route of this one's router,
    ///     with the request as it came to that router. It must have left the body alone by then. `false` unless given:
    ///     the miss is answered.
    ///   - stages: middlewares and a handler.
    public init(
        _ pattern: RoutePattern,
        hosts: [HostPattern] = [],
        where predicate: RoutePredicate = .always,
        fallsThrough: Bool = false,
        @PipelineBuilder _ stages: () -> Pipeline
    ) {
        self.init(methods: nil, pattern, hosts, predicate, fallsThrough, stages)
    }

    /// A route for one method; see ``init(_:hosts:where:fallsThrough:_:)``.
    public init(
        _ method: HTTPRequest.Method,
        _ pattern: RoutePattern,
        hosts: [HostPattern] = [],
        where predicate: RoutePredicate = .always,
        fallsThrough: Bool = false,
        @PipelineBuilder _ stages: () -> Pipeline
    ) {
        self.init(methods: [method], pattern, hosts, predicate, fallsThrough, stages)
    }

    /// A route for several methods, at least one; see ``init(_:hosts:where:fallsThrough:_:)``.
    public init(
        _ methods: [HTTPRequest.Method],
        _ pattern: RoutePattern,
        hosts: [HostPattern] = [],
        where predicate: RoutePredicate = .always,
        fallsThrough: Bool = false,
        @PipelineBuilder _ stages: () -> Pipeline
    ) {
        self.init(methods: methods, pattern, hosts, predicate, fallsThrough, stages)
    }

    private init(
        methods: [HTTPRequest.Method]?,
        _ pattern: RoutePattern,
        _ hosts: [HostPattern],
        _ predicate: RoutePredicate,
        _ fallsThrough: Bool,
        _ stages: () -> Pipeline
    ) {
        scope = RouteScope.current
        let joined = pattern.joined(to: scope?.pattern)
        self.pattern = joined
        self.methods = methods
        self.hosts = hosts
        self.predicate = predicate
        self.fallsThrough = fallsThrough
        let inside = RouteScope(
            pattern: joined, methods: methods, hosts: hosts, fallsThrough: fallsThrough, in: scope)
        pipeline = RouteScope.$current.withValue(inside) { stages() }
        hasRouterInside = inside.hasRouter
    }

    /// What is wrong with it on its own.
    var faults: [RouteFault] {
        var faults: [RouteFault] = []
        if let fault = pattern.fault { faults.append(fault) }
        if methods?.isEmpty == true {
            faults.append(RouteFault("has a route \(pattern) for no method", mend: "name one, or leave methods out"))
        }
        faults += hosts.compactMap(\.fault)
        if let fault = predicate.term.fault { faults.append(fault) }
        if fallsThrough, !hasRouterInside {
            faults.append(
                RouteFault(
                    "has a route \(pattern) that falls through, and no router was made in its braces",
                    mend: "make the router there, or leave fallsThrough out"
                )
            )
        }
        if let fault = scope?.fault(ofRoute: pattern, methods, hosts) { faults.append(fault) }
        return faults
    }
}

extension Route: CustomStringConvertible {
    /// Methods, hosts, pattern and predicate, as far as there are any: `GET example.com /a if header x-beta`.
    public var description: String {
        var words: [String] = []
        if let methods { words.append(methods.map(\.rawValue).joined(separator: "|")) }
        if !hosts.isEmpty { words.append(hosts.map(\.text).joined(separator: "|")) }
        words.append(pattern.text)
        if predicate.term.weight > 0 { words.append("if \(predicate)") }
        return words.joined(separator: " ")
    }
}
