import Middleware
import Testing

@Suite("Penalty")
struct PenaltyTests {
    private static let terms = Penalty.Terms(
        base: .seconds(10), maximum: .seconds(300), forgivenAfter: .seconds(60), jitter: 0)

    @Test("each repetition doubles it, up to the maximum")
    func doubles() {
        var penalty = Penalty()
        var now: Int64 = 0
        let lengths = (0..<8).map { _ in
            let length = penalty.impose(Self.terms, at: now, random: 0)
            now += length
            return length / .seconds(1)
        }
        #expect(lengths == [10, 20, 40, 80, 160, 300, 300, 300])
    }

    @Test(
        "good conduct takes back one doubling after the other",
        arguments: [(0.0, 40), (59.0, 40), (60.0, 20), (119.0, 20), (120.0, 10), (1e6, 10)] as [(Double, Int64)])
    func forgives(seconds: Double, expected: Int64) {
        var penalty = Penalty()
        let first = penalty.impose(Self.terms, at: 0, random: 0)
        let second = penalty.impose(Self.terms, at: first, random: 0)
        #expect(
            penalty.impose(Self.terms, at: first + second + .seconds(seconds), random: 0) == .seconds(Double(expected)))
    }

    @Test("an illness of any length is forgiven within as many steps as it takes to the maximum")
    func isNotHeldAgainstForEver() {
        var penalty = Penalty()
        var now: Int64 = 0
        for _ in 0..<1000 { now += penalty.impose(Self.terms, at: now, random: 0) }
        #expect(penalty.impose(Self.terms, at: now + .seconds(5 * 60), random: 0) == .seconds(10))
    }

    @Test(
        "jitter only lengthens, by no more than its share, and repetition never shortens",
        arguments: 0..<200 as Range<UInt64>)
    func jitter(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let share = random.fraction()
        let terms = Penalty.Terms(base: .seconds(1), maximum: .seconds(64), forgivenAfter: .seconds(1), jitter: share)
        var plain = Penalty()
        var jittered = Penalty()
        var now: Int64 = 0
        var last: Int64 = 0
        for _ in 0..<7 {
            let least = plain.impose(
                Penalty.Terms(base: .seconds(1), maximum: .seconds(64), forgivenAfter: .max, jitter: 0), at: 0,
                random: 0)
            let length = jittered.impose(terms, at: now, random: random.next())
            #expect(length >= least && Double(length) <= Double(least) * (1 + share))
            #expect(length >= last)
            now += length
            last = length
        }
    }

    @Test(
        "no numbers overflow it",
        arguments: [
            (Int64.max, Int64.max, Int64.max), (1, .max, 0), (.max / 2, .max, .max - 1), (0, 0, .min), (-5, -9, -1),
        ] as [(Int64, Int64, Int64)])
    func extremes(base: Int64, maximum: Int64, now: Int64) {
        var penalty = Penalty()
        let terms = Penalty.Terms(base: base, maximum: maximum, forgivenAfter: 0, jitter: 1)
        for _ in 0..<100 { #expect(penalty.impose(terms, at: now, random: .max) > 0) }
    }
}
