import Middleware
import Testing

@Suite("RetryBudget")
struct RetryBudgetTests {
    @Test(
        "retries are a share of the requests and a minimum",
        arguments: [
            (0, 0.2, 0.0, 0), (100, 0.2, 0.0, 20), (99, 0.2, 0.0, 19), (0, 0.2, 1.0, 10), (100, 0.2, 1.0, 30),
            (10, 2.0, 0.0, 20), (100, 0.0, 0.5, 5),
        ] as [(Int, Double, Double, Int)])
    func share(requests: Int, share: Double, minimum: Double, retries: Int) {
        let budget = RetryBudget(share: share, minimumPerSecond: minimum, window: .seconds(10))
        for _ in 0..<requests { budget.deposit(at: 0) }
        #expect((0..<1000).filter { _ in budget.withdraw(at: 0) }.count == retries)
    }

    @Test("there are none, or as many as are asked for")
    func nullObjects() {
        let none = RetryBudget.none
        let unlimited = RetryBudget.unlimited
        for _ in 0..<1000 { none.deposit(at: 0) }
        #expect(!none.withdraw(at: 0))
        #expect((0..<1000).allSatisfy { _ in unlimited.withdraw(at: 0) })
    }

    @Test("requests are forgotten after a window, and retries with them")
    func forgets() {
        let budget = RetryBudget(share: 0.5, minimumPerSecond: 0, window: .seconds(10))
        for _ in 0..<10 { budget.deposit(at: 0) }
        #expect(budget.withdraw(at: .seconds(9)))
        #expect(!budget.withdraw(at: .seconds(12)))
        for _ in 0..<2 { budget.deposit(at: .seconds(12)) }
        // The retry of second 9 still counts against those.
        #expect(!budget.withdraw(at: .seconds(12)))
        for _ in 0..<2 { budget.deposit(at: .seconds(21)) }
        #expect(budget.withdraw(at: .seconds(21)))
    }

    @Test("over no window are there more than the share and the minimum", arguments: 0..<40 as Range<UInt64>)
    func bound(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let share = random.fraction()
        let minimum = Double(random.below(5))
        let window = Int64.seconds(10)
        let budget = RetryBudget(share: share, minimumPerSecond: minimum, window: .seconds(10))
        var requests: [Int64] = []
        var retries: [Int64] = []
        var now: Int64 = 0
        for _ in 0..<600 {
            now += Int64(random.below(random.below(30) == 0 ? 8_000_000_000 : 60_000_000))
            if random.below(2) == 0 {
                budget.deposit(at: now)
                requests.append(now)
            } else if budget.withdraw(at: now) {
                retries.append(now)
                let spent = retries.filter { now - $0 < window }.count
                let earned = requests.filter { now - $0 <= window + window / 10 }.count
                #expect(Double(spent) <= Double(earned) * share + minimum * 10)
            }
        }
        // It is no miser either.
        #expect(minimum == 0 || !retries.isEmpty)
    }

    @Test("threads that withdraw at once share what there is")
    func threads() async {
        let budget = RetryBudget(share: 0.5, minimumPerSecond: 0)
        for _ in 0..<1000 { budget.deposit(at: 1) }
        let granted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { (0..<500).filter { _ in budget.withdraw(at: 1) }.count } }
            return await group.reduce(0, +)
        }
        #expect(granted == 500)
    }
}
