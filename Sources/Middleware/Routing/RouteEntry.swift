/// A route as it is served. One reference, so that handing it on copies little.
final class RouteEntry: MatchedRoute {
    /// The place among the routes.
    let number: Int
    /// What it throws is answered by who calls it.
    let chosen: ChosenHandler
    let patternText: String
    let parameters: [RouteParameter]
    let predicate: RoutePredicate.Term
    /// Whether the request goes on when the router inside misses.
    let fallsThrough: Bool
    /// Whether a router stands inside that has to see what this one saw.
    let hasRouterInside: Bool
    /// What is counted of it.
    let series: RouteSeries

    init(_ route: Route, number: Int) {
        self.number = number
        chosen = ChosenHandler(route.pipeline.unanswered)
        patternText = route.pattern.text
        parameters = route.pattern.segments.enumerated().compactMap { number, segment in
            if case .parameter(let name) = segment { RouteParameter(name: name, segment: number) } else { nil }
        }
        predicate = route.predicate.term
        fallsThrough = route.fallsThrough
        hasRouterInside = route.hasRouterInside
        series = RouteSeries(route.pattern.text)
    }
}
