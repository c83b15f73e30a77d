import Middleware
import MiddlewareTesting
import Testing

@Suite("Choices that compare")
struct PowerOfTwoChoicesTests {
    @Test("of two, the less busy one for its weight is taken")
    func compares() {
        let even = BalancingCandidate.numbered([1, 1])
        even[0].state.begin()
        let heavy = BalancingCandidate.numbered([1, 4])
        for _ in 0..<2 { heavy[0].state.begin() }
        for _ in 0..<7 { heavy[1].state.begin() }
        for policy in [PowerOfTwoChoices(), LeastRequests()] as [any BalancingPolicy] {
            #expect(policy.balancer(among: even).shares(of: 2, in: 100) == [0, 1])
        }
        #expect(LeastRequests().balancer(among: heavy).shares(of: 2, in: 100)[1] > 0.9)
        let shares = PowerOfTwoChoices().balancer(among: heavy).shares(of: 2, in: 10_000)
        // The lighter one is taken when it is drawn up to three times in a row.
        #expect(abs(shares[0] - 0.2 * 0.2 * 0.2) < 0.005)
    }

    /// What does not depend on time: the numbers of chance that a choice takes.
    @Test(
        "a choice takes as much among 10,000 candidates as among 10",
        arguments: [
            ("power of two", .powerOfTwoChoices, 2), ("least time", .leastTime, 2), ("random", .random, 1),
            ("weighted random", .weightedRandom, 1), ("round robin", .roundRobin, 0),
        ] as [(String, any BalancingPolicy, Int)]
    )
    func draws(name: String, policy: any BalancingPolicy, draws: Int) {
        for count in [10, 10_000] {
            let balancer = policy.balancer(among: BalancingCandidate.numbered([Double](repeating: 1, count: count)))
            for seed in 0..<100 as Range<UInt64> {
                var choice = BalancingChoice(random: SplitMix64(seed: seed))
                _ = balancer.choose(&choice)
                var expected = SplitMix64(seed: seed)
                for _ in 0..<draws { _ = expected.next() }
                #expect(choice.random.next() == expected.next(), "\(name), \(count)")
            }
        }
    }

    @Test("the busiest of many is far less busy than by chance")
    func balance() {
        func peak(_ policy: any BalancingPolicy) -> Int {
            let candidates = BalancingCandidate.numbered([Double](repeating: 1, count: 1000))
            let balancer = policy.balancer(among: candidates)
            for seed in 0..<1000 as Range<UInt64> { candidates[balancer.choose(seed: seed)].state.begin() }
            return candidates.reduce(0) { max($0, $1.state.inFlight) }
        }
        #expect(peak(.powerOfTwoChoices) <= 3 && peak(.random) >= 5 && peak(.leastRequests) == 1)
    }

    @Test(
        "requests wait far less than by turns when their times differ", arguments: BalancingSimulation.Service.allCases)
    func waiting(service: BalancingSimulation.Service) {
        func time(_ policy: some BalancingPolicy) -> Duration {
            var simulation = BalancingSimulation(
                policy, slowness: [1, 1, 1, 1, 10], service: service, utilisation: 0.6)
            return simulation.run(5000, seed: 4).meanTime
        }
        #expect(time(PowerOfTwoChoices()) * 3 < time(RoundRobin()))
        #expect(time(LeastRequests()) * 3 < time(RoundRobin()))
        #expect(time(LeastTime()) * 3 < time(RoundRobin()))
    }

    @Test("an endpoint that starts slowly gets a little, idle or busy", arguments: [0.01, 0.1])
    func slowStart(weight: Double) {
        let candidates = BalancingCandidate.numbered([1, 1, weight])
        let part = weight / (2 + weight)
        for busy in [0, 1, 20] {
            for _ in 0..<busy { for index in 0..<2 { candidates[index].state.begin() } }
            for policy in [PowerOfTwoChoices(), LeastTime()] as [any BalancingPolicy] {
                let share = policy.balancer(among: candidates).shares(of: 3, in: 20_000)[2]
                #expect(share > 0.5 * part && share < 3.3 * part, "\(policy.name), \(busy) in flight")
            }
            for _ in 0..<busy { for index in 0..<2 { candidates[index].state.end() } }
        }
        let idle = LeastRequests().balancer(among: candidates).shares(of: 3, in: 20_000)[2]
        #expect(idle > 0.4 * part && idle < 1.1 * part)
        candidates[2].state.begin()
        for _ in 0..<Int(0.9 / weight) { for index in 0..<2 { candidates[index].state.begin() } }
        #expect(LeastRequests().balancer(among: candidates).shares(of: 3, in: 1000)[2] == 0)
    }

    @Test("ties are broken evenly among those that tie")
    func ties() {
        let candidates = BalancingCandidate.numbered([Double](repeating: 1, count: 10))
        for index in 2..<10 { candidates[index].state.begin() }
        let shares = LeastRequests().balancer(among: candidates).shares(of: 10, in: 10_000)
        #expect((0.47...0.53).contains(shares[0]) && shares[0] + shares[1] == 1)
    }

    @Test("of the choices that follow a refused one, every second is left to chance", arguments: [2, 3, 10])
    func refused(count: Int) {
        let candidates = BalancingCandidate.numbered([Double](repeating: 1, count: count))
        for index in 1..<count { candidates[index].state.begin() }
        for policy in [PowerOfTwoChoices(), LeastRequests(), LeastTime()] as [any BalancingPolicy] {
            let balancer = policy.balancer(among: candidates)
            let others = (0..<100 as Range<UInt64>).count { balancer.choose(attempt: 2, seed: $0) != 0 }
            #expect(others >= 35, "\(policy.name)")
        }
    }
}
