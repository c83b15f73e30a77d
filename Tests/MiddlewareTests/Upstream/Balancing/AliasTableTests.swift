import Middleware
import Testing

@Suite("AliasTable")
struct AliasTableTests {
    @Test(
        "positions come by weight",
        arguments: [[1], [1, 1, 1], [1, 2, 3, 4], [0.01, 1, 1], [1000, 1], [1, 0, 3], [5, 5, 5, 5.0001]] as [[Double]]
    )
    func shares(weights: [Double]) {
        let table = AliasTable(weights)
        var random = SplitMix64(seed: 5)
        var counts = weights.map { _ in 0.0 }
        let draws = 50_000.0
        for _ in 0..<Int(draws) { counts[table.draw(&random)] += 1 }
        for (count, part) in zip(counts, weights.parts) {
            let deviation = (draws * part * (1 - part)).squareRoot()
            #expect(abs(count - draws * part) <= 4.5 * deviation)
        }
    }

    @Test(
        "weights that are none count for nothing, unless all are",
        arguments: [
            ([.nan, 1, -1, .infinity], [0, 1, 0, 0]), ([0, 0], [0.5, 0.5]), ([.nan], [1]), ([], []),
            ([1e308, 1e308], [0.5, 0.5]),
            ([8 * Double.leastNonzeroMagnitude, 24 * Double.leastNonzeroMagnitude], [0.25, 0.75]),
        ] as [([Double], [Double])]
    )
    func parts(weights: [Double], parts: [Double]) {
        #expect(zip(weights.parts, parts).allSatisfy { abs($0 - $1) < 0.001 } && weights.parts.count == parts.count)
        var random = SplitMix64(seed: 1)
        #expect(AliasTable(weights).draw(&random) < max(1, weights.count))
    }

    @Test("two of equal weight are never the same, each pair as likely as the other")
    func pairs() {
        let table = AliasTable([2, 2, 2, 2])
        var random = SplitMix64(seed: 9)
        var counts = [Int](repeating: 0, count: 16)
        for _ in 0..<12_000 {
            let (first, second) = table.drawTwo(&random)
            counts[first * 4 + second] += 1
        }
        for place in counts.indices {
            #expect(place / 4 == place % 4 ? counts[place] == 0 : (850...1150).contains(counts[place]))
        }
    }

    @Test("a light one is among two in no more than three times its part")
    func lightPairs() {
        let table = AliasTable([1, 1, 0.02])
        var random = SplitMix64(seed: 9)
        var count = 0
        for _ in 0..<50_000 {
            let (first, second) = table.drawTwo(&random)
            if first == 2 || second == 2 { count += 1 }
        }
        #expect(Double(count) / 50_000 < 3 * 0.02 / 2.02)
    }
}
