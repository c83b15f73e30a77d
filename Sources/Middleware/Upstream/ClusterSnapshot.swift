/// The endpoints of a cluster as they may be chosen at one moment. Built whole, never changed.
final class ClusterSnapshot: Sendable {
    /// Endpoints of one preference, and what chooses among them.
    final class Tier: Sendable {
        let candidates: [EndpointState]
        let balancer: any Balancer
        /// Whether requests that have tried nothing yet come here.
        let hasShare: Bool
        /// The draws below 2³² that fall on this tier or one before it.
        let bound: UInt64

        init(candidates: [EndpointState], balancer: any Balancer, hasShare: Bool, bound: UInt64) {
            self.candidates = candidates
            self.balancer = balancer
            self.hasShare = hasShare
            self.bound = bound
        }

        @inline(__always)
        func choose(_ choice: inout BalancingChoice) -> EndpointState {
            let position = balancer.choose(&choice)
            // A policy may come from outside the library, and a bad one must not end the process.
            return candidates[candidates.indices.contains(position) ? position : 0]
        }
    }

    /// What one kind of request may choose from: all, or those with certain labels.
    final class Selection: Sendable {
        let tiers: [Tier]
        private let candidates: Set<ObjectIdentifier>

        init(_ tiers: [Tier]) {
            self.tiers = tiers
            candidates = Set(tiers.lazy.filter(\.hasShare).flatMap(\.candidates).map { ObjectIdentifier($0) })
        }

        /// Whether an endpoint may be chosen at first.
        func contains(_ state: EndpointState) -> Bool { candidates.contains(ObjectIdentifier(state)) }
    }

    /// Grows with every change of the cluster.
    let generation: UInt64
    /// All endpoints, those that take nothing new included.
    let members: [ClusterMember]
    /// The selections, in the order in which the cluster was asked for them; the first is of all endpoints.
    let selections: [Selection]

    init(generation: UInt64, members: [ClusterMember], selections: [Selection]) {
        self.generation = generation
        self.members = members
        self.selections = selections
    }
}

extension ClusterSnapshot.Selection {
    /// Choices that are made by the balancer before the rest is walked through.
    private static let attempts = 8

    /// An endpoint, counted in. One that was tried before is chosen only when there is no other.
    @inline(__always)
    func choose(
        _ hash: UInt64?, excluding tried: [EndpointState], limit: Int, random: inout SplitMix64, now: Int64
    ) throws(ClusterRefusal) -> EndpointState {
        guard !tiers.isEmpty else { throw .unavailable }
        let tier = tiers.count == 1 ? 0 : tier(random.next() >> 32)
        var choice = BalancingChoice(hash: hash ?? random.next(), random: random, nanoseconds: now)
        let first = tiers[tier].choose(&choice)
        random = choice.random
        if tried.isEmpty, first.begin(limit: limit) { return first }
        return try chooseAnother(hash, excluding: tried, limit: limit, tier: tier, &choice, &random)
    }

    private func chooseAnother(
        _ hash: UInt64?, excluding tried: [EndpointState], limit: Int, tier: Int,
        _ choice: inout BalancingChoice, _ random: inout SplitMix64
    ) throws(ClusterRefusal) -> EndpointState {
        defer { random = choice.random }
        // The first choice of a request that was tried before is made again, so that its hash is salted from the start.
        for attempt in 1...Self.attempts {
            choice.attempt = attempt
            choice.hash = hash.map { SplitMix64.mix($0 &+ UInt64(attempt)) } ?? choice.random.next()
            let state = tiers[tier].choose(&choice)
            if !tried.contains(where: { $0 === state }), state.begin(limit: limit) { return state }
        }
        for isTriedAllowed in [false, true] {
            for offset in tiers.indices {
                let candidates = tiers[(tier + offset) % tiers.count].candidates
                let start = choice.random.below(candidates.count)
                for step in candidates.indices {
                    let state = candidates[(start + step) % candidates.count]
                    guard isTriedAllowed || !tried.contains(where: { $0 === state }) else { continue }
                    if state.begin(limit: limit) { return state }
                }
            }
        }
        throw .full
    }

    /// Whether there is an endpoint besides those.
    func hasOther(than tried: [EndpointState]) -> Bool {
        tiers.contains { $0.candidates.contains { candidate in !tried.contains { $0 === candidate } } }
    }

    private func tier(_ draw: UInt64) -> Int {
        var index = 0
        while index < tiers.count - 1, draw >= tiers[index].bound { index += 1 }
        return index
    }
}
