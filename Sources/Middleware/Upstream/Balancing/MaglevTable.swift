/// The places of a Maglev table, each the position of a candidate.
struct MaglevTable: Balancer {
    /// Full endpoints are passed over along so many places, and no further.
    private static let longestWalk = 4096
    private static let free = UInt32.max

    private let places: [UInt32]
    private let ceilings: LoadCeilings?

    /// A table of a prime number of places, at least as many as candidates.
    init(_ candidates: [BalancingCandidate], size: Int, _ bound: LoadBound?) {
        let names = candidates.map(\.state.stableHash)
        // In an order of the endpoints' own, so that their order in the list is of no account.
        let order = candidates.indices.sorted { names[$0] < names[$1] }
        let parts = candidates.parts
        let quotas = Self.quotas(order.map { parts[$0] }, size: size)
        places = Self.fill(size, order.map { names[$0] }, quotas).map { UInt32(truncatingIfNeeded: order[Int($0)]) }
        ceilings = bound.map { LoadCeilings(candidates, $0) }
    }

    func choose(_ choice: inout BalancingChoice) -> Int {
        var place = Int(truncatingIfNeeded: choice.hash.multipliedFullWidth(by: UInt64(places.count)).high)
        let first = Int(places[place])
        guard let ceilings else { return first }
        let count = ceilings.count()
        var owner = first
        for _ in 0..<min(places.count, Self.longestWalk) {
            if ceilings.admits(owner, of: count) { return owner }
            place = place + 1 == places.count ? 0 : place + 1
            owner = Int(places[place])
        }
        return first
    }

    /// How many places each gets: one, and of the rest in proportion to what its part is short of.
    private static func quotas(_ parts: [Double], size: Int) -> [Int] {
        let short = parts.map { max(0, $0 * Double(size) - 1) }
        let unit = Double(size - parts.count) / max(short.reduce(0, +), .leastNormalMagnitude)
        var sum = 0.0
        var given = 0
        return short.indices.map { index in
            sum += short[index] * unit
            // The last one takes what rounding has left.
            let reached = index == short.count - 1 ? size - parts.count : Int(sum.rounded())
            defer { given = reached }
            return 1 + reached - given
        }
    }

    /// Lets each in turn take the next free place of its own permutation, the heavy ones several a turn.
    private static func fill(_ size: Int, _ names: [UInt64], _ quotas: [Int]) -> [UInt32] {
        var table = [UInt32](repeating: free, count: size)
        // Section 3.4: offset and skip, from two independent hashes.
        var cursors = names.map { Int(SplitMix64.mix($0) % UInt64(size)) }
        let skips = names.map { Int(SplitMix64.mix(~$0) % UInt64(size - 1)) + 1 }
        var taken = [Int](repeating: 0, count: names.count)
        // Not so many rounds that the light ones' idle turns would cost more than the table.
        let rounds = max(1, min(quotas.max() ?? 1, 4 * size / names.count))
        for round in 1...rounds {
            for index in names.indices {
                let due = round == rounds ? quotas[index] : (quotas[index] * round + rounds - 1) / rounds
                while taken[index] < due {
                    var cursor = cursors[index]
                    while table[cursor] != free {
                        cursor += skips[index]
                        if cursor >= size { cursor -= size }
                    }
                    table[cursor] = UInt32(truncatingIfNeeded: index)
                    cursors[index] = cursor
                    taken[index] += 1
                }
            }
        }
        return table
    }
}
