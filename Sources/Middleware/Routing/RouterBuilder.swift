/// Collects the routes of a ``Router``: routes and arrays of them, `if`, `if`/`else`, `switch` and `for`.
@resultBuilder public enum RouterBuilder {
    public static func buildExpression(_ route: Route) -> [Route] { [route] }

    public static func buildExpression(_ routes: [Route]) -> [Route] { routes }

    public static func buildBlock(_ routes: [Route]...) -> [Route] { routes.flatMap { $0 } }

    public static func buildOptional(_ routes: [Route]?) -> [Route] { routes ?? [] }

    public static func buildEither(first routes: [Route]) -> [Route] { routes }

    public static func buildEither(second routes: [Route]) -> [Route] { routes }

    public static func buildArray(_ routes: [[Route]]) -> [Route] { routes.flatMap { $0 } }
}
