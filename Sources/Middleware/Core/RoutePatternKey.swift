/// The pattern of the route that took a request, joined with those of the routes around it: `/v2/users/{id}`. It has
/// few values, whatever clients ask for, which makes it the label for metrics and logs. `nil` while no route has taken
/// the request.
public enum RoutePatternKey: ContextKey {
    public static var defaultValue: String? { nil }
}
