/// Draws positions by weight in the same time for any number of them: the alias method (Walker 1974) with tables built
/// in linear time (Vose, "A linear algorithm for generating random numbers with a given distribution", 1991).
///
/// Equal weights need no table. 16 bytes for each position otherwise.
package struct AliasTable: Sendable {
    private struct Column {
        /// The part of the column that is its own, of 2⁶⁴.
        var own: UInt64
        /// Who has the rest.
        var alias: Int
    }

    /// The number of positions.
    package let count: Int
    private let columns: [Column]

    /// A table of weights; what is no number above zero counts for nothing unless all are.
    package init(_ weights: [Double]) {
        count = weights.count
        let parts = weights.parts
        columns = parts.isEven ? [] : Self.columns(parts)
    }

    private static func columns(_ parts: [Double]) -> [Column] {
        let count = Double(parts.count)
        var heights = parts.map { $0 * count }
        var columns = parts.indices.map { Column(own: .max, alias: $0) }
        var low = heights.indices.filter { heights[$0] < 1 }
        var high = heights.indices.filter { heights[$0] >= 1 }
        while let small = low.popLast(), let large = high.last {
            columns[small] = Column(own: UInt64(heights[small] * 0x1p64), alias: large)
            heights[large] -= 1 - heights[small]
            if heights[large] < 1 {
                high.removeLast()
                low.append(large)
            }
        }
        return columns
    }

    /// A position by weight. One number of chance.
    @inline(__always)
    package func draw(_ random: inout SplitMix64) -> Int {
        let (high, low) = random.next().multipliedFullWidth(by: UInt64(truncatingIfNeeded: count))
        let index = Int(truncatingIfNeeded: high)
        guard !columns.isEmpty else { return index }
        // Which column took the high bits; the low ones are as good as independent of it.
        return low <= columns[index].own ? index : columns[index].alias
    }

    /// Two positions. Different ones when the weights are equal; else the second is drawn twice at the most, so that a
    /// light one is among them in no more than three times its share. Three numbers of chance at the most.
    @inline(__always)
    package func drawTwo(_ random: inout SplitMix64) -> (first: Int, second: Int) {
        let first = draw(&random)
        guard columns.isEmpty else {
            let second = draw(&random)
            return (first, second == first ? draw(&random) : second)
        }
        let second = random.below(count - 1)
        return (first, second < first ? second : second + 1)
    }
}
