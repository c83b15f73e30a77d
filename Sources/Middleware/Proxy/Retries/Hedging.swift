/// A second try of a request that takes long, on another endpoint; the first answer counts and the other try is given
/// up (J. Dean, L. A. Barroso, "The Tail at Scale", 2013).
///
/// For safe methods (RFC 9110 section 9.2.1) with no body or one at hand. Each further try counts against the budget of
/// the retries. 1xx answers of a try are held until it is chosen, those of the others never reach the client.
///
/// ```swift
/// configuration.hedging = Hedging(after: .milliseconds(80))
/// ```
public struct Hedging: Sendable {
    /// How long a try may stay without an answer before the next one starts: about the 95th percentile of healthy
    /// answers, so that one request in twenty is sent twice.
    public var delay: Duration
    /// The most tries at the same time; 2 unless given.
    public var tries: Int

    /// Another try after `delay`, until there are `tries` of them.
    public init(after delay: Duration, tries: Int = 2) {
        self.delay = delay
        self.tries = tries
    }

    func check(_ blueprint: inout Blueprint) {
        blueprint.require(delay > .zero, "hedges after \(delay)", mend: "give more than zero")
        blueprint.require((2...8).contains(tries), "hedges with \(tries) tries", mend: "give 2 to 8")
    }
}
