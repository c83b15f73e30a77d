/// What a load balancer tries again, where, and how much of it.
///
/// A request is tried again only when that cannot do harm:
///
/// - what failed before a connection was open was seen by nobody, and is tried again whatever its method;
/// - what may have been seen is tried again when its method is idempotent (RFC 9110 section 9.2.2) and its body can be
///   sent from the start: empty, at hand, or recorded up to ``recordedBytes``;
/// - nothing is tried again once the head of an answer has gone to the client.
///
/// Endpoints that were tried are left out for as long as there is another. The first try on another endpoint follows at
/// once; a wait (``Backoff``) comes before an endpoint is tried for the second time. All of it counts against
/// ``budget``, so that an outage is not met with a multiple of its traffic.
///
/// ```swift
/// var configuration = LoadBalancer.Configuration()
/// configuration.retries.statuses = [500, 502, 503, 504]
/// configuration.retries.tryTimeout = .seconds(2)
/// ```
public struct RetryPolicy: Sendable {
    /// Failures without an answer that are tried again.
    public struct Conditions: OptionSet, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// No connection could be opened, or not in time.
        public static let connectFailure = Conditions(rawValue: 1)
        /// The connection ended before the head of an answer.
        public static let reset = Conditions(rawValue: 2)
        /// The head of an answer did not come in time.
        public static let timeout = Conditions(rawValue: 4)
        /// The answer broke the protocol.
        public static let malformed = Conditions(rawValue: 8)
    }

    /// The most tries after the first one; 2 unless set, 0 for none.
    public var retries = 2
    /// Failures that are tried again: all but malformed answers unless set.
    public var conditions: Conditions = [.connectFailure, .reset, .timeout]
    /// Statuses that are tried again: 502, 503 and 504 unless set. The last answer goes to the client as it is.
    public var statuses: Set<Int> = [502, 503, 504]
    /// How long one try may take to the head of its answer; no limit of its own unless set.
    public var tryTimeout: Duration?
    /// The wait before an endpoint is tried again.
    public var backoff = Backoff()
    /// The longest `Retry-After` (RFC 9110 section 10.2.3) that is waited for, when every endpoint has been tried; an
    /// answer that asks for more goes to the client. 1 second unless set.
    public var longestRetryAfter = Duration.seconds(1)
    /// The most bytes of a streamed body that are kept to be sent again; 64 KiB unless set. A longer one is not sent
    /// again once its start is gone.
    public var recordedBytes = 64 << 10
    /// How much of the traffic may be retries.
    public var budget = RetryBudget()

    public init() {}

    /// Nothing is tried again.
    public static var none: RetryPolicy {
        var policy = RetryPolicy()
        policy.retries = 0
        return policy
    }
}

extension RetryPolicy {
    func check(_ blueprint: inout Blueprint) {
        blueprint.require((0...16).contains(retries), "has \(retries) retries", mend: "give 0 to 16")
        for status in statuses.sorted() where !(400...599).contains(status) {
            blueprint.require(false, "tries again after a status of \(status)", mend: "give statuses from 400 to 599")
        }
        if let tryTimeout {
            blueprint.require(
                tryTimeout > .zero, "has a timeout for each try of \(tryTimeout)", mend: "give more than zero")
        }
        blueprint.require(
            longestRetryAfter >= .zero, "waits for a Retry-After of \(longestRetryAfter)", mend: "give zero or more")
        blueprint.require(recordedBytes >= 0, "records \(recordedBytes) bytes", mend: "give 0 or more")
        backoff.check(&blueprint)
        budget.check(&blueprint)
    }

    /// Whether a failure of that kind is tried again, were it harmless.
    func covers(_ failure: ProxyFailure) -> Bool {
        switch failure.phase {
        case .resolve, .connect: return conditions.contains(.connectFailure)
        // No place in the pool of one endpoint says nothing of the others.
        case .pool: return conditions.contains(.connectFailure) && failure.cause != .unavailable
        default: break
        }
        guard failure.side == .origin else { return false }
        return switch failure.cause {
        case .timedOut: conditions.contains(.timeout)
        case .closed: conditions.contains(.reset)
        case .malformed, .tooLarge: conditions.contains(.malformed)
        default: false
        }
    }
}
