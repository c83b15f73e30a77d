/// Asks every endpoint at intervals whether it is well, whether or not there is traffic.
///
/// ```swift
/// Cluster("users", endpoints: […], activeHealth: .http(path: "/healthz", every: .seconds(5)))
/// ```
/// Customised:
/// ```swift
/// var health = ActiveHealth.http(path: "/ready", every: .seconds(2), expecting: [200...200])
/// health.unhealthyInterval = .milliseconds(500)
/// health.failuresUntilUnhealthy = 2
/// ```
///
/// An endpoint changes its state after so many results in a row that say otherwise, so that one lost packet removes
/// nobody and one lucky answer brings nobody back. The first result of all decides alone, in either direction: nothing
/// is known before it that could be weighed against it (so do Envoy and HAProxy). Until then an endpoint counts as
/// ``assumesHealthy`` says.
///
/// The first probe comes within one ``interval`` of the endpoint's joining, at a random time, so that neither the
/// endpoints of a cluster nor the instances of a gateway probe in step.
///
/// It costs one connection and one exchange for each endpoint and interval, and nothing on the path of a request.
public struct ActiveHealth: Sendable {
    /// What asks.
    public var probe: any HealthProbe
    /// From the end of one probe to the start of the next.
    public var interval: Duration
    /// The same while the endpoint is unhealthy; ``interval`` unless set. Shorter finds a return sooner.
    public var unhealthyInterval: Duration?
    /// How much of an interval chance takes away or adds, from 0 to 1; 0.1 unless set.
    public var jitter = 0.1
    /// How long one probe may take, connecting included. 2 seconds unless set.
    public var timeout = Duration.seconds(2)
    /// The passes in a row that make an unhealthy endpoint healthy. 2 unless set; at least 1.
    public var passesUntilHealthy = 2
    /// The failures in a row that make a healthy endpoint unhealthy. 3 unless set; at least 1.
    public var failuresUntilUnhealthy = 3
    /// Whether an endpoint gets traffic before its first result. `true` unless set: a gateway that starts serves at
    /// once, and what a bad endpoint then fails is seen by the evidence of traffic.
    public var assumesHealthy = true

    /// Probes at intervals; bad values are reported by the composition.
    public init(_ probe: any HealthProbe, every interval: Duration) {
        self.probe = probe
        self.interval = interval
    }

    /// Asks by a request; see ``HTTPProbe`` for what passes.
    ///
    /// - Parameters:
    ///   - path: the path, with a query if need be.
    ///   - interval: from one probe to the next.
    ///   - statuses: the ranges of statuses that pass; 200 to 299 unless given.
    public static func http(
        path: String, every interval: Duration, expecting statuses: [ClosedRange<Int>] = [200...299]
    ) -> ActiveHealth {
        ActiveHealth(HTTPProbe(path, expecting: statuses), every: interval)
    }

    /// Asks by opening a connection; see ``TCPProbe``.
    public static func tcp(every interval: Duration) -> ActiveHealth { ActiveHealth(TCPProbe(), every: interval) }

    /// Asks by a function, which returns when the endpoint is well and throws when it is not; see
    /// ``HealthProbe/probe(_:on:)``.
    public static func custom(
        every interval: Duration,
        name: String,
        _ probe: @escaping @Sendable (_ endpoint: Endpoint, _ runtime: Runtime) async throws -> Void
    ) -> ActiveHealth {
        ActiveHealth(CustomProbe(name: name, body: probe), every: interval)
    }

    package func check(_ blueprint: inout Blueprint) {
        blueprint.require(interval > .zero, "probes every \(interval)", mend: "give more than zero")
        if let unhealthyInterval {
            blueprint.require(
                unhealthyInterval > .zero, "probes the unhealthy every \(unhealthyInterval)",
                mend: "give more than zero")
        }
        blueprint.require(timeout > .zero, "gives a probe \(timeout)", mend: "give more than zero")
        blueprint.require((0...1).contains(jitter), "has a jitter of \(jitter)", mend: "give 0 to 1")
        blueprint.require(
            passesUntilHealthy >= 1, "takes \(passesUntilHealthy) passes for health", mend: "give 1 or more")
        blueprint.require(
            failuresUntilUnhealthy >= 1, "takes \(failuresUntilUnhealthy) failures for illness",
            mend: "give 1 or more")
        probe.check(&blueprint)
    }
}
