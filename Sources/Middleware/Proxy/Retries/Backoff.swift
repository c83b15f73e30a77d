/// Waits that grow: a random one of up to `base`, of up to twice as long for the next, up to `longest`.
///
/// "Full jitter" of M. Brooker, "Exponential Backoff And Jitter", 2015: requests that failed together do not come back
/// together.
public struct Backoff: Sendable, Hashable {
    /// The bound of the first wait; 25 milliseconds unless set.
    public var base = Duration.milliseconds(25)
    /// The bound of any wait; 250 milliseconds unless set.
    public var longest = Duration.milliseconds(250)

    public init(base: Duration = .milliseconds(25), longest: Duration = .milliseconds(250)) {
        self.base = base
        self.longest = longest
    }

    /// The wait before try number `number`, the first of which is 1.
    package func wait(before number: Int, random: inout some RandomNumberGenerator) -> Duration {
        let (first, most) = (max(0, base.nanoseconds), max(0, longest.nanoseconds))
        let doublings = min(max(0, number - 1), 62)
        let (grown, overflow) = first.multipliedReportingOverflow(by: 1 << Int64(doublings))
        let bound = overflow ? most : min(grown, most)
        return .nanoseconds(Int64.random(in: 0...bound, using: &random))
    }

    func check(_ blueprint: inout Blueprint) {
        blueprint.require(base >= .zero, "has a first wait of \(base)", mend: "give zero or more")
        blueprint.require(longest >= base, "has a longest wait of \(longest)", mend: "give \(base) or more")
    }
}
