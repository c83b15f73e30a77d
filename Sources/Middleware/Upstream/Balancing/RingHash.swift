/// Each key to the endpoint whose point on a ring follows it: consistent hashing (Karger and others, 1997) with points
/// in proportion to the weights, as ketama (Last.fm, 2007) has them.
///
/// ```swift
/// Cluster("cache", endpoints: origins, balancing: .ringHash(by: .path))
/// Cluster("cache", endpoints: origins, balancing: .ringHash(by: .query("user"), points: 640, bound: LoadBound()))
/// ```
///
/// For caches and sessions, where endpoints come and go. When one leaves, its keys go to all others and no other key
/// moves; when one comes, it takes keys from all others and nothing else moves. Shares are uneven by about 1 / √points,
/// 8 % with 160 of them. ``Maglev`` is more even and moves a little more.
///
/// Gateways agree as long as they know the same endpoints by the same text, in any order. The points are not those of
/// libketama, which takes MD5.
///
/// A choice is a look into a table that points into the ring, O(1) whatever the number of candidates; with a bound, it
/// goes on to the next point while an endpoint is full. The ring is made in linear time and has about 2²⁰ points at the
/// most, in 20 MB: when weights ask for more, the points of all are halved until they fit, and each endpoint has one at
/// least. A choice that follows a refused one comes with another hash, and so from another place of the ring.
public struct RingHash: BalancingPolicy {
    private static let mostPoints = 1 << 20

    public let key: BalancingKey?
    /// The points for each unit of weight.
    public let points: Int
    /// How much more than its share an endpoint may carry; `nil` for any amount.
    public let bound: LoadBound?

    /// A ring.
    ///
    /// - Parameters:
    ///   - key: what is hashed.
    ///   - points: the points for each unit of weight, 1 to 65,536; 160 unless given. An endpoint whose weight is
    ///     changed gains or loses points, and those of the others stay.
    ///   - bound: how much more than its share an endpoint may carry; any amount unless given.
    public init(by key: BalancingKey, points: Int = 160, bound: LoadBound? = nil) {
        self.key = key
        self.points = points
        self.bound = bound
    }

    public func check(_ blueprint: inout Blueprint) {
        key?.check(&blueprint)
        bound?.check(&blueprint)
        blueprint.require(
            (1...65_536).contains(points), "has a ring of \(points) points for each unit of weight",
            mend: "give from 1 to 65536 points, such as 160")
    }

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        guard candidates.count > 1 else { return OnlyCandidate() }
        return Ring(candidates, counts: counts(candidates), bound)
    }

    /// The points of each candidate: those of its weight, halved until all fit.
    private func counts(_ candidates: [BalancingCandidate]) -> [Int] {
        let parts = candidates.parts
        let most = Double(Self.mostPoints)
        let total = candidates.reduce(0) { $0 + $1.weight }
        let units = total > 0 ? min(total, 1e300) : Double(candidates.count)
        let wanted = Double(min(max(points, 1), 65_536)) * units
        let sum = wanted <= most ? wanted : wanted * (most / wanted).binade
        return parts.map { max(1, Int(($0 * sum).rounded())) }
    }
}

extension BalancingPolicy where Self == RingHash {
    /// Each key to the endpoint that follows it on a ring; see ``RingHash/init(by:points:bound:)``.
    public static func ringHash(by key: BalancingKey, points: Int = 160, bound: LoadBound? = nil) -> RingHash {
        RingHash(by: key, points: points, bound: bound)
    }
}

/// The points of a ring in order, and a table of where those of each stretch begin.
private struct Ring: Balancer {
    /// Full endpoints are passed over along so many points, and no further.
    private static let longestWalk = 4096

    private let hashes: [UInt64]
    private let owners: [UInt32]
    /// For each stretch of the ring, named by the first bits of its hashes, the first point in it or behind it.
    private let starts: [UInt32]
    private let shift: UInt64
    private let ceilings: LoadCeilings?

    init(_ candidates: [BalancingCandidate], counts: [Int], _ bound: LoadBound?) {
        let count = counts.reduce(0, +)
        // As many stretches as points, or up to twice as many: each has one point on average.
        let bits = UInt64(max(1, Int.bitWidth - (count - 1).leadingZeroBitCount))
        let shift = 64 - bits
        var starts = [UInt32](repeating: 0, count: 1 << Int(bits))
        Self.walk(candidates, counts) { hash, _ in starts[Int(hash &>> shift)] += 1 }
        var sum: UInt32 = 0
        for stretch in starts.indices {
            (starts[stretch], sum) = (sum, sum + starts[stretch])
        }
        var hashes = [UInt64](repeating: 0, count: count)
        var owners = [UInt32](repeating: 0, count: count)
        var ends = starts
        Self.walk(candidates, counts) { hash, owner in
            let stretch = Int(hash &>> shift)
            var place = Int(ends[stretch])
            ends[stretch] += 1
            while place > Int(starts[stretch]), hashes[place - 1] > hash {
                hashes[place] = hashes[place - 1]
                owners[place] = owners[place - 1]
                place -= 1
            }
            hashes[place] = hash
            owners[place] = owner
        }
        self.hashes = hashes
        self.owners = owners
        self.starts = starts
        self.shift = shift
        ceilings = bound.map { LoadCeilings(candidates, $0) }
    }

    /// Names every point. An endpoint that gains weight keeps those it had.
    private static func walk(_ candidates: [BalancingCandidate], _ counts: [Int], _ body: (UInt64, UInt32) -> Void) {
        for index in candidates.indices {
            var points = SplitMix64(seed: candidates[index].state.stableHash)
            for _ in 0..<counts[index] { body(points.next(), UInt32(truncatingIfNeeded: index)) }
        }
    }

    func choose(_ choice: inout BalancingChoice) -> Int {
        var place = Int(starts[Int(choice.hash &>> shift)])
        while place < hashes.count, hashes[place] < choice.hash { place += 1 }
        if place == hashes.count { place = 0 }
        let first = Int(owners[place])
        guard let ceilings else { return first }
        let count = ceilings.count()
        var owner = first
        for _ in 0..<min(hashes.count, Self.longestWalk) {
            if ceilings.admits(owner, of: count) { return owner }
            place = place + 1 == hashes.count ? 0 : place + 1
            owner = Int(owners[place])
        }
        return first
    }
}
