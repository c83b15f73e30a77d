import DequeModule
import Synchronization

/// Puts endpoints of one cluster out by the evidence of their traffic, as ``PassiveHealth`` says.
///
/// Who calls what:
/// - ``join(_:at:)`` and ``leave(_:at:)`` when an endpoint enters or leaves the cluster;
/// - ``record(_:of:at:random:)`` for each piece of evidence, from any event loop: no lock and at most two additions
///   unless the evidence is bad;
/// - ``sweep(at:random:)`` at each ``interval``, from one task: shares, comparisons, and returns that are due.
///
/// Each verdict comes once, and the caller acts on all of them.
package final class OutlierDetection: Sendable {
    /// What is known of an endpoint besides its counts.
    private struct Member {
        let record: EndpointRecord
        /// The counts at earlier moments, the oldest first; what came since makes up the window.
        var history = Deque<(at: Int64, totals: EndpointRecord.Totals)>()
        var penalty = Penalty()
        var ejectedUntil: Int64?
    }

    private struct Members {
        var all: [Member] = []
        var ejected = 0
    }

    /// From one sweep to the next, in nanoseconds.
    package let interval: Int64
    private let health: PassiveHealth
    private let terms: Penalty.Terms
    private let window: Int64
    private let failureStatuses: FailureStatuses
    private let errorStatuses: FailureStatuses
    private let measuresTime: Bool
    private let failureLimit: Int
    private let members = Mutex(Members())

    package init(_ health: PassiveHealth) {
        self.health = health
        interval = max(1, health.interval.nanoseconds)
        window = max(interval, health.window.nanoseconds)
        terms = Penalty.Terms(
            base: health.ejectionTime.nanoseconds,
            maximum: health.maximumEjectionTime.nanoseconds,
            forgivenAfter: health.forgivenAfter.nanoseconds,
            jitter: health.jitter)
        failureStatuses = FailureStatuses(health.failureStatuses)
        errorStatuses = FailureStatuses(health.errorStatuses)
        measuresTime = health.responseTime != nil
        failureLimit = health.consecutiveFailures.map { max(1, $0) } ?? .max
    }

    // MARK: Endpoints

    /// An endpoint enters.
    package func join(_ record: EndpointRecord, at now: Int64) {
        members.withLock { members in
            var member = Member(record: record)
            member.history.append((now, record.totals))
            members.all.append(member)
        }
    }

    /// An endpoint leaves; what was decided about it is forgotten. Those that may no longer be out, because too few
    /// others are left, return.
    package func leave(_ record: EndpointRecord, at now: Int64) -> [HealthVerdict] {
        members.withLock { members in
            guard let index = members.all.firstIndex(where: { $0.record === record }) else { return [] }
            if members.all.remove(at: index).ejectedUntil != nil { lift(record, &members) }
            var verdicts: [HealthVerdict] = []
            while members.ejected > mayBeEjected(of: members.all.count), let next = firstToReturn(of: members) {
                verdicts.append(returned(next, of: &members, at: now, reason: "too few others are left"))
            }
            return verdicts
        }
    }

    private func firstToReturn(of members: Members) -> Int? {
        members.all.indices
            .compactMap { index in members.all[index].ejectedUntil.map { (index: index, until: $0) } }
            .min { $0.until < $1.until }?.index
    }

    // MARK: Evidence

    /// Takes note of how an exchange ended; a verdict when it was one too many.
    ///
    /// - Parameters:
    ///   - isWhole: whether an answer has come to its end. One of which only the head has come ends no row of failures
    ///     yet: ``streamEnded(_:of:)`` or ``recordBroken(_:of:at:random:)`` follows.
    ///   - random: 64 bits of chance, asked for only with a verdict.
    @inline(__always)
    package func record(
        _ evidence: Evidence, of record: EndpointRecord, isWhole: Bool = true, at now: Int64,
        random: @autoclosure () -> UInt64
    ) -> HealthVerdict? {
        record.addRequest()
        switch evidence {
        case .answered(let status, let nanoseconds):
            if measuresTime { record.addAnswerTime(nanoseconds) }
            if !failureStatuses.contains(status) {
                // An error of the application ends a row of failures: the endpoint is there and answers.
                if isWhole { record.endFailures() }
                if errorStatuses.contains(status) { record.addError() }
                return nil
            }
        case .connected(let nanoseconds):
            if measuresTime { record.addAnswerTime(nanoseconds) }
            record.endFailures()
            return nil
        case .notConnected, .brokeOff, .timedOut, .malformed:
            break
        }
        return failed(evidence, record, at: now, random: random)
    }

    /// Takes note that an answer has come to its end of which the head was recorded.
    package func streamEnded(_ status: Int, of record: EndpointRecord) {
        if !failureStatuses.contains(status) { record.endFailures() }
    }

    /// Takes note that an answer broke off of which the head was recorded: the same exchange, which failed after all.
    package func recordBroken(
        _ evidence: Evidence, of record: EndpointRecord, at now: Int64, random: @autoclosure () -> UInt64
    ) -> HealthVerdict? {
        failed(evidence, record, at: now, random: random)
    }

    @inline(never)
    private func failed(
        _ evidence: Evidence, _ record: EndpointRecord, at now: Int64, random: () -> UInt64
    ) -> HealthVerdict? {
        let count = record.addFailure(ofTransport: evidence.isTransportFailure)
        // Not with each further one: where no more may be put out, an outage would queue at the lock.
        guard count >= failureLimit, count % failureLimit == 0, !record.isEjected else { return nil }
        return members.withLock { members in
            guard let index = members.all.firstIndex(where: { $0.record === record }) else { return nil }
            return eject(
                index, of: &members, by: .consecutiveFailures, at: now, random: random,
                reason: "failures in a row: \(count), the last: \(evidence)")
        }
    }

    // MARK: Sweeps

    /// Lets those return whose time is over, then puts out those whose shares or averages are too bad, the worst first.
    ///
    /// - Parameter random: 64 bits of chance, asked for with each ejection.
    package func sweep(at now: Int64, random: () -> UInt64) -> [HealthVerdict] {
        members.withLock { members in
            var verdicts: [HealthVerdict] = []
            for index in members.all.indices {
                if let until = members.all[index].ejectedUntil, until <= now {
                    verdicts.append(returned(index, of: &members, at: now, reason: "its time out is over"))
                }
                take(note: now, of: &members.all[index])
            }
            let samples = samples(of: members)
            for finding in findings(samples) {
                if let verdict = eject(
                    finding.index, of: &members, by: finding.cause, at: now, random: random, reason: finding.reason)
                {
                    verdicts.append(verdict)
                }
            }
            return verdicts
        }
    }

    private func returned(_ index: Int, of members: inout Members, at now: Int64, reason: String) -> HealthVerdict {
        let record = members.all[index].record
        members.all[index].ejectedUntil = nil
        // It is judged by what comes from here on.
        members.all[index].history = [(now, record.totals)]
        record.endFailures()
        lift(record, &members)
        return HealthVerdict(record: record, change: .returned, reason: reason)
    }

    private func lift(_ record: EndpointRecord, _ members: inout Members) {
        members.ejected -= 1
        record.setEjected(false)
        HealthMetric.ejected.decrement()
    }

    /// Keeps the counts of this moment, a tenth of the window apart or more, and lets go of those that the window has
    /// left behind.
    private func take(note now: Int64, of member: inout Member) {
        if let last = member.history.last, now &- last.at < window / 10 { return }
        member.history.append((now, member.record.totals))
        while member.history.count > 1, now &- member.history[1].at >= window { member.history.removeFirst() }
    }

    private func samples(of members: Members) -> [OutlierSample] {
        members.all.indices.compactMap { index in
            let member = members.all[index]
            guard member.ejectedUntil == nil, let oldest = member.history.first else { return nil }
            return OutlierSample(index: index, window: member.record.totals.since(oldest.totals))
        }
    }

    private func findings(_ samples: [OutlierSample]) -> [OutlierFinding] {
        var findings: [OutlierFinding] = []
        if let rate = health.failureRate { findings += OutlierRules.failureRates(samples, rate) }
        if let rule = health.successRate { findings += OutlierRules.successRates(samples, rule) }
        if let rule = health.responseTime { findings += OutlierRules.responseTimes(samples, rule) }
        return findings
    }

    // MARK: Ejection

    private func eject(
        _ index: Int, of members: inout Members, by cause: EjectionCause, at now: Int64, random: () -> UInt64,
        reason: String
    ) -> HealthVerdict? {
        guard members.all[index].ejectedUntil == nil, members.ejected < mayBeEjected(of: members.all.count) else {
            return nil
        }
        let duration = members.all[index].penalty.impose(terms, at: now, random: random())
        let until = now.addingReportingOverflow(duration)
        members.all[index].ejectedUntil = until.overflow ? .max : until.partialValue
        members.ejected += 1
        let record = members.all[index].record
        record.setEjected(true)
        HealthMetric.ejections[cause].increment()
        HealthMetric.ejected.increment()
        return HealthVerdict(record: record, change: .ejected(nanoseconds: duration), reason: reason)
    }

    private func mayBeEjected(of count: Int) -> Int {
        let share = (Double(count) * min(1, max(0, health.maximumEjected))).rounded(.up)
        return max(0, min(count - 1, Int(exactly: share) ?? 0))
    }
}
