import Synchronization

/// One endpoint after the other in the ratio of their weights, the turns of a heavy one spread out: nginx's smooth
/// weighted round robin (commit "Upstream: smooth weighted round-robin balancing", 2012).
///
/// ```swift
/// Cluster("app", endpoints: [Endpoint("10.0.0.1:8080", weight: 5), "10.0.0.2:8080", "10.0.0.3:8080"],
///     balancing: .weightedRoundRobin)                     // 1 1 2 1 3 1 1, and again
/// ```
///
/// For machines of different size and requests that cost the same. No endpoint is ever 1.5 requests off its
/// share, over all event loops. It does not notice a slow endpoint.
///
/// A choice walks over all candidates under a lock that the event loops share: O(n). For many endpoints take
/// ``PowerOfTwoChoices`` or ``WeightedRandom``, which need neither.
///
/// The first set of candidates begins with the heaviest. Each further one begins somewhere in the middle, so that a
/// cluster that often changes does not begin with the heaviest each time.
public struct WeightedRoundRobin: BalancingPolicy {
    private let sets = BalancerCount()

    public init() {}

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        guard candidates.count > 1 else { return OnlyCandidate() }
        return Turns(candidates.map(\.weight), set: sets.next())
    }

    private final class Turns: Balancer {
        private let weights: [Double]
        private let total: Double
        /// By how much each is behind its share.
        private let credits: Mutex<[Double]>

        init(_ weights: [Double], set: UInt64) {
            self.weights = weights
            total = weights.reduce(0, +)
            var random = SplitMix64(seed: set)
            var credits = weights.map { set == 0 ? 0 : $0 * random.fraction() }
            let mean = credits.reduce(0, +) / Double(credits.count)
            for index in credits.indices { credits[index] -= mean }
            self.credits = Mutex(credits)
        }

        func choose(_ choice: inout BalancingChoice) -> Int {
            credits.withLock { credits in
                var best = 0
                for index in weights.indices {
                    credits[index] += weights[index]
                    if credits[index] > credits[best] { best = index }
                }
                credits[best] -= total
                return best
            }
        }
    }
}

extension BalancingPolicy where Self == WeightedRoundRobin {
    /// One endpoint after the other in the ratio of their weights.
    public static var weightedRoundRobin: WeightedRoundRobin { WeightedRoundRobin() }
}
