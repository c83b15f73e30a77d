/// When a circuit breaker opens, and how it closes again.
///
/// ```swift
/// CircuitBreaking(share: 0.5, minimumRequests: 20)
/// ```
///
/// Closed, everything passes. Once too large a share of the last requests has failed it opens: for a while nothing
/// passes. Then it is half open: a few requests at a time are let through as trials. As many good ones in a row close
/// it, one bad one opens it again, for longer. (Nygard, "Release It!", 2nd edition 2018, chapter 5.)
public struct CircuitBreaking: Sendable, Hashable {
    /// The share of failures, above 0 to 1, from which on it opens.
    public var share: Double
    /// The requests in the window below which it stays closed.
    public var minimumRequests: Int
    /// What the share is taken over. 10 seconds unless set.
    public var window = Duration.seconds(10)
    /// How long it is open the first time. 5 seconds unless set; each further time doubles it.
    public var openTime = Duration.seconds(5)
    /// What that grows to at most. 1 minute unless set.
    public var maximumOpenTime = Duration.seconds(60)
    /// How long it must have been closed or half open for one doubling to be forgiven. 1 minute unless set.
    public var forgivenAfter = Duration.seconds(60)
    /// How much chance adds to the time that it is open, as a share of it from 0 to 1; 0.1 unless set.
    public var jitter = 0.1
    /// The trials, at a time and in all, that a half-open breaker allows. 3 unless set; at least 1.
    public var trials = 3
    /// The statuses that are failures, besides having no proper answer. 500, 502, 503 and 504 unless set.
    public var failureStatuses: Set<Int> = [500, 502, 503, 504]

    /// Half of at least 20 requests unless given.
    public init(share: Double = 0.5, minimumRequests: Int = 20) {
        self.share = share
        self.minimumRequests = minimumRequests
    }

    func check(_ owner: String, _ blueprint: inout Blueprint) {
        blueprint.require(
            share > 0 && share <= 1, "opens the breaker of \(owner) at a share of \(share)",
            mend: "give more than 0 and at most 1")
        blueprint.require(
            minimumRequests >= 1, "opens the breaker of \(owner) after \(minimumRequests) requests",
            mend: "give 1 or more")
        blueprint.require(
            window > .zero, "judges the breaker of \(owner) over \(window)", mend: "give more than zero")
        blueprint.require(
            openTime > .zero, "opens the breaker of \(owner) for \(openTime)", mend: "give more than zero")
        blueprint.require(
            maximumOpenTime >= openTime,
            "opens the breaker of \(owner) for \(openTime) and for \(maximumOpenTime) at most",
            mend: "give a maximum that is no less")
        blueprint.require(
            forgivenAfter > .zero, "forgives the breaker of \(owner) after \(forgivenAfter)",
            mend: "give more than zero")
        blueprint.require(
            (0...1).contains(jitter), "gives the breaker of \(owner) a jitter of \(jitter)", mend: "give 0 to 1")
        blueprint.require(
            trials >= 1, "allows the breaker of \(owner) \(trials) trials", mend: "give 1 or more")
        for status in failureStatuses.sorted() where !(200...599).contains(status) {
            blueprint.require(
                false, "counts the status \(status) as a failure for the breaker of \(owner)",
                mend: "give statuses from 200 to 599")
        }
    }
}
