/// One way through an ``SNIRouter``: server names, and who takes the connections that ask for them.
///
/// ```swift
/// SNIRoute("example.com", "*.example.com") { site }
/// SNIRoute("*") { fallback }
/// ```
///
/// - `example.com` is that name;
/// - `*.example.com` is any name below it, at whatever depth, and not `example.com` itself;
/// - `*` is every name that no other route takes, and a client that names none.
///
/// Case makes no difference. Text that is no name is a problem of the router's composition.
public struct SNIRoute: Sendable {
    /// The names as they were written.
    public let names: [String]
    let handler: any ConnectionHandler

    /// A route for at least one name.
    public init(_ names: String..., handler: () -> any ConnectionHandler) {
        self.names = names
        self.handler = handler()
    }
}

/// Collects the routes of an ``SNIRouter``: routes and arrays of them, `if`, `if`/`else`, `switch` and `for`.
@resultBuilder public enum SNIRouterBuilder {
    public static func buildExpression(_ route: SNIRoute) -> [SNIRoute] { [route] }

    public static func buildExpression(_ routes: [SNIRoute]) -> [SNIRoute] { routes }

    public static func buildBlock(_ routes: [SNIRoute]...) -> [SNIRoute] { routes.flatMap { $0 } }

    public static func buildOptional(_ routes: [SNIRoute]?) -> [SNIRoute] { routes ?? [] }

    public static func buildEither(first routes: [SNIRoute]) -> [SNIRoute] { routes }

    public static func buildEither(second routes: [SNIRoute]) -> [SNIRoute] { routes }

    public static func buildArray(_ routes: [[SNIRoute]]) -> [SNIRoute] { routes.flatMap { $0 } }
}
