import Middleware

extension Balancer {
    /// One choice.
    func choose(hash: UInt64 = 0, attempt: Int = 0, seed: UInt64 = 1, at now: Int64 = 0) -> Int {
        var choice = BalancingChoice(hash: hash, attempt: attempt, random: SplitMix64(seed: seed), nanoseconds: now)
        return choose(&choice)
    }

    /// How often each of `count` candidates is chosen in so many choices, each of another hash and chance.
    func shares(of count: Int, in choices: Int, seed: UInt64 = 1) -> [Double] {
        var random = SplitMix64(seed: seed)
        var counts = [Int](repeating: 0, count: count)
        for _ in 0..<choices { counts[choose(hash: random.next(), seed: random.next())] += 1 }
        return counts.map { Double($0) / Double(choices) }
    }
}

extension BalancingPolicy {
    /// What it says is wrong with it.
    var problems: [String] {
        var blueprint = Blueprint("Cluster")
        check(&blueprint)
        return blueprint.problems.map(\.description)
    }
}
