public import Middleware

/// Checks that a `BalancingPolicy` of one's own keeps what a cluster and its users rely on: it is fair, starves nobody,
/// repeats itself, and moves few keys when an endpoint leaves.
///
/// ```swift
/// let violations = BalancingPolicyConformance(MyPolicy()).check()
/// #expect(violations.isEmpty, "\(violations)")
/// ```
///
/// How fair it has to be is a matter of ``Bounds``. The policy is made anew for each rule. Works with any test framework
/// and in simulated time alone.
public struct BalancingPolicyConformance: Sendable {
    /// The rules, as sentences of what holds.
    public enum Rule: String, Sendable, CaseIterable {
        case isSound = "the policy finds no bad value in itself"
        case staysInRange = "every choice is a position among the candidates"
        case repeatsItself = "equal seeds and equal hashes give equal choices"
        case sharesByWeight = "idle endpoints get the shares that their weights ask for"
        case burstsFairly = "a short run of requests is spread over idle endpoints"
        case starvesNobody = "every endpoint gets requests under load, a slow one too, and none gets nearly all"
        case forgives = "an endpoint whose first answer was slow is chosen again"
        case looksFurther = "a choice that was refused is followed by one of another candidate"
        case keepsKeys = "equal hashes go to the same endpoint"
        case movesFewKeys = "when an endpoint leaves or loses weight, the keys of the others stay"
        case ignoresOrder = "keys go to the same endpoints in whatever order these are listed"

        /// Whether it is for policies that have a key.
        var isForKeys: Bool { self == .keepsKeys || self == .movesFewKeys || self == .ignoresOrder }
    }

    /// How far from perfect a policy may be. Shares are in units of the share that the weight asks for: 1 is perfect.
    public struct Bounds: Sendable {
        /// Whether shares follow the weights; otherwise all are to be equal. `true` unless set.
        public var followsWeights = true
        /// The share of an idle endpoint that has a tenth of the weight or more; 0.9 to 1.1 unless set.
        public var idle: ClosedRange<Double> = 0.9...1.1
        /// The share of a lighter one; 0.2 to 3 unless set.
        public var light: ClosedRange<Double> = 0.2...3
        /// By how many requests any idle endpoint may be off its share after 24; 24 unless set.
        public var burst: Double = 24
        /// The share under load of one of five endpoints, one of which is ten times slower; 0.01 to 3 unless set.
        public var busy: ClosedRange<Double> = 0.01...3
        /// The part of the keys of endpoints that stay which may move when one of ten leaves; 0 unless set.
        public var moved: Double = 0

        public init() {}
    }

    /// The requests of a short run.
    private static let burst = 24
    private static let shapes: [[Double]] = [
        [1], [1, 1], [1, 1, 1, 1, 1], [1, 2, 3], [1, 1, 1, 0.01], [100, 1],
    ]

    private let makePolicy: @Sendable () -> any BalancingPolicy
    private let bounds: Bounds
    private let seeds: Int
    private let exceptions: Set<Rule>

    /// Checks of a policy.
    ///
    /// - Parameters:
    ///   - policy: what is checked; made anew for each rule.
    ///   - bounds: how fair it has to be.
    ///   - seeds: how many short runs are tried, each with chance of its own; 1,000 unless given.
    ///   - except: rules that do not apply.
    public init(
        _ policy: @autoclosure @escaping @Sendable () -> any BalancingPolicy,
        within bounds: Bounds = Bounds(),
        seeds: Int = 1000,
        except exceptions: Set<Rule> = []
    ) {
        makePolicy = policy
        self.bounds = bounds
        self.seeds = seeds
        self.exceptions = exceptions
    }

    /// Checks every rule, one after the other; empty when all hold.
    public func check() -> [ConformanceViolation] {
        let hasKey = makePolicy().key != nil
        let bursts = Self.shapes.map { (weights: $0, runs: self.bursts($0)) }
        return Rule.allCases.compactMap { rule in
            guard !exceptions.contains(rule), hasKey || !rule.isForKeys else { return nil }
            return explanation(rule, bursts).map { ConformanceViolation(rule: rule.rawValue, explanation: $0) }
        }
    }

