/// Answers 503 while the event loop of a request lags behind, so that those who are let in get an answer in time.
///
/// A loop that is asked for more than it can do answers nobody well: every request waits behind all others. How far it
/// is behind shows in how long it takes to come back to something that it was just asked to do. This is measured on
/// each loop by itself, at most once in `interval` and only while requests come, so an idle gateway is never woken up
/// for it. A lag of `threshold` or more, `measurements` times in a row, has new requests refused on that loop; one of
/// `recovery` or less ends that, and so does silence. In between it goes on as it was, so that it does not flutter.
///
/// It refuses new requests and leaves those alone that are under way. It does not see that an origin is slow, since a
/// loop that waits does not lag: that is a matter of ``ConcurrencyLimit`` and ``Timeout``. A lag comes from too much
/// traffic for the machine, or from a handler that computes or blocks on the loop (``RequestContext/offload(_:)`` is
/// for those).
///
/// ## Placement
/// Outermost but for what has to see refusals as well, such as logs.
///
/// ## Example
/// ```swift
/// LoadShedder()
/// ```
/// Customised, so that probes are answered whatever happens:
/// ```swift
/// var configuration = LoadShedder.Configuration()
/// configuration.threshold = .milliseconds(250)
/// configuration.recovery = .milliseconds(50)
/// configuration.spares = { request in request.path == "/healthz" }
/// LoadShedder(configuration)
/// ```
public struct LoadShedder: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// The lag from which on requests are refused. 100 milliseconds unless set.
        public var threshold = Duration.milliseconds(100)
        /// The lag down to which they stay refused. 25 milliseconds unless set; not above the threshold.
        public var recovery = Duration.milliseconds(25)
        /// How many measurements in a row reach the threshold before requests are refused. 2 unless set, which forgives
        /// a single one.
        public var measurements = 2
        /// The least time between two measurements. 50 milliseconds unless set. What was measured more than 20 of these
        /// ago is not believed any more.
        public var interval = Duration.milliseconds(50)
        /// What `Retry-After` says. 1 second unless set; rounded up to whole seconds.
        public var retryAfter = Duration.seconds(1)
        /// Which requests pass even so. `nil`, the default, is none.
        public var spares: (@Sendable (Request) -> Bool)?

        public init() {}
    }

    private let configuration: Configuration
    private let limits: LoopLag.Limits
    private let lags = LoopLocal<LoopLag>()

    /// With that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        limits = LoopLag.Limits(
            threshold: configuration.threshold.nanoseconds,
            recovery: configuration.recovery.nanoseconds,
            measurements: configuration.measurements,
            interval: configuration.interval.nanoseconds
        )
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("LoadShedder")
        blueprint.preview = { _ in .unknown }
        blueprint.require(
            configuration.threshold > .zero,
            "has a threshold of \(configuration.threshold)",
            mend: "give more than zero"
        )
        blueprint.require(
            configuration.recovery >= .zero && configuration.recovery <= configuration.threshold,
            "has a recovery of \(configuration.recovery)",
            mend: "give zero or more, and no more than the threshold of \(configuration.threshold)"
        )
        blueprint.require(
            configuration.measurements > 0,
            "waits for \(configuration.measurements) measurements",
            mend: "give 1 or more"
        )
        blueprint.require(
            configuration.interval > .zero,
            "has an interval of \(configuration.interval)",
            mend: "give more than zero"
        )
        blueprint.require(
            configuration.retryAfter >= .zero,
            "has a retryAfter of \(configuration.retryAfter)",
            mend: "give zero or more"
        )
        return blueprint
    }

    @inline(__always)
    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        let worker = context.worker
        // Elsewhere nothing is known of the loop.
        guard worker.isCurrent else { return nil }
        let lag = lags.value(on: worker) { LoopLag() }
        if lag.isDue(on: worker) { lag.measure(on: worker, limits) }
        return lag.isShedding ? refusal(of: request) : nil
    }

    @inline(never)
    private func refusal(of request: Request) -> Response? {
        guard configuration.spares?(request) != true else { return nil }
        LimitMetric.refused[.lag].increment()
        return .unavailable("too much to do at the moment", retryAfter: configuration.retryAfter)
    }
}
