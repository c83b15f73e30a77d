public import ServiceLifecycle

/// A background service that needs the clock, the chance or the sockets of the runtime it belongs to: probes, discovery.
///
/// A handler names it in its blueprint. A server runs it on its own runtime, a test client on the runtime of the test.
///
/// ```swift
/// final class Refresh: RuntimeService {
///     func run(on runtime: Runtime) async throws {
///         while !Task.isShuttingDownGracefully { … }
///     }
/// }
/// ```
public protocol RuntimeService: Service {
    /// Does its work until a graceful shutdown or the cancellation of its task.
    func run(on runtime: Runtime) async throws
}

extension RuntimeService {
    /// On a runtime of its own: for whoever runs it without a server.
    public func run() async throws { try await run(on: Runtime()) }
}