    /// What breaks a rule; `nil` when it holds.
    private func explanation(_ rule: Rule, _ bursts: [(weights: [Double], runs: [[Int]])]) -> String? {
        switch rule {
        case .isSound: isSound()
        case .staysInRange: staysInRange()
        case .repeatsItself: repeatsItself()
        case .sharesByWeight: bursts.lazy.compactMap(sharesByWeight).first
        case .burstsFairly: bursts.lazy.compactMap(burstsFairly).first
        case .starvesNobody: starvesNobody()
        case .forgives: forgives()
        case .looksFurther: looksFurther()
        case .keepsKeys: keepsKeys()
        case .movesFewKeys: movesFewKeys()
        case .ignoresOrder: ignoresOrder()
        }
    }

    private func isSound() -> String? {
        var blueprint = Blueprint(makePolicy().name)
        makePolicy().check(&blueprint)
        return blueprint.problems.isEmpty ? nil : blueprint.problems.map(\.description).joined(separator: "; ")
    }
}

// MARK: - Chance and fairness

extension BalancingPolicyConformance {
    private func staysInRange() -> String? {
        for weights in Self.shapes + [[Double](repeating: 1, count: 100), [1e-9, 100, 1]] {
            let balancer = makePolicy().balancer(among: BalancingCandidate.numbered(weights))
            var random = SplitMix64(seed: 1)
            for hash in [0, 1, UInt64.max, UInt64.max - 1] + (0..<1000).map({ _ in random.next() }) {
                for attempt in [0, 1, 7] {
                    var choice = BalancingChoice(hash: hash, attempt: attempt, random: SplitMix64(seed: random.next()))
                    let index = balancer.choose(&choice)
                    guard weights.indices.contains(index) else {
                        return "\(index) was chosen of \(weights.count), for the hash \(hash)"
                    }
                }
            }
        }
        return nil
    }

    private func repeatsItself() -> String? {
        for service in BalancingSimulation.Service.allCases {
            var one = simulation([1, 1, 1, 1, 10], service)
            var other = simulation([1, 1, 1, 1, 10], service)
            for seed in 0..<10 {
                let (first, second) = (one.run(100, seed: UInt64(seed)), other.run(100, seed: UInt64(seed)))
                guard first == second else { return "seed \(seed) gave \(first.chosen), and then \(second.chosen)" }
            }
        }
        return nil
    }

    private func sharesByWeight(_ weights: [Double], _ runs: [[Int]]) -> String? {
        let parts = parts(weights)
        for index in weights.indices {
            let count = Double(runs.reduce(0) { $0 + $1[index] })
            let expected = Double(runs.count * Self.burst) * parts[index]
            let bound = parts[index] < 0.1 ? bounds.light : bounds.idle
            // Chance may add or take five standard deviations.
            let chance = 5 * (expected * (1 - parts[index])).squareRoot()
            guard count >= bound.lowerBound * expected - chance, count <= bound.upperBound * expected + chance else {
                return "endpoint \(index) of weights \(weights) got \(count / expected) of its share"
            }
        }
        return nil
    }

    private func burstsFairly(_ weights: [Double], _ runs: [[Int]]) -> String? {
        let parts = parts(weights)
        for (seed, counts) in runs.enumerated() {
            for index in weights.indices {
                let off = Double(counts[index]) - Double(Self.burst) * parts[index]
                guard abs(off) <= bounds.burst else {
                    return "seed \(seed): endpoint \(index) of weights \(weights) was \(off) requests off its share"
                }
            }
        }
        return nil
    }

    private func starvesNobody() -> String? {
        for service in BalancingSimulation.Service.allCases {
            var simulation = simulation([1, 1, 10, 1, 1], service)
            var chosen = [0, 0, 0, 0, 0]
            let runs = max(2, seeds / 500)
            for seed in 0..<runs {
                let outcome = simulation.run(500, seed: UInt64(seed))
                for index in chosen.indices { chosen[index] += outcome.chosen[index] }
            }
            for index in chosen.indices {
                let share = Double(chosen[index]) / Double(100 * runs)
                guard bounds.busy.contains(share) else {
                    return
                        "with \(service) times endpoint \(index) of five, the middle one slow, got \(share) of its share"
                }
            }
        }
        return nil
    }

    private func forgives() -> String? {
        let candidates = BalancingCandidate.numbered([1, 1, 1])
        let second: Int64 = 1_000_000_000
        for candidate in candidates { candidate.state.responseTime.observe(second / 1000, at: 0) }
        candidates[1].state.responseTime.observe(second, at: 0)
        let balancer = makePolicy().balancer(among: candidates)
        var random = SplitMix64(seed: 1)
        for tenth in 0..<Int64(1000) {
            let now = tenth * second / 10
            var choice = BalancingChoice(hash: random.next(), random: SplitMix64(seed: random.next()), nanoseconds: now)
            let index = balancer.choose(&choice)
            if index == 1 { return nil }
            if candidates.indices.contains(index) {
                candidates[index].state.responseTime.observe(second / 1000, at: now)
            }
        }
        return "one that took 1 s where others took 1 ms got none of 1000 requests in 100 s"
    }

