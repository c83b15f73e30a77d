import Testing

@testable import Middleware

@Suite("SlidingCounts")
struct SlidingCountsTests {
    @Test("what is counted is what came within a window, or up to a slot before", arguments: 0..<40 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let window: Int64 = 1000
        let counts = SlidingCounts(window: window)
        var events: [(at: Int64, second: Bool)] = []
        var now = Int64(random.below(5000)) - 2500
        for _ in 0..<500 {
            now += Int64(random.below(random.below(20) == 0 ? 3000 : 40))
            let isSecond = random.below(3) == 0
            counts.add(second: isSecond, at: now)
            events.append((now, isSecond))
            events.removeAll { now - $0.at > 2 * window }
            let sums = counts.sums(at: now)
            let least = events.filter { now - $0.at < window }
            let most = events.filter { now - $0.at <= window + window / 10 }
            #expect((least.count...most.count).contains(sums.first))
            #expect((least.filter(\.second).count...most.filter(\.second).count).contains(sums.second))
        }
        #expect(counts.sums(at: now + window + window / 10) == SlidingCounts.Sums())
    }

    @Test("nothing is lost among threads within a slot")
    func threads() async {
        let counts = SlidingCounts(window: .seconds(3600))
        await withDiscardingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1000 { counts.add(second: true, at: 5) } }
            }
        }
        #expect(counts.sums(at: 5) == SlidingCounts.Sums(first: 8000, second: 8000))
    }

    @Test("no instant overflows it", arguments: [Int64.min, -1, 0, .max - 1, .max])
    func extremes(now: Int64) {
        for window in [Int64.min, 0, 1, .max] {
            let counts = SlidingCounts(window: window)
            counts.add(at: 0)
            counts.add(at: now)
            #expect(counts.sums(at: now).first >= 0)
        }
    }
}
