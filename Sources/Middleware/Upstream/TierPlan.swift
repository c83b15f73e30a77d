/// How traffic falls on the tiers of a cluster, by how much of each is healthy: Envoy's priority levels with their
/// overprovisioning factor.
///
/// A tier takes all of it for as long as 1 / 1.4, about 71 %, of its weight is healthy; below that what it cannot take
/// spills over to the next in proportion. When the tiers together are healthy to less than the whole, each takes its part of
/// what there is.
package enum TierPlan {
    /// What a tier is trusted to carry beyond its share.
    package static let overprovisioning = 1.4

    /// The share of each tier; they sum to 1, or are all 0 when nothing is healthy.
    ///
    /// - Parameter tiers: the weight of the healthy endpoints and of all, in order of preference.
    package static func shares(_ tiers: [(healthy: Double, all: Double)]) -> [Double] {
        let health = tiers.map { $0.all > 0 ? min(1, overprovisioning * $0.healthy / $0.all) : 0 }
        let total = min(1, health.reduce(0, +))
        guard total > 0 else { return health }
        var left = 1.0
        var shares = health.map { health in
            let share = min(left, health / total)
            left -= share
            return share
        }
        // What rounding has left goes to a tier that may be chosen.
        if left > 0, let last = shares.lastIndex(where: { $0 > 0 }) { shares[last] += left }
        return shares
    }
}
