/// The less busy one of two endpoints that chance picks: Mitzenmacher, "The power of two choices in randomized load
/// balancing", 2001. The policy of a cluster that names none.
///
/// ```swift
/// Cluster("app", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"], balancing: .powerOfTwoChoices)
/// ```
///
/// For nearly everything. Where chance alone leaves the busiest of n endpoints with O(log n) requests too many, two
/// choices leave it with O(log log n); and since few gateways ever look at the same two, they do not rush to the same
/// idle endpoint, as those that look at all do.
///
/// The two are picked by weight, and compared by the requests in flight for each unit of weight. When both are as busy,
/// the first is taken: an idle cluster is spread by weight exactly. An idle endpoint is chosen at least as often as its
/// weight asks for, and none is ever looked at in more than three times that.
///
/// A choice is three numbers of chance at the most and two atomic reads; it costs the same among any number of
/// candidates. After refused choices, every second one is left to chance alone: the less busy one may be the refused one.
public struct PowerOfTwoChoices: BalancingPolicy {
    public init() {}

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        guard candidates.count > 1 else { return OnlyCandidate() }
        return Comparison(candidates)
    }

    private struct Comparison: Balancer {
        let candidates: [BalancingCandidate]
        let table: AliasTable

        init(_ candidates: [BalancingCandidate]) {
            self.candidates = candidates
            table = AliasTable(candidates.map(\.weight))
        }

        func choose(_ choice: inout BalancingChoice) -> Int {
            guard !choice.isLeftToChance else { return choice.random.below(candidates.count) }
            let (first, second) = table.drawTwo(&choice.random)
            let firstLoad = Double(candidates[first].state.inFlight) * candidates[second].weight
            let secondLoad = Double(candidates[second].state.inFlight) * candidates[first].weight
            return secondLoad < firstLoad ? second : first
        }
    }
}

extension BalancingPolicy where Self == PowerOfTwoChoices {
    /// The less busy one of two endpoints that chance picks.
    public static var powerOfTwoChoices: PowerOfTwoChoices { PowerOfTwoChoices() }
}
