/// The route in whose braces parts are being made: what a router and the routes inside it learn about where they stand.
struct RouteScope: Sendable {
    /// The pattern of the route, from the root.
    let pattern: RoutePattern
    /// Whether a miss inside goes on with the next route outside.
    let fallsThrough: Bool

    /// Bound while a route's closure runs, which is when a gateway is composed and never when it serves.
    @TaskLocal static var current: RouteScope?
}
