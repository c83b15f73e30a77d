import Middleware
import MiddlewareTesting
import Testing

/// Every policy of the library against the suite that users hold theirs to: 10,000 seeds, and the bounds as numbers.
@Suite("Balancing policies")
struct BalancingPolicyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable () -> any BalancingPolicy
        var bounds = BalancingPolicyConformance.Bounds()

        init(
            _ name: String,
            weighted: Bool = true,
            idle: ClosedRange<Double> = 1...1,
            light: ClosedRange<Double> = 1...1,
            burst: Double,
            busy: ClosedRange<Double>,
            moved: Double = 0,
            _ make: @autoclosure @escaping @Sendable () -> any BalancingPolicy
        ) {
            testDescription = name
            self.make = make
            bounds.followsWeights = weighted
            bounds.idle = idle
            bounds.light = light
            bounds.burst = burst
            bounds.busy = busy
            bounds.moved = moved
        }
    }

    static let cases: [Case] = [
        Case("round robin", weighted: false, burst: 1, busy: 1...1, .roundRobin),
        Case("weighted round robin", burst: 1, busy: 1...1, .weightedRoundRobin),
        Case("random", weighted: false, burst: 11, busy: 0.94...1.06, .random),
        Case("weighted random", burst: 11, busy: 0.94...1.06, .weightedRandom),
        Case("power of two choices", burst: 11, busy: 0.15...1.35, .powerOfTwoChoices),
        Case("least requests", idle: 0.75...1.15, light: 0.5...1, burst: 11, busy: 0.15...1.35, .leastRequests),
        Case("least time", burst: 11, busy: 0.01...1.5, .leastTime),
        Case("IP hash", idle: 0.8...1.2, light: 0...2, burst: 11, busy: 0.8...1.2, .ipHash),
        Case("ring", idle: 0.8...1.2, light: 0...2, burst: 11, busy: 0.8...1.2, .ringHash(by: .path)),
        Case("Maglev", idle: 0.99...1.02, light: 0.8...1.2, burst: 11, busy: 0.94...1.06, moved: 0.02, maglev()),
        Case("rendezvous", burst: 11, busy: 0.94...1.06, .rendezvous(by: .path)),
        Case(
            "ring, bounded", idle: 0.8...1.2, light: 0...2, burst: 11, busy: 0.15...1.35,
            .ringHash(by: .path, bound: LoadBound())),
        Case(
            "Maglev, bounded", idle: 0.99...1.02, light: 0.8...1.2, burst: 11, busy: 0.15...1.35, moved: 0.02,
            maglev(bound: LoadBound())),
        Case("rendezvous, bounded", burst: 11, busy: 0.15...1.35, .rendezvous(by: .path, bound: LoadBound())),
    ]

    /// With a small table, which is made often here.
    private static func maglev(bound: LoadBound? = nil) -> Maglev { Maglev(by: .path, tableSize: 5003, bound: bound) }

    @Test("keeps the rules within its bounds, over 10,000 seeds", arguments: cases)
    func conformance(policy: Case) {
        let violations = BalancingPolicyConformance(policy.make(), within: policy.bounds, seeds: 10_000).check()
        #expect(violations.isEmpty, "\(violations)")
    }

    /// How much of the traffic a weight of one in a thousand may get: nothing to three times its part.
    @Test("weights of 1000 and 1 leave the light one a little", arguments: cases)
    func thousandth(policy: Case) {
        let balancer = policy.make().balancer(among: BalancingCandidate.numbered([1000, 1]))
        let share = balancer.shares(of: 2, in: 20_000)[1]
        #expect(policy.bounds.followsWeights ? share > 0 && share < 0.003 : share > 0.48 && share < 0.52)
    }

    @Test("one candidate is chosen whatever it carries", arguments: cases)
    func alone(policy: Case) {
        let candidates = BalancingCandidate.numbered([0.01])
        for _ in 0..<100 { candidates[0].state.begin() }
        let balancer = policy.make().balancer(among: candidates)
        #expect([0, 1, .max].allSatisfy { balancer.choose(hash: $0, attempt: 3) == 0 })
    }

    private static let manyCandidates = BalancingCandidate.numbered([Double](repeating: 1, count: 10_000))

    @Test("10,000 candidates all get requests", arguments: cases)
    func many(policy: Case) {
        let count = Self.manyCandidates.count
        let balancer = policy.make().balancer(among: Self.manyCandidates)
        // Those that walk over all are given less to do.
        let walks =
            ["weighted round robin", "least requests"].contains(policy.testDescription)
            || policy.testDescription.hasPrefix("rendezvous")
        let shares = balancer.shares(of: count, in: walks ? 5 : 50_000)
        #expect(shares.count { $0 > 0 } > (walks ? 3 : 9900))
    }

    @Test("a policy without bad values has no problems, and a name", arguments: cases)
    func sound(policy: Case) {
        #expect(policy.make().problems == [] && !policy.make().name.isEmpty)
    }

    static let bad: [(policy: any BalancingPolicy, problem: String)] = [
        (.ringHash(by: .path, points: 0), "Cluster has a ring of 0 points for each unit of weight: give from 1"),
        (.ringHash(by: .path, points: 70_000), "Cluster has a ring of 70000 points"),
        (
            .maglev(by: .path, tableSize: 65_536),
            "Cluster has a table of 65536 places: give a prime number from 2 to 5000011, such as 65537"
        ),
        (
            .maglev(by: .path, tableSize: -1),
            "Cluster has a table of -1 places: give a prime number from 2 to 5000011, such as 2"
        ),
        (.maglev(by: .path, tableSize: 100), "such as 101"),
        (
            .rendezvous(by: .path, bound: LoadBound(factor: 1)),
            "Cluster bounds loads by a factor of 1.0, which is not above 1: give"
        ),
        (.maglev(by: .path, bound: LoadBound(factor: .nan)), "by a factor of nan"),
        (.ipHash(bound: LoadBound(factor: -.infinity)), "by a factor of -inf"),
        (.ringHash(by: .cookie("a b")), #"Cluster balances by a cookie named "a b": give a name of letters"#),
        (.rendezvous(by: .query("")), "Cluster balances by a query item without a name: name the item"),
    ]

    @Test(
        "a bad value is a problem of the composition, and no trap when the policy is used all the same", arguments: bad)
    func badValues(policy: any BalancingPolicy, problem: String) {
        #expect(policy.problems.count == 1 && policy.problems.contains { $0.contains(problem) }, "\(policy.problems)")
        let balancer = policy.balancer(among: BalancingCandidate.numbered([1, 2]))
        #expect(balancer.shares(of: 2, in: 200).reduce(0, +) > 0.99)
    }

    @Test("weights that no cluster gives do no harm", arguments: cases)
    func badWeights(policy: Case) {
        for weights in [[.nan, 1], [0, 0], [-1, -1]] as [[Double]] {
            let balancer = policy.make().balancer(among: BalancingCandidate.numbered(weights))
            #expect(balancer.shares(of: 2, in: 50).reduce(0, +) > 0.99)
        }
    }

    @Test(
        "nor do the greatest of numbers",
        arguments: [.weightedRoundRobin, .powerOfTwoChoices, .leastRequests, .ipHash] as [any BalancingPolicy])
    func greatestWeights(policy: any BalancingPolicy) {
        let balancer = policy.balancer(among: BalancingCandidate.numbered([1e308, .infinity, 1e308]))
        #expect(balancer.shares(of: 3, in: 50).reduce(0, +) > 0.99)
    }
}
