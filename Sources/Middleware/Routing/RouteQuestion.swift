/// What decides about a route besides predicates on fields and the client: method, host and target, as the outermost
/// router saw them.
///
/// Unchecked because a head is edited only by one who holds it alone (``Request``), and so by nobody while this is kept:
/// reading it is safe from any thread.
struct RouteQuestion: @unchecked Sendable {
    let head: Request.Head
}

/// The question of a router that has others inside, while it waits for them: behind that nothing may keep a request's
/// bytes.
enum RouteQuestionKey: ContextKey {
    static var defaultValue: RouteQuestion? { nil }
}

/// The innermost route that has the request, where requests are counted.
enum RouteEntryKey: ContextKey {
    static var defaultValue: RouteEntry? { nil }
}

/// Whether the router inside a route that falls through has found nothing.
enum RouteMissKey: ContextKey {
    static var defaultValue: Bool { false }
}
