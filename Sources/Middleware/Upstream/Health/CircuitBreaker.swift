import Synchronization

/// One breaker, of an endpoint or of a cluster; see ``CircuitBreaking`` for when it opens and closes.
///
/// | state | ``admit()`` | evidence | ``tick(at:)`` |
/// |---|---|---|---|
/// | closed | passes | counted; too many failures open it | nothing |
/// | open | refused | of what passed before: ignored | half open once its time is over |
/// | half open | a trial while there is room | of trials: good ones close it, a bad one opens it | nothing |
///
/// Who calls what: ``admit()`` before a request is sent; then ``record(_:of:at:random:)`` once, or ``abandon(_:)`` when
/// it ends without evidence; ``tick(at:)`` at intervals, and where a refusal is about to become an answer. Each change
/// is returned once, to whoever brought it about. Closed, it takes no lock unless evidence is bad. Safe to use from any
/// thread.
package final class CircuitBreaker: Sendable {
    /// What it does with requests.
    package enum State: UInt8, Sendable {
        case closed, open, halfOpen
    }

    /// Whether a request may be sent; handed back with its evidence.
    package enum Admission: Sendable, Hashable {
        /// It may.
        case passes
        /// It may, and decides what comes next.
        case trial(Int)
        /// It may not.
        case refused
    }

    /// A change of state.
    package enum Change: Sendable, Hashable {
        /// Nothing passes for so many nanoseconds.
        case opened(nanoseconds: Int64, reason: String)
        case halfOpened
        case closed
    }

    private struct Turn {
        var penalty = Penalty()
        var openUntil: Int64 = 0
        /// Counts the times that it was half open, so that a late trial decides nothing.
        var number = 0
        var running = 0
        var passed = 0
    }

    private let breaking: CircuitBreaking
    private let terms: Penalty.Terms
    private let failureStatuses: FailureStatuses
    private let position = Atomic<UInt8>(State.closed.rawValue)
    private let turn = Mutex(Turn())
    /// Requests and failures.
    private let counts: SlidingCounts

    package init(_ breaking: CircuitBreaking) {
        self.breaking = breaking
        terms = Penalty.Terms(
            base: breaking.openTime.nanoseconds,
            maximum: breaking.maximumOpenTime.nanoseconds,
            forgivenAfter: breaking.forgivenAfter.nanoseconds,
            jitter: breaking.jitter)
        failureStatuses = FailureStatuses(breaking.failureStatuses)
        counts = SlidingCounts(window: breaking.window.nanoseconds)
    }

    package var state: State { State(rawValue: position.load(ordering: .relaxed)) ?? .closed }

    /// Whether a request may be sent.
    @inline(__always)
    package func admit() -> Admission {
        position.load(ordering: .relaxed) == State.closed.rawValue ? .passes : admitTrial()
    }

    private func admitTrial() -> Admission {
        turn.withLock { turn in
            switch state {
            case .closed: return .passes
            case .open: return .refused
            case .halfOpen:
                guard turn.running + turn.passed < max(1, breaking.trials) else { return .refused }
                turn.running += 1
                return .trial(turn.number)
            }
        }
    }

    /// Takes note of how an admitted request ended.
    ///
    /// - Parameter random: 64 bits of chance, asked for when it opens.
    @inline(__always)
    package func record(
        _ evidence: Evidence, of admission: Admission, at now: Int64, random: @autoclosure () -> UInt64
    ) -> Change? {
        let failed = isFailure(evidence)
        guard case .passes = admission else { return ended(admission, failed: failed, at: now, random: random) }
        guard state == .closed else { return nil }
        counts.add(second: failed, at: now)
        return failed ? openIfTooMany(at: now, random: random) : nil
    }

    /// An admitted request ended without evidence: the client went away.
    package func abandon(_ admission: Admission) {
        guard case .trial(let number) = admission else { return }
        turn.withLock { if state == .halfOpen, $0.number == number { $0.running -= 1 } }
    }

    /// Lets trials pass once it has been open for long enough.
    package func tick(at now: Int64) -> Change? {
        guard state == .open else { return nil }
        return turn.withLock { turn in
            guard state == .open, now >= turn.openUntil else { return nil }
            turn.number += 1
            turn.running = 0
            turn.passed = 0
            set(.halfOpen)
            return .halfOpened
        }
    }

    @inline(__always)
    private func isFailure(_ evidence: Evidence) -> Bool {
        switch evidence {
        case .answered(let status, _): failureStatuses.contains(status)
        case .connected: false
        case .notConnected, .brokeOff, .timedOut, .malformed: true
        }
    }

    @inline(never)
    private func openIfTooMany(at now: Int64, random: () -> UInt64) -> Change? {
        let sums = counts.sums(at: now)
        guard
            sums.first >= breaking.minimumRequests, Double(sums.second) >= Double(sums.first) * breaking.share
        else { return nil }
        return turn.withLock { turn in
            guard state == .closed else { return nil }
            return open(&turn, "\(sums.second) of \(sums.first) requests failed", at: now, random: random)
        }
    }

    @inline(never)
    private func ended(_ admission: Admission, failed: Bool, at now: Int64, random: () -> UInt64) -> Change? {
        guard case .trial(let number) = admission else { return nil }
        return turn.withLock { turn in
            guard state == .halfOpen, turn.number == number else { return nil }
            guard !failed else { return open(&turn, "a trial failed", at: now, random: random) }
            turn.running -= 1
            turn.passed += 1
            guard turn.passed >= max(1, breaking.trials) else { return nil }
            counts.reset()
            set(.closed)
            return .closed
        }
    }

    private func open(_ turn: inout Turn, _ reason: String, at now: Int64, random: () -> UInt64) -> Change {
        let duration = turn.penalty.impose(terms, at: now, random: random())
        let until = now.addingReportingOverflow(duration)
        turn.openUntil = until.overflow ? .max : until.partialValue
        set(.open)
        HealthMetric.breakersOpened.increment()
        return .opened(nanoseconds: duration, reason: reason)
    }

    private func set(_ state: State) { position.store(state.rawValue, ordering: .relaxed) }
}
