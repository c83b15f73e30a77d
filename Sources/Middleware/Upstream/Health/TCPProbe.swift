/// Asks an endpoint by opening a connection, which is closed at once without a byte.
///
/// It proves that somebody listens and that the way there is open, not that anybody answers: a process that hangs
/// passes it for as long as the kernel has room in its queue. Prefer ``HTTPProbe`` where HTTP is spoken.
public struct TCPProbe: HealthProbe {
    public init() {}

    public var name: String { "TCP" }

    public func probe(_ endpoint: Endpoint, on runtime: Runtime) async throws {
        try await ProbeConnection.run(to: endpoint, on: runtime, asking: nil)
    }
}
