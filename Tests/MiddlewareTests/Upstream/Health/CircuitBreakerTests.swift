import Middleware
import Testing

@Suite("CircuitBreaker")
struct CircuitBreakerTests {
    private static let good = Evidence.answered(status: 200, nanoseconds: 1)

    private static func breaking(trials: Int = 2) -> CircuitBreaking {
        var breaking = CircuitBreaking(share: 0.5, minimumRequests: 4)
        breaking.trials = trials
        breaking.jitter = 0
        return breaking
    }

    /// A breaker that has opened at 0, for five seconds.
    private func opened(trials: Int = 2) -> CircuitBreaker {
        let breaker = CircuitBreaker(Self.breaking(trials: trials))
        for _ in 0..<4 { _ = breaker.record(.timedOut, of: breaker.admit(), at: 0, random: 0) }
        return breaker
    }

    private func halfOpened(trials: Int = 2) -> CircuitBreaker {
        let breaker = opened(trials: trials)
        _ = breaker.tick(at: .seconds(5))
        return breaker
    }

    @Test(
        "opens at a share of failures, once there are enough requests",
        arguments: [
            ("---", false), ("----", true), ("+++-", false), ("++--", true), ("+++++---", false), ("++++----", true),
            // A good answer does not open it, whatever came before.
            ("---+", false), ("---+-", true),
        ])
    func opens(evidence: String, opens: Bool) {
        let breaker = CircuitBreaker(Self.breaking())
        var changes: [CircuitBreaker.Change] = []
        for letter in evidence {
            let change = breaker.record(letter == "+" ? Self.good : .brokeOff, of: breaker.admit(), at: 0, random: 0)
            if let change { changes.append(change) }
        }
        let failures = evidence.filter { $0 == "-" }.count
        #expect(
            changes
                == (opens
                    ? [.opened(nanoseconds: .seconds(5), reason: "\(failures) of \(evidence.count) requests failed")]
                    : []))
        #expect(breaker.state == (opens ? .open : .closed))
        #expect(breaker.admit() == (opens ? .refused : .passes))
    }

    @Test(
        "what is a failure",
        arguments: [
            (.notConnected, true), (.answered(status: 500, nanoseconds: 1), true),
            (.answered(status: 503, nanoseconds: 1), true), (.answered(status: 501, nanoseconds: 1), false),
            (.answered(status: 404, nanoseconds: 1), false), (.connected(nanoseconds: 1), false),
        ] as [(Evidence, Bool)])
    func failures(evidence: Evidence, isFailure: Bool) {
        let breaker = CircuitBreaker(Self.breaking())
        for _ in 0..<4 { _ = breaker.record(evidence, of: .passes, at: 0, random: 0) }
        #expect((breaker.state == .open) == isFailure)
    }

    @Test("failures that lie further back than the window do not open it")
    func window() {
        let breaker = CircuitBreaker(Self.breaking())
        for second in 0..<20 {
            #expect(breaker.record(.timedOut, of: .passes, at: .seconds(Double(second) * 5), random: 0) == nil)
        }
    }

    @Test("is open for its time, then lets a few try")
    func halfOpens() {
        let breaker = opened()
        #expect(breaker.tick(at: .seconds(5) - 1) == nil)
        #expect(breaker.admit() == .refused)
        #expect(breaker.tick(at: .seconds(5)) == .halfOpened)
        #expect(breaker.tick(at: .seconds(5)) == nil)
        #expect(breaker.admit() == .trial(1))
        #expect(breaker.admit() == .trial(1))
        #expect(breaker.admit() == .refused)
    }

    @Test("closes after as many good trials as it allows")
    func closes() {
        let breaker = halfOpened()
        #expect(breaker.record(Self.good, of: breaker.admit(), at: .seconds(6), random: 0) == nil)
        #expect(breaker.record(Self.good, of: breaker.admit(), at: .seconds(6), random: 0) == .closed)
        #expect(breaker.admit() == .passes)
        // What opened it is forgotten.
        for _ in 0..<3 { #expect(breaker.record(.timedOut, of: .passes, at: .seconds(6), random: 0) == nil) }
    }

    @Test("opens again, for longer, after one bad trial")
    func reopens() {
        let breaker = opened()
        var now = Int64.seconds(5)
        for length in [10.0, 20, 40, 60, 60] {
            #expect(breaker.tick(at: now - 1) == nil)
            #expect(breaker.tick(at: now) == .halfOpened)
            let change = breaker.record(.timedOut, of: breaker.admit(), at: now, random: 0)
            #expect(change == .opened(nanoseconds: .seconds(length), reason: "a trial failed"))
            now += .seconds(length)
        }
    }

    @Test("a trial without evidence makes room for another")
    func abandoned() {
        let breaker = halfOpened(trials: 1)
        let trial = breaker.admit()
        #expect(breaker.admit() == .refused)
        breaker.abandon(trial)
        #expect(breaker.admit() == .trial(1))
        breaker.abandon(.passes)
        breaker.abandon(.refused)
        #expect(breaker.admit() == .refused)
    }

    @Test("what was let through in an earlier state decides nothing")
    func late() {
        let breaker = halfOpened()
        let early = breaker.admit()
        #expect(breaker.record(.timedOut, of: .passes, at: .seconds(5), random: 0) == nil)
        #expect(breaker.record(.timedOut, of: breaker.admit(), at: .seconds(5), random: 0) != nil)
        #expect(breaker.record(Self.good, of: early, at: .seconds(6), random: 0) == nil)
        #expect(breaker.tick(at: .seconds(100)) == .halfOpened)
        #expect(breaker.record(.timedOut, of: early, at: .seconds(100), random: 0) == nil)
        breaker.abandon(early)
        #expect(breaker.admit() == .trial(2) && breaker.admit() == .trial(2) && breaker.admit() == .refused)
        #expect(breaker.record(.timedOut, of: .refused, at: .seconds(100), random: 0) == nil)
    }

    @Test("changes follow one another as they must, and trials are bounded", arguments: 0..<200 as Range<UInt64>)
    func property(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let trials = 1 + random.below(4)
        let breaker = CircuitBreaker(Self.breaking(trials: trials))
        var state = CircuitBreaker.State.closed
        var openUntil: Int64 = 0
        var now: Int64 = 0
        var underWay: [CircuitBreaker.Admission] = []
        func apply(_ change: CircuitBreaker.Change?) {
            switch change {
            case .opened(let length, _):
                #expect(state != .open && length >= .seconds(5) && length <= .seconds(60))
                (state, openUntil) = (.open, now + length)
            case .halfOpened:
                #expect(state == .open && now >= openUntil)
                state = .halfOpen
            case .closed:
                #expect(state == .halfOpen)
                state = .closed
            case nil: break
            }
            #expect(breaker.state == state)
        }
        for _ in 0..<800 {
            now += Int64(random.below(400_000_000))
            apply(breaker.tick(at: now))
            if random.below(2) == 0 {
                let admission = breaker.admit()
                switch state {
                case .closed: #expect(admission == .passes)
                case .open: #expect(admission == .refused)
                case .halfOpen: #expect(admission != .passes)
                }
                if admission != .refused { underWay.append(admission) }
                let running = Dictionary(grouping: underWay.filter { $0 != .passes }, by: { $0 })
                #expect(running.values.allSatisfy { $0.count <= trials })
            } else if !underWay.isEmpty {
                let admission = underWay.remove(at: random.below(underWay.count))
                if random.below(6) == 0 {
                    breaker.abandon(admission)
                } else {
                    let evidence = random.below(2) == 0 ? Self.good : .brokeOff
                    apply(breaker.record(evidence, of: admission, at: now, random: random.next()))
                }
            }
        }
    }

    @Test("many threads open it once, and no more trials run than may")
    func threads() async {
        let breaker = CircuitBreaker(Self.breaking(trials: 5))
        let changes = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<1000).filter { _ in
                        breaker.record(.timedOut, of: breaker.admit(), at: 1, random: 0) != nil
                    }.count
                }
            }
            return await group.reduce(0, +)
        }
        #expect(changes == 1)
        _ = breaker.tick(at: .seconds(10))
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { (0..<100).filter { _ in breaker.admit() != .refused }.count } }
            return await group.reduce(0, +)
        }
        #expect(admitted == 5)
    }
}

@Suite("BoundedCount")
struct BoundedCountTests {
    @Test("lets in as many as the limit, and another when one leaves", arguments: [0, 1, 3])
    func limit(limit: Int) {
        let count = BoundedCount(limit: limit)
        #expect((0..<10).filter { _ in count.enter() }.count == limit)
        #expect(count.count == limit)
        guard limit > 0 else { return }
        count.leave()
        #expect(count.enter() && !count.enter())
    }
}
