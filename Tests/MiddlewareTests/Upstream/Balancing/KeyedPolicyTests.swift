import Middleware
import MiddlewareTesting
import Testing

@Suite("Ring, Maglev and rendezvous")
struct KeyedPolicyTests {
    private func part(_ shares: [Double]) -> Double { (shares.max() ?? 0) * Double(shares.count) }

    @Test("the busiest of ten has this much of its share", arguments: [(40, 1.6), (160, 1.25), (640, 1.12)])
    func ringEvenness(points: Int, most: Double) {
        let policy = RingHash(by: .path, points: points)
        let shares = policy.balancer(among: BalancingCandidate.numbered(.init(repeating: 1, count: 10)))
            .shares(of: 10, in: 50_000)
        #expect(part(shares) < most)
    }

    @Test("a ring goes by weight, and an endpoint that gains weight takes keys and moves no others")
    func ringWeights() {
        let light = BalancingCandidate.numbered([1, 1, 1, 1])
        let heavy = light.prefix(3) + [BalancingCandidate(light[3].state, weight: 3)]
        let policy = RingHash(by: .path)
        let (before, after) = (policy.balancer(among: light), policy.balancer(among: Array(heavy)))
        var random = SplitMix64(seed: 2)
        var taken = 0
        for _ in 0..<10_000 {
            let hash = random.next()
            let (old, new) = (before.choose(hash: hash), after.choose(hash: hash))
            #expect(old == new || new == 3)
            if old != new { taken += 1 }
        }
        // From a quarter to a half.
        #expect((2000...3000).contains(taken))
    }

    @Test("both ends of the ring are one")
    func ringEnds() {
        let balancer = RingHash(by: .path, points: 1).balancer(among: BalancingCandidate.numbered([1, 1, 1]))
        #expect(balancer.choose(hash: .max) == balancer.choose(hash: 0))
    }

    @Test(
        "a Maglev table gives each endpoint its places, give or take one",
        arguments: [(3, 251), (7, 5003), (100, 1009), (250, 251)])
    func maglevEvenness(count: Int, size: Int) {
        let balancer = Maglev(by: .path, tableSize: size)
            .balancer(among: BalancingCandidate.numbered(.init(repeating: 1, count: count)))
        var places = [Int](repeating: 0, count: count)
        for place in 0..<size {
            let hash = UInt64.max / UInt64(size) * UInt64(place) + UInt64.max / UInt64(size) / 2
            places[balancer.choose(hash: hash)] += 1
        }
        #expect(places.allSatisfy { $0 == size / count || $0 == size / count + 1 })
    }

    @Test("for more endpoints than places the table grows, so that none is left out")
    func maglevGrows() {
        let balancer = Maglev(by: .path, tableSize: 7)
            .balancer(among: BalancingCandidate.numbered(.init(repeating: 1, count: 20)))
        #expect(balancer.shares(of: 20, in: 5000).allSatisfy { $0 > 0 })
    }

    @Test("primes", arguments: [(Int.min, 2), (3, 3), (4, 5), (9, 11), (65_536, 65_537), (.max, 5_000_011)])
    func primes(from: Int, prime: Int) {
        #expect(Maglev.prime(from: from) == prime)
    }

    @Test("rendezvous moves the keys of a lost weight to the others in proportion to theirs")
    func rendezvousWeights() {
        let full = BalancingCandidate.numbered([2, 1, 3])
        let half = [BalancingCandidate(full[0].state, weight: 1)] + full.dropFirst()
        let policy = Rendezvous(by: .path)
        let (before, after) = (policy.balancer(among: full), policy.balancer(among: half))
        var random = SplitMix64(seed: 2)
        var moved = [0, 0, 0]
        for _ in 0..<20_000 {
            let hash = random.next()
            let (old, new) = (before.choose(hash: hash), after.choose(hash: hash))
            #expect(old == new || old == 0)
            if old != new { moved[new] += 1 }
        }
        #expect(moved[0] == 0 && (2.6...3.4).contains(Double(moved[2]) / Double(moved[1])))
    }

    @Test("all agree with another gateway whose list is in another order, weights or not")
    func order() {
        let candidates = BalancingCandidate.numbered([3, 1, 2, 2, 1])
        let turned = Array(candidates.reversed())
        for policy in [.ringHash(by: .path), .maglev(by: .path), .rendezvous(by: .path)] as [any BalancingPolicy] {
            let (one, other) = (policy.balancer(among: candidates), policy.balancer(among: turned))
            for hash in 0..<1000 as Range<UInt64> {
                let key = SplitMix64.mix(hash)
                #expect(candidates[one.choose(hash: key)].state === turned[other.choose(hash: key)].state)
            }
        }
    }

    /// What a client would notice first if it changed.
    @Test("the places of keys are the same in every release")
    func stable() {
        let candidates = BalancingCandidate.numbered([1, 1, 2, 1])
        let places = ([.ringHash(by: .path), .maglev(by: .path), .rendezvous(by: .path)] as [any BalancingPolicy]).map {
            policy in
            let balancer = policy.balancer(among: candidates)
            return (0..<12 as Range<UInt64>).map { "\(balancer.choose(hash: SplitMix64.mix($0 + 1)))" }.joined()
        }
        #expect(places == ["102012003222", "212213223200", "121022302322"])
    }

    // MARK: - Bounded loads

    static let bounded: [any BalancingPolicy] = [
        .ringHash(by: .path, bound: LoadBound()), .maglev(by: .path, bound: LoadBound()),
        .rendezvous(by: .path, bound: LoadBound()), .ipHash(bound: LoadBound()),
    ]

    @Test("no endpoint gets a request beyond its bound, even when all ask for the same key", arguments: bounded)
    func bound(policy: any BalancingPolicy) {
        let weights = [1.0, 2, 1, 4]
        let candidates = BalancingCandidate.numbered(weights)
        let balancer = policy.balancer(among: candidates)
        for total in 0..<400 {
            let index = balancer.choose(hash: 42)
            candidates[index].state.begin()
            let most = (1.25 * Double(total + 1) * weights[index] / 8).rounded(.up)
            #expect(Double(candidates[index].state.inFlight) <= most)
        }
    }

    @Test("a key leaves its endpoint when that is full, and comes back", arguments: bounded)
    func comesBack(policy: any BalancingPolicy) {
        let candidates = BalancingCandidate.numbered([1, 1, 1])
        let balancer = policy.balancer(among: candidates)
        let home = balancer.choose(hash: 7)
        for _ in 0..<10 { candidates[home].state.begin() }
        let other = balancer.choose(hash: 7)
        #expect(other != home && balancer.choose(hash: 7) == other)
        for index in 0..<3 where index != home { for _ in 0..<10 { candidates[index].state.begin() } }
        #expect(balancer.choose(hash: 7) == home)
    }

    @Test("among a thousand, where the count is a few choices old, bounds hold all the same")
    func manyBounded() {
        let candidates = BalancingCandidate.numbered(.init(repeating: 1, count: 1000))
        let balancer = Maglev(by: .path, bound: LoadBound()).balancer(among: candidates)
        var random = SplitMix64(seed: 1)
        for _ in 0..<4000 { candidates[balancer.choose(hash: random.next())].state.begin() }
        #expect(candidates.allSatisfy { $0.state.inFlight <= 5 })
    }
}
