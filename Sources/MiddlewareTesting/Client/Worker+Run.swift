import Middleware

extension Worker {
    /// Runs something on the loop.
    ///
    /// `body` is `@concurrent` so that it starts with a switch to the preferred executor: a closure that only calls on
    /// would stay on its caller's.
    @concurrent func run<Result: Sendable>(
        _ body: @concurrent () async throws -> Result
    ) async rethrows -> Result {
        try await withTaskExecutorPreference(executor) { try await body() }
    }
}
