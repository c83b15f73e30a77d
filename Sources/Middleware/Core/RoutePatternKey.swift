/// The pattern of the route that took a request, joined with those of the routes around it: `/v2/users/{id}`. It has
/// few values, whatever clients ask for, which makes it the label for metrics and logs. `nil` while no route has taken
/// the request, and once the exchange is over. What is set stands, whatever routes the request comes to.
public enum RoutePatternKey: ContextKey {
    public static var defaultValue: String? { nil }

    public static func defaultValue(in context: RequestContext) -> String? { context.match.route?.patternText }
}