    private func looksFurther() -> String? {
        let balancer = makePolicy().balancer(among: BalancingCandidate.numbered([1, 1, 1]))
        var random = SplitMix64(seed: 1)
        for _ in 0..<100 {
            var seen = Set<Int>()
            for attempt in 0..<64 {
                var choice = BalancingChoice(
                    hash: random.next(), attempt: attempt, random: SplitMix64(seed: random.next()))
                seen.insert(balancer.choose(&choice))
            }
            guard seen.count == 3 else { return "64 attempts with as many hashes reached \(seen.sorted()) of three" }
        }
        return nil
    }

    private func simulation(_ slowness: [Double], _ service: BalancingSimulation.Service) -> BalancingSimulation {
        BalancingSimulation(makePolicy(), slowness: slowness, service: service)
    }

    /// The parts of 1 that endpoints of these weights are to get.
    private func parts(_ weights: [Double]) -> [Double] {
        bounds.followsWeights ? weights.parts : weights.map { _ in 1 / Double(weights.count) }
    }

    /// How many requests each endpoint got in each of many short runs while all were idle.
    private func bursts(_ weights: [Double]) -> [[Int]] {
        let balancer = makePolicy().balancer(among: BalancingCandidate.numbered(weights))
        return (0..<max(1, seeds / Self.shapes.count)).map { seed in
            var random = SplitMix64(seed: UInt64(seed))
            var counts = weights.map { _ in 0 }
            for _ in 0..<Self.burst {
                var choice = BalancingChoice(hash: random.next(), random: SplitMix64(seed: random.next()))
                let index = balancer.choose(&choice)
                if counts.indices.contains(index) { counts[index] += 1 }
            }
            return counts
        }
    }
}

// MARK: - Keys

extension BalancingPolicyConformance {
    private static let keys = (0..<2000).map { SplitMix64.mix(UInt64($0)) }

    private func keepsKeys() -> String? {
        let candidates = BalancingCandidate.numbered([1, 2, 3, 1])
        let moved = zip(places(candidates, seed: 1), places(candidates, seed: 2)).count { $0 != $1 }
        return moved == 0 ? nil : "\(moved) of \(Self.keys.count) keys went elsewhere with other chance"
    }

    private func movesFewKeys() -> String? {
        let all = BalancingCandidate.numbered([Double](repeating: 1, count: 10))
        let before = places(all, seed: 1)
        for leaver in all.indices {
            var rest = all
            rest.remove(at: leaver)
            if let explanation = moved(before, places(rest, seed: 1), without: leaver, "left") { return explanation }
            var lighter = all
            lighter[leaver] = BalancingCandidate(all[leaver].state, weight: 0.5)
            if let explanation = moved(before, places(lighter, seed: 1), without: leaver, "lost half its weight") {
                return explanation
            }
        }
        return nil
    }

    private func moved(_ before: [String], _ after: [String], without leaver: Int, _ change: String) -> String? {
        let gone = "10.0.0.\(leaver):80"
        let kept = zip(before, after).filter { $0.0 != gone }
        let moved = kept.count { $0.0 != $0.1 }
        guard Double(moved) > bounds.moved * Double(kept.count) else { return nil }
        return "\(moved) of \(kept.count) keys of other endpoints moved when endpoint \(leaver) of ten \(change)"
    }

    private func ignoresOrder() -> String? {
        let candidates = BalancingCandidate.numbered([1, 2, 3, 1, 1])
        let moved = zip(places(candidates, seed: 1), places(candidates.reversed(), seed: 1)).count { $0 != $1 }
        return moved == 0 ? nil : "\(moved) of \(Self.keys.count) keys moved when the list was turned around"
    }

    /// The endpoints that the keys go to, all idle.
    private func places(_ candidates: [BalancingCandidate], seed: UInt64) -> [String] {
        let balancer = makePolicy().balancer(among: candidates)
        return Self.keys.map { key in
            var choice = BalancingChoice(hash: key, random: SplitMix64(seed: seed ^ key))
            let index = balancer.choose(&choice)
            return candidates.indices.contains(index) ? candidates[index].state.endpoint.text : "nowhere"
        }
    }
}
