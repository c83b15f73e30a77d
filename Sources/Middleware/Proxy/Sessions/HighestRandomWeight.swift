/// Which of several candidates a hash belongs to, in proportion to their weights: Thaler and Ravishankar, "Using
/// name-based mappings to increase hit rates", 1998, weighted as by Schindelhauer and Schomaker, "Weighted distributed
/// hash tables", 2005.
///
/// Each candidate draws a time from the hash and its own seed, exponentially distributed at the rate of its weight; the
/// earliest wins. A candidate that leaves, or whose weight falls, loses its own hashes alone; one whose weight grows takes
/// no more than it gained.
enum HighestRandomWeight {
    /// The position of the winner; `nil` when no weight is above zero.
    ///
    /// - Parameters:
    ///   - seeds: what tells the candidates apart.
    ///   - weight: the weight at a position; a candidate without one is left out.
    @inline(__always)
    static func winner(of hash: UInt64, among seeds: [UInt64], weight: (Int) -> Double) -> Int? {
        var winner: Int?
        var earliest = Double.infinity
        for index in seeds.indices {
            let weight = weight(index)
            guard weight > 0 else { continue }
            // Above 0 and at most 1.
            let chance = Double((SplitMix64.mix(hash ^ seeds[index]) >> 11) + 1) * 0x1p-53
            // The negated logarithm of x is at least 1 - x, which spares nearly all of many candidates the logarithm.
            guard 1 - chance < earliest * weight else { continue }
            let time = -chance.naturalLogarithm / weight
            guard time < earliest else { continue }
            earliest = time
            winner = index
        }
        return winner
    }
}
