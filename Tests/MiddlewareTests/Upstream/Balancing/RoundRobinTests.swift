import Middleware
import MiddlewareTesting
import Testing

@Suite("Round robin")
struct RoundRobinTests {
    @Test("endpoints take turns in the order of the list")
    func turns() {
        let balancer = RoundRobin().balancer(among: BalancingCandidate.numbered([1, 5, 1]))
        #expect((0..<7).map { _ in balancer.choose() } == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test("tasks on all threads share one position: counts differ by one at the most")
    func exact() async {
        let balancer = RoundRobin().balancer(among: BalancingCandidate.numbered([1, 1, 1]))
        let counts = await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { @concurrent in
                    (0..<1000).reduce(into: [0, 0, 0]) { counts, _ in counts[balancer.choose()] += 1 }
                }
            }
            return await group.reduce(into: [0, 0, 0]) { sum, counts in
                for index in 0..<3 { sum[index] += counts[index] }
            }
        }
        #expect(counts.sorted() == [2666, 2667, 2667])
    }

    @Test("a cluster that changes after every request stays fair", arguments: [2, 3, 7])
    func rebuilt(count: Int) {
        let policies: [any BalancingPolicy] = [RoundRobin(), WeightedRoundRobin()]
        for policy in policies {
            let candidates = BalancingCandidate.numbered([Double](repeating: 1, count: count))
            var counts = [Int](repeating: 0, count: count)
            for _ in 0..<(200 * count) { counts[policy.balancer(among: candidates).choose()] += 1 }
            #expect(counts.allSatisfy { (150...250).contains($0) }, "\(policy.name): \(counts)")
        }
    }

    @Test("weighted turns are those of nginx")
    func smooth() {
        let balancer = WeightedRoundRobin().balancer(among: BalancingCandidate.numbered([5, 1, 1]))
        #expect((0..<14).map { _ in balancer.choose() } == [0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0])
    }

    @Test("no endpoint is ever 1.5 requests off its share, over 500 sets of weights")
    func spread() {
        var random = SplitMix64(seed: 3)
        let policy = WeightedRoundRobin()
        var worst = 0.0
        for _ in 0..<500 {
            let weights = (0..<(2 + random.below(8))).map { _ in Double(1 + random.below(30)) }
            let balancer = policy.balancer(among: BalancingCandidate.numbered(weights))
            var counts = weights.map { _ in 0.0 }
            for step in 1...100 {
                counts[balancer.choose()] += 1
                for (count, part) in zip(counts, weights.parts) { worst = max(worst, abs(count - Double(step) * part)) }
            }
        }
        #expect(worst < 1.5)
    }

    @Test("a weight of a thousandth has its turn once in a thousand")
    func light() {
        let balancer = WeightedRoundRobin().balancer(among: BalancingCandidate.numbered([1000, 1]))
        let turns = (0..<3003).filter { _ in balancer.choose() == 1 }
        #expect(turns.count == 3)
    }
}
