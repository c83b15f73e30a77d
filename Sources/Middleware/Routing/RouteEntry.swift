/// A route as it is served. One reference, so that handing it on copies little.
final class RouteEntry: Sendable {
    let handler: any Handler
    let pattern: RoutePattern
    let predicate: RoutePredicate.Term
    /// Whether the pattern has parameters.
    let hasParameters: Bool
    /// Whether the request goes on when the router inside misses.
    let fallsThrough: Bool
    /// Whether a router stands inside that has to see what this one saw.
    let hasRouterInside: Bool
    /// What is counted of it.
    let series: RouteSeries

    init(_ route: Route) {
        handler = route.pipeline.first
        pattern = route.pattern
        predicate = route.predicate.term
        hasParameters = route.pattern.segments.contains { if case .parameter = $0 { true } else { false } }
        fallsThrough = route.fallsThrough
        hasRouterInside = route.hasRouterInside
        series = RouteSeries(route.pattern.text)
    }
}
