import Testing

@testable import Middleware

@Suite("LoopTimers")
struct LoopTimersTests {
    /// Timers whose wake-ups the test sees and carries out.
    private final class Clockwork {
        var now: Int64 = 0
        private(set) var wakeUps: [Int64] = []
        private(set) var timers: LoopTimers!

        init() {
            timers = LoopTimers { [unowned self] instant in
                wakeUps.append(instant)
                return TimerToken()
            }
        }

        /// Moves time on as the loop would: to each wake-up that was asked for.
        func advance(to instant: Int64) {
            while let next = wakeUps.min(), next <= instant {
                wakeUps.removeAll { $0 <= next }
                now = max(now, next)
                timers.fire(now: now)
            }
            now = instant
        }
    }

    @Test("a deadline fires once, at its instant")
    func fires() {
        let clock = Clockwork()
        var fired: [Int64] = []
        let timer = LoopTimer(on: clock.timers) { fired.append(clock.now) }
        timer.set(10)
        clock.advance(to: 9)
        #expect(fired.isEmpty)
        clock.advance(to: 30)
        #expect(fired == [10])
        timer.set(40)
        clock.advance(to: 100)
        #expect(fired == [10, 40])
    }

    @Test("a deadline that is moved back, forth, or away fires where it was moved to")
    func moves() {
        let clock = Clockwork()
        var fired: [Int64] = []
        let timer = LoopTimer(on: clock.timers) { fired.append(clock.now) }
        timer.set(10)
        timer.set(20)
        clock.advance(to: 15)
        timer.set(17)
        clock.advance(to: 30)
        #expect(fired == [17])
        timer.set(40)
        timer.clear()
        clock.advance(to: 50)
        timer.set(60)
        timer.invalidate()
        clock.advance(to: 70)
        #expect(fired == [17])
        #expect(clock.timers.count == 0)
    }

    @Test("a deadline in the past fires at the next turn")
    func past() {
        let clock = Clockwork()
        clock.advance(to: 100)
        var fired = 0
        let timer = LoopTimer(on: clock.timers) { fired += 1 }
        timer.set(5)
        clock.advance(to: 100)
        #expect(fired == 1)
    }

    @Test("an action may set its own timer and others")
    func setsWhileFiring() {
        let clock = Clockwork()
        var fired: [String] = []
        var again: LoopTimer?
        let other = LoopTimer(on: clock.timers) { fired.append("other \(clock.now)") }
        again = LoopTimer(on: clock.timers) {
            fired.append("again \(clock.now)")
            if fired.count < 5 { again?.set(clock.now + 10) }
            other.set(clock.now + 5)
        }
        again?.set(10)
        clock.advance(to: 100)
        #expect(
            fired == ["again 10", "other 15", "again 20", "other 25", "again 30", "other 35"]
                || fired.filter { $0.hasPrefix("again") } == ["again 10", "again 20", "again 30"])
        again = nil
    }

    @Test("pushing a deadline back for each request adds no entries and no wake-ups")
    func pushedBack() {
        let clock = Clockwork()
        let timers = (0..<10).map { _ in LoopTimer(on: clock.timers) {} }
        for request in 0..<10_000 {
            for timer in timers { timer.set(Int64(request) + 1000) }
        }
        #expect(clock.timers.count == 10)
        #expect(clock.wakeUps.count == 1)
    }

    @Test("any schedule: never early, never missed, in bounds", arguments: 0..<60)
    func anySchedule(seed: Int) {
        var chance = SplitMix(seed: UInt64(seed))
        let clock = Clockwork()
        var model = [Int64](repeating: .max, count: 8)
        var moves = 0
        var live: [LoopTimer?] = []
        for index in model.indices {
            live.append(
                LoopTimer(on: clock.timers) {
                    #expect(model[index] <= clock.now, "fired at \(clock.now), due at \(model[index])")
                    model[index] = .max
                })
        }
        for _ in 0..<400 {
            let index = chance.below(8)
            switch chance.below(8) {
            case 0:
                clock.advance(to: clock.now + Int64(chance.below(40)))
                #expect(model.allSatisfy { $0 > clock.now })
            case 1:
                live[index]?.clear()
                model[index] = .max
            default:
                let instant = clock.now + 1 + Int64(chance.below(100))
                live[index]?.set(instant)
                moves += 1
                model[index] = instant
            }
            #expect(clock.timers.count <= model.count + moves)
        }
        clock.advance(to: clock.now + 200)
        #expect(model.allSatisfy { $0 == .max })
        #expect(clock.timers.count == 0)
    }

    @Test("timers that have ended hold no entries until their instant")
    func endedTimers() {
        let clock = Clockwork()
        for _ in 0..<10_000 {
            let timer = LoopTimer(on: clock.timers) {}
            timer.set(1_000_000)
            timer.invalidate()
        }
        do {
            #expect(clock.timers.count < 5_000)
        }
    }

    @Test("moving a deadline nearer again and again adds entries only in bounds")
    func movedNearer() {
        let clock = Clockwork()
        let timer = LoopTimer(on: clock.timers) {}
        for step in 0..<10_000 { timer.set(Int64(100_000 - step)) }
        do {
            #expect(clock.timers.count < 5_000)
        }
    }
}
