/// Puts endpoints out whose traffic shows that they are ill, for a while that grows with each time.
///
/// ```swift
/// Cluster("users", endpoints: […], passiveHealth: .ejecting(afterConsecutiveFailures: 5))
/// ```
/// Customised:
/// ```swift
/// var health = PassiveHealth()
/// health.failureStatuses.insert(500)
/// health.responseTime = PassiveHealth.Outliers(margin: 2, minimumEndpoints: 5)
/// health.maximumEjected = 0.3
/// ```
///
/// Four detectors, each of which can be left out:
/// - failures in a row, which act at once;
/// - the share of failures among the requests of a ``window``;
/// - a share of errors far above that of the other endpoints;
/// - answers far slower than those of the other endpoints. Off unless set: what is slow still answers, and most
///   policies send it less by themselves.
///
/// **What counts.** No connection, a connection that broke off, a time limit and a malformed answer are failures, and
/// so are ``failureStatuses``: by default 502, 503 and 504, what a server says that cannot serve. 500 is not among
/// them, because it may be the request's doing: whoever finds a request that makes the application throw could put out
/// one endpoint after the other with it. It does count where endpoints are compared, since such a request fails on all
/// of them alike (``errorStatuses``): an endpoint that answers 500 to a third of what the others answer well is put
/// out.
///
/// **What is left.** No more than ``maximumEjected`` of the endpoints are out at a time, and never the last one.
///
/// The detectors are those of Envoy's outlier detection; the comparison is another one. Envoy puts out what lies some
/// standard deviations below the mean, but among n values none lies more than √(n − 1) of them away, 1.41 among three,
/// and two that are ill hide each other. Here median and median absolute deviation take their place (Hampel 1974; Leys
/// et al., "Detecting outliers", 2013).
///
/// It costs an atomic addition for each request, and a pass over the endpoints at each ``interval``.
public struct PassiveHealth: Sendable {
    /// When the share of failures is too high.
    public struct FailureRate: Sendable, Hashable {
        /// The share of failures, above 0 to 1, from which on an endpoint is put out.
        public var share: Double
        /// The requests in the window below which nothing is concluded.
        public var minimumRequests: Int

        /// Half of at least 20 requests unless given.
        public init(share: Double = 0.5, minimumRequests: Int = 20) {
            self.share = share
            self.minimumRequests = minimumRequests
        }
    }

    /// When an endpoint does so much worse than the others that it is put out.
    public struct Outliers: Sendable, Hashable {
        /// How many standard deviations, estimated from the median absolute deviation, it must be away from the median.
        public var factor: Double
        /// How far away it must be in any case. Of success rates the difference, 0.1 being ten in a hundred; of
        /// response times the share of the median on top of it, 1 being twice as long.
        public var margin: Double
        /// The endpoints with enough requests below which nothing is compared; at least 3, as of two that differ nobody
        /// can say which is right.
        public var minimumEndpoints: Int
        /// The requests of an endpoint in the window below which it is left out of the comparison.
        public var minimumRequests: Int

        /// 3 deviations, among 3 endpoints or more with 50 requests each, unless given.
        public init(
            factor: Double = 3, margin: Double, minimumEndpoints: Int = 3, minimumRequests: Int = 50
        ) {
            self.factor = factor
            self.margin = margin
            self.minimumEndpoints = minimumEndpoints
            self.minimumRequests = minimumRequests
        }
    }

    /// The failures in a row that put an endpoint out. 5 unless set; `nil` does not count them.
    public var consecutiveFailures: Int? = 5
    /// The share of failures that does. Half of at least 20 requests unless set; `nil` for none.
    public var failureRate: FailureRate? = FailureRate()
    /// The distance in success rate that does. A margin of 0.1 unless set; `nil` for none.
    public var successRate: Outliers? = Outliers(margin: 0.1)
    /// The distance in response time that does. `nil`, none, unless set.
    public var responseTime: Outliers?
    /// The statuses that are failures. 502, 503 and 504 unless set.
    public var failureStatuses: Set<Int> = [502, 503, 504]
    /// The statuses that count, besides the failures, where success rates are compared. 500 unless set.
    public var errorStatuses: Set<Int> = [500]
    /// What shares and averages are taken over. 10 seconds unless set; at least ``interval``.
    public var window = Duration.seconds(10)
    /// From one comparison to the next; endpoints return then as well. 1 second unless set.
    public var interval = Duration.seconds(1)
    /// How long an endpoint is out the first time. 10 seconds unless set; each further time doubles it.
    public var ejectionTime = Duration.seconds(10)
    /// What that grows to at most. 5 minutes unless set.
    public var maximumEjectionTime = Duration.seconds(300)
    /// How long an endpoint must have served for one doubling to be forgiven. 1 minute unless set.
    public var forgivenAfter = Duration.seconds(60)
    /// How much chance adds to a time out, as a share of it from 0 to 1; 0.1 unless set. Endpoints that were put out
    /// together do not come back together.
    public var jitter = 0.1
    /// The share of the endpoints that may be out at a time, from 0 to 1, rounded up to whole endpoints; 0.5 unless
    /// set. One endpoint always remains.
    public var maximumEjected = 0.5

    /// The defaults.
    public init() {}

    /// The defaults with another number of failures in a row.
    public static func ejecting(afterConsecutiveFailures count: Int) -> PassiveHealth {
        var health = PassiveHealth()
        health.consecutiveFailures = count
        return health
    }

    /// No detector at all.
    public static var off: PassiveHealth {
        var health = PassiveHealth()
        health.consecutiveFailures = nil
        health.failureRate = nil
        health.successRate = nil
        return health
    }

    /// Whether no detector is on, so that nothing need be recorded.
    package var isOff: Bool {
        consecutiveFailures == nil && failureRate == nil && successRate == nil && responseTime == nil
    }
}
