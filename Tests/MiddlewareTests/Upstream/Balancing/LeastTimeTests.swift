import Middleware
import MiddlewareTesting
import Testing

@Suite("Least time")
struct LeastTimeTests {
    private static let millisecond: Int64 = 1_000_000
    private static let second: Int64 = 1_000_000_000

    @Test("of two, the one whose time for all its requests is less is taken")
    func compares() {
        let candidates = BalancingCandidate.numbered([1, 1])
        candidates[0].state.responseTime.observe(10 * Self.millisecond, at: 0)
        candidates[1].state.responseTime.observe(25 * Self.millisecond, at: 0)
        let balancer = LeastTime().balancer(among: candidates)
        #expect(LeastTime().readsResponseTime)
        #expect(balancer.shares(of: 2, in: 100) == [1, 0])
        candidates[0].state.begin()
        #expect(balancer.shares(of: 2, in: 100) == [1, 0])
        candidates[0].state.begin()
        #expect(balancer.shares(of: 2, in: 100) == [0, 1])
    }

    @Test("one that was never measured is tried at once, with one request at a time")
    func unknown() {
        let candidates = BalancingCandidate.numbered([1, 1])
        candidates[0].state.responseTime.observe(Self.millisecond, at: 0)
        for _ in 0..<9 { candidates[0].state.begin() }
        let balancer = LeastTime().balancer(among: candidates)
        #expect(balancer.shares(of: 2, in: 100) == [0, 1])
        candidates[1].state.begin()
        #expect(balancer.shares(of: 2, in: 100) == [1, 0])
        candidates[1].state.responseTime.observe(Self.millisecond, at: 0)
        #expect(balancer.shares(of: 2, in: 100) == [0, 1])
    }

    @Test("while none was ever measured the requests in flight decide")
    func allUnknown() {
        let candidates = BalancingCandidate.numbered([1, 1])
        let balancer = LeastTime().balancer(among: candidates)
        for seed in 0..<100 as Range<UInt64> { candidates[balancer.choose(seed: seed)].state.begin() }
        #expect(candidates.map(\.state.inFlight) == [50, 50])
    }

    @Test(
        "one whose first answer was slow is chosen again after 10 s × ln of how much slower (traefik#12306)",
        arguments: [(10.0, 23.1), (1000, 69.1), (60_000, 110.1)])
    func firstAnswerSlow(times: Double, seconds: Double) {
        let candidates = BalancingCandidate.numbered([1, 1])
        let balancer = LeastTime().balancer(among: candidates)
        candidates[0].state.responseTime.observe(Int64(times) * Self.millisecond, at: 0)
        var chosen: Int64?
        for tenth in 0..<2000 as Range<Int64> where chosen == nil {
            let now = tenth * Self.second / 10
            candidates[1].state.responseTime.observe(Self.millisecond, at: now)
            if balancer.choose(seed: UInt64(tenth), at: now) == 0 { chosen = now }
        }
        let after = Double(chosen ?? .max) / 1e9
        #expect(after > seconds - 0.2 && after < seconds + 1)
    }

    @Test("one that has recovered gets its share back")
    func recovered() {
        let candidates = BalancingCandidate.numbered([1, 1, 1])
        let balancer = LeastTime().balancer(among: candidates)
        var counts = [0, 0, 0]
        for step in 0..<3000 as Range<Int64> {
            let now = step * Self.second / 20
            let index = balancer.choose(seed: UInt64(step), at: now)
            let isSlow = index == 0 && step < 200
            candidates[index].state.responseTime.observe(isSlow ? 2 * Self.second : Self.millisecond, at: now)
            if step >= 2000 { counts[index] += 1 }
        }
        #expect(counts[0] > 200, "\(counts)")
    }
}
