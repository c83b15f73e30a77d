/// Collects the stages of a ``Pipeline``: middlewares and arrays of them, `if`, `if`/`else`, `switch` and `for` around
/// middlewares, `if`/`else` around handlers, and one handler at the end.
@resultBuilder public enum PipelineBuilder {
    public static func buildExpression(_ middleware: some Middleware) -> [any Middleware] { [middleware] }

    public static func buildExpression(_ middlewares: [any Middleware]) -> [any Middleware] { middlewares }

    @_disfavoredOverload public static func buildExpression(_ handler: some Handler) -> any Handler { handler }

    public static func buildPartialBlock(first: [any Middleware]) -> [any Middleware] { first }

    public static func buildPartialBlock(first: any Handler) -> Pipeline { Pipeline([], endingIn: first) }

    public static func buildPartialBlock(first: Pipeline) -> Pipeline { first }

    public static func buildPartialBlock(accumulated: [any Middleware], next: [any Middleware]) -> [any Middleware] {
        accumulated + next
    }

    public static func buildPartialBlock(accumulated: [any Middleware], next: any Handler) -> Pipeline {
        Pipeline(accumulated, endingIn: next)
    }

    public static func buildOptional(_ middlewares: [any Middleware]?) -> [any Middleware] { middlewares ?? [] }

    public static func buildEither(first middlewares: [any Middleware]) -> [any Middleware] { middlewares }

    public static func buildEither(second middlewares: [any Middleware]) -> [any Middleware] { middlewares }

    public static func buildEither(first handler: Pipeline) -> any Handler { handler }

    public static func buildEither(second handler: Pipeline) -> any Handler { handler }

    public static func buildEither(first handler: any Handler) -> any Handler { handler }

    public static func buildEither(second handler: any Handler) -> any Handler { handler }

    public static func buildArray(_ middlewares: [[any Middleware]]) -> [any Middleware] { middlewares.flatMap { $0 } }

    public static func buildFinalResult(_ pipeline: Pipeline) -> Pipeline { pipeline }
}
