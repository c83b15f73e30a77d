public import Middleware

/// Endpoints that serve one request after the other, and a policy that spreads requests over them, in simulated time.
///
/// ```swift
/// var simulation = BalancingSimulation(.leastTime, slowness: [1, 1, 1, 10], service: .pareto)
/// let outcome = simulation.run(1000, seed: 7)
/// #expect(outcome.chosen.min()! > 10)
/// ```
///
/// Requests come at random (a Poisson process), at a rate that takes up a part of what all endpoints can do. Each waits
/// for those before it at its endpoint, and then takes a time by the distribution: 1 ms on average, divided by the
/// endpoint's weight and multiplied by its slowness. Nothing waits in real time, and equal seeds give equal outcomes.
///
/// A run follows the one before, with the endpoints idle in between: what the policy has learnt stays.
public struct BalancingSimulation {
    /// How the times that requests take are spread around their mean.
    public enum Service: Sendable, CaseIterable {
        /// All the same.
        case constant
        /// Exponentially: a third take longer than the mean.
        case exponential
        /// By Pareto's law of shape 1.5, whose variance has no bound: most are short, a few very long.
        case pareto
    }

    /// What came of a run.
    public struct Outcome: Sendable, Equatable {
        /// The requests that each endpoint got.
        public var chosen: [Int]
        /// The most requests that each had at once, waiting ones included.
        public var peaks: [Int]
        /// How long requests took on average, in simulated time.
        public var meanTime: Duration
        /// A choice that was no position among the endpoints; such a choice ends the run.
        public var outOfRange: Int?
    }

    private struct Exchange {
        let began: Int64
        let ends: Int64
    }

    private static let millisecond = 1e6

    private let states: [EndpointState]
    private let balancer: any Balancer
    private let means: [Double]
    private let service: Service
    private let interval: Double
    private var now: Int64 = 0
    private var running: [[Exchange]]
    /// The first of those running that has not been counted out.
    private var heads: [Int]

    /// A simulation.
    ///
    /// - Parameters:
    ///   - policy: what is tried.
    ///   - slowness: by how much each endpoint is slower than its weight says; as many as there are endpoints.
    ///   - weights: their weights, 1 each unless given.
    ///   - service: how times are spread; exponentially unless given.
    ///   - utilisation: the part of what all endpoints can do that is asked of them; 0.7 unless given.
    public init(
        _ policy: some BalancingPolicy,
        slowness: [Double],
        weights: [Double]? = nil,
        service: Service = .exponential,
        utilisation: Double = 0.7
    ) {
        let weights = weights ?? slowness.map { _ in 1 }
        let candidates = BalancingCandidate.numbered(weights)
        states = candidates.map(\.state)
        balancer = policy.balancer(among: candidates)
        means = zip(slowness, weights).map { Self.millisecond * $0 / $1 }
        interval = 1 / (utilisation * means.reduce(0) { $0 + 1 / $1 })
        self.service = service
        running = means.map { _ in [] }
        heads = means.map { _ in 0 }
    }

    /// Sends so many requests and waits for the last of them.
    public mutating func run(_ requests: Int, seed: UInt64) -> Outcome {
        var random = SplitMix64(seed: seed)
        var outcome = Outcome(
            chosen: means.map { _ in 0 }, peaks: means.map { _ in 0 }, meanTime: .zero, outOfRange: nil)
        var total: Int64 = 0
        for _ in 0..<requests {
            now += Int64(Self.exponential(&random) * interval)
            finish(until: now)
            var choice = BalancingChoice(hash: random.next(), random: SplitMix64(seed: random.next()), nanoseconds: now)
            let index = balancer.choose(&choice)
            guard states.indices.contains(index) else {
                outcome.outOfRange = index
                break
            }
            let start = max(now, running[index].last?.ends ?? 0)
            let exchange = Exchange(began: now, ends: start + Int64(means[index] * time(&random)))
            running[index].append(exchange)
            states[index].begin()
            total += exchange.ends - now
            outcome.chosen[index] += 1
            outcome.peaks[index] = max(outcome.peaks[index], states[index].inFlight)
        }
        now = running.reduce(now) { max($0, $1.last?.ends ?? 0) }
        finish(until: now)
        outcome.meanTime = .nanoseconds(total / Int64(max(1, requests)))
        return outcome
    }

    private mutating func finish(until now: Int64) {
        for index in states.indices {
            while heads[index] < running[index].count, running[index][heads[index]].ends <= now {
                let exchange = running[index][heads[index]]
                states[index].responseTime.observe(exchange.ends - exchange.began, at: exchange.ends)
                states[index].end()
                heads[index] += 1
            }
            if heads[index] == running[index].count, heads[index] > 0 {
                running[index].removeAll(keepingCapacity: true)
                heads[index] = 0
            }
        }
    }

    /// A time of mean 1.
    private func time(_ random: inout SplitMix64) -> Double {
        switch service {
        case .constant: 1
        case .exponential: Self.exponential(&random)
        case .pareto: (Self.exponential(&random) / 1.5).exponential / 3
        }
    }

    private static func exponential(_ random: inout SplitMix64) -> Double { -(1 - random.fraction()).naturalLogarithm }
}

extension BalancingCandidate {
    /// Candidates of these weights, each with an endpoint of its own.
    package static func numbered(_ weights: [Double]) -> [BalancingCandidate] {
        weights.indices.map { BalancingCandidate(EndpointState(Endpoint("10.0.0.\($0):80")), weight: weights[$0]) }
    }
}
