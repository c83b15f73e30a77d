/// The least busy endpoint of all, by the requests in flight for each unit of weight.
///
/// ```swift
/// Cluster("render", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"], balancing: .leastRequests)
/// ```
///
/// For few endpoints and long requests, where one too many matters, and one gateway. Several gateways that each look
/// for the least busy rush to the same one: ``PowerOfTwoChoices`` does not.
///
/// The load of an endpoint is `(inFlight + u) / weight`, where `u` is chance from 0 to below 1. Between equal weights
/// this is exact, and ties are broken fairly. Between unequal ones it rounds as Webster's method of apportionment does
/// on average, where `inFlight / weight` would favour the light and `(inFlight + 1) / weight` would leave them out until
/// the heavy are full: an endpoint of an idle cluster is chosen at least half as often as its weight asks for.
///
/// A choice reads every candidate: O(n), no lock. After refused choices, every second one is left to chance alone.
public struct LeastRequests: BalancingPolicy {
    public init() {}

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        guard candidates.count > 1 else { return OnlyCandidate() }
        return Comparison(candidates)
    }

    private struct Comparison: Balancer {
        let states: [EndpointState]
        /// What a request weighs at each.
        let costs: [Double]

        init(_ candidates: [BalancingCandidate]) {
            states = candidates.map(\.state)
            costs = candidates.parts.map { 1 / $0 }
        }

        func choose(_ choice: inout BalancingChoice) -> Int {
            guard !choice.isLeftToChance else { return choice.random.below(states.count) }
            var best = 0
            var least = Double.infinity
            for index in states.indices {
                let load = (Double(states[index].inFlight) + choice.random.fraction()) * costs[index]
                if load < least { (best, least) = (index, load) }
            }
            return best
        }
    }
}

extension BalancingPolicy where Self == LeastRequests {
    /// The least busy endpoint of all.
    public static var leastRequests: LeastRequests { LeastRequests() }
}
