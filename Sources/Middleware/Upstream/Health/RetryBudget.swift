import Synchronization

/// How many retries there may be: a share of the requests, and a few a second besides for when there are few requests.
///
/// ```swift
/// RetryBudget(share: 0.2, minimumPerSecond: 10)
/// ```
///
/// Where each request may be tried again a fixed number of times, an outage multiplies the traffic just when there is
/// too little capacity for it. With a budget it grows by the share and no more, however many requests fail. Hedges are
/// retries as far as it is concerned.
///
/// Each request that is not a retry deposits its share, each retry withdraws one; both are forgotten after the
/// ``window``. So, over any window, there are no more retries than the share of the requests of a window and a tenth,
/// plus the minimum. A retry that finds too little is not made, and the answer or the failure at hand stands.
///
/// A reference: clusters that are given the same one share it. It costs an atomic addition for each request. Safe to
/// use from any thread. Sources: Finagle's `RetryBudget`, tower's `Budget`, Envoy's retry budgets.
public final class RetryBudget: Sendable {
    /// The retries for each request.
    public let share: Double
    /// The retries a second that there may be in any case, saved up over a window.
    public let minimumPerSecond: Double
    /// How long requests and retries are remembered.
    public let window: Duration
    private let isUnlimited: Bool
    private let reserve: Double
    /// Requests and retries.
    private let counts: SlidingCounts

    /// A budget.
    ///
    /// - Parameters:
    ///   - share: the retries for each request, 0.2 unless given. More than 1 allows more retries than requests.
    ///   - minimumPerSecond: the retries that there may be in any case, 10 a second unless given.
    ///   - window: how long requests and retries are remembered, 10 seconds unless given.
    public init(share: Double = 0.2, minimumPerSecond: Double = 10, window: Duration = .seconds(10)) {
        self.share = share
        self.minimumPerSecond = minimumPerSecond
        self.window = window
        isUnlimited = false
        reserve = minimumPerSecond * (Double(window.nanoseconds) / 1e9)
        counts = SlidingCounts(window: window.nanoseconds)
    }

    private init(isUnlimited: Bool) {
        share = 0
        minimumPerSecond = 0
        window = .seconds(10)
        self.isUnlimited = isUnlimited
        reserve = 0
        counts = SlidingCounts(window: window.nanoseconds)
    }

    /// No retries at all.
    public static var none: RetryBudget { RetryBudget(isUnlimited: false) }

    /// As many as the other rules allow.
    public static var unlimited: RetryBudget { RetryBudget(isUnlimited: true) }

    /// A request that is not a retry.
    @inline(__always)
    package func deposit(at now: Int64) { if share > 0 { counts.add(at: now) } }

    /// Whether a retry may be made; it is counted then.
    package func withdraw(at now: Int64) -> Bool {
        if isUnlimited { return true }
        let isAllowed = counts.addSecond(at: now) { Double($0.second + 1) <= Double($0.first) * share + reserve }
        if !isAllowed { HealthMetric.retriesRefused.increment() }
        return isAllowed
    }

    package func check(_ blueprint: inout Blueprint) {
        blueprint.require(
            share >= 0 && share.isFinite, "has a retry budget of \(share) for each request", mend: "give 0 or more")
        blueprint.require(
            minimumPerSecond >= 0 && minimumPerSecond.isFinite,
            "has a retry budget of \(minimumPerSecond) a second", mend: "give 0 or more")
        blueprint.require(window > .zero, "has a retry budget over \(window)", mend: "give more than zero")
    }
}
