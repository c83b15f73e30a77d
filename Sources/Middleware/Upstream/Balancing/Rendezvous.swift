/// Each key to the endpoint that has the highest score for it: Thaler and Ravishankar, "Using name-based mappings to
/// increase hit rates", 1998, with weights by the logarithmic method (Schindelhauer and Schomaker, "Weighted
/// distributed hash tables", 2005).
///
/// ```swift
/// Cluster("shards", endpoints: origins, balancing: .rendezvous(by: .header(.init("x-tenant")!)))
/// ```
///
/// For few endpoints whose keys are to be both even and steady: shares follow the weights exactly, and when an endpoint
/// leaves or loses weight, only keys of its own move, to all others in proportion. It needs no table.
///
/// Gateways agree as long as they know the same endpoints by the same text, in any order.
///
/// A choice computes a score for each candidate: O(n), some nanoseconds each, more when weights differ. For more than a
/// few dozen endpoints take ``RingHash`` or ``Maglev``. With a bound, the best of those that have room is taken. A choice
/// that follows a refused one comes with another hash, and so with other scores.
public struct Rendezvous: BalancingPolicy {
    public let key: BalancingKey?
    /// How much more than its share an endpoint may carry; `nil` for any amount.
    public let bound: LoadBound?

    /// - Parameters:
    ///   - key: what is hashed.
    ///   - bound: how much more than its share an endpoint may carry; any amount unless given.
    public init(by key: BalancingKey, bound: LoadBound? = nil) {
        self.key = key
        self.bound = bound
    }

    public func check(_ blueprint: inout Blueprint) {
        key?.check(&blueprint)
        bound?.check(&blueprint)
    }

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        guard candidates.count > 1 else { return OnlyCandidate() }
        return Scores(candidates, bound)
    }

    private struct Scores: Balancer {
        private let names: [UInt64]
        /// What the logarithm is divided by; empty when all weigh the same.
        private let weights: [Double]
        private let ceilings: LoadCeilings?

        init(_ candidates: [BalancingCandidate], _ bound: LoadBound?) {
            names = candidates.map(\.state.stableHash)
            let parts = candidates.parts
            weights = parts.isEven ? [] : parts
            ceilings = bound.map { LoadCeilings(candidates, $0) }
        }

        func choose(_ choice: inout BalancingChoice) -> Int {
            guard let ceilings else { return best(choice.hash) { _ in true } }
            let count = ceilings.count()
            let admitted = best(choice.hash) { ceilings.admits($0, of: count) }
            return admitted >= 0 ? admitted : best(choice.hash) { _ in true }
        }

        /// The best of those that are admitted; -1 when none is.
        @inline(__always)
        private func best(_ hash: UInt64, _ admits: (Int) -> Bool) -> Int {
            var best = -1
            guard !weights.isEmpty else {
                // The logarithm would not change the order.
                var highest: UInt64 = 0
                for index in names.indices {
                    let score = SplitMix64.mix(hash ^ names[index])
                    if score >= highest, admits(index) { (best, highest) = (index, score) }
                }
                return best
            }
            var shortest = Double.infinity
            for index in names.indices {
                let score = SplitMix64.mix(hash ^ names[index])
                // Above 0 and below 1.
                let fraction = (Double(score &>> 11) + 0.5) * 0x1p-53
                let distance = -fraction.naturalLogarithm / weights[index]
                if distance < shortest, admits(index) { (best, shortest) = (index, distance) }
            }
            return best
        }
    }
}

extension BalancingPolicy where Self == Rendezvous {
    /// Each key to the endpoint that has the highest score for it; see ``Rendezvous/init(by:bound:)``.
    public static func rendezvous(by key: BalancingKey, bound: LoadBound? = nil) -> Rendezvous {
        Rendezvous(by: key, bound: bound)
    }
}
