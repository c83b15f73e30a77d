/// Asks one endpoint whether it is well, on a connection of its own.
///
/// ```swift
/// struct Replication: HealthProbe {
///     let name = "replication"
///     func probe(_ endpoint: Endpoint, on runtime: Runtime) async throws {
///         guard try await lag(of: endpoint) < .seconds(2) else { throw ProbeFailure("replication lags") }
///     }
/// }
/// ```
///
/// Built in are ``HTTPProbe`` and ``TCPProbe``. How often it runs, how long it may take and how many results change
/// anything is the business of ``ActiveHealth``.
public protocol HealthProbe: Sendable {
    /// Returns when the endpoint is well; throws, best a ``ProbeFailure``, when it is not.
    ///
    /// Called from any thread, for one endpoint by one at a time. When the time is up its task is cancelled, and the
    /// probe has failed whatever it does then; the next begins once this one has returned.
    func probe(_ endpoint: Endpoint, on runtime: Runtime) async throws

    /// What events and printed clusters call it. The type's name unless implemented.
    var name: String { get }

    /// Notes what is wrong with its configuration. Nothing unless implemented.
    func check(_ blueprint: inout Blueprint)
}

extension HealthProbe {
    public var name: String { "\(Self.self)" }

    public func check(_ blueprint: inout Blueprint) {}
}

/// Why a probe failed. The reason appears in events and logs.
public struct ProbeFailure: Error, Hashable, CustomStringConvertible {
    /// What the endpoint did, in a few words.
    public var reason: String

    public init(_ reason: String) { self.reason = reason }

    public var description: String { reason }
}

/// A probe that is a function.
struct CustomProbe: HealthProbe {
    let name: String
    let body: @Sendable (Endpoint, Runtime) async throws -> Void

    func probe(_ endpoint: Endpoint, on runtime: Runtime) async throws { try await body(endpoint, runtime) }
}
