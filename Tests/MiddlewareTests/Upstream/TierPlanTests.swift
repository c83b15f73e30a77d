import Middleware
import Testing

/// How traffic falls on tiers. The figures are Envoy's for its priority levels.
@Suite("TierPlan")
struct TierPlanTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var healthy: [Double]
        var shares: [Double]
        var testDescription: String { "\(healthy) of 100" }
    }

    static let rows = [
        Row(healthy: [100, 100], shares: [1, 0]),
        Row(healthy: [72, 100], shares: [1, 0]),
        Row(healthy: [71, 100], shares: [0.994, 0.006]),
        Row(healthy: [50, 100], shares: [0.7, 0.3]),
        Row(healthy: [25, 100], shares: [0.35, 0.65]),
        Row(healthy: [0, 100], shares: [0, 1]),
        Row(healthy: [25, 25], shares: [0.5, 0.5]),
        Row(healthy: [50, 25, 25], shares: [0.7, 0.3, 0]),
        Row(healthy: [5, 0], shares: [1, 0]),
        Row(healthy: [0, 0], shares: [0, 0]),
        Row(healthy: [100], shares: [1]),
        Row(healthy: [1], shares: [1]),
        Row(healthy: [], shares: []),
    ]

    @Test("a tier takes all while 71 % of it is healthy; what it cannot take spills over", arguments: rows)
    func shares(row: Row) {
        let shares = TierPlan.shares(row.healthy.map { ($0, 100) })
        #expect(shares.count == row.shares.count)
        for (share, expected) in zip(shares, row.shares) { #expect(abs(share - expected) < 1e-9, "\(shares)") }
    }

    @Test("whatever is healthy, the shares sum to one and sick tiers get nothing", arguments: 0..<200)
    func sums(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let tiers = (0..<(1 + random.below(6))).map { _ in
            let all = Double(1 + random.below(20))
            return (healthy: (random.fraction() * (all + 1)).rounded(.down), all: all)
        }
        let shares = TierPlan.shares(tiers)
        let sum = shares.reduce(0, +)
        #expect(tiers.contains { $0.healthy > 0 } ? abs(sum - 1) < 1e-9 : sum == 0)
        for (tier, share) in zip(tiers, shares) where tier.healthy == 0 { #expect(share == 0) }
    }
}
