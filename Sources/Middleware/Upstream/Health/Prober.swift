/// Probes one endpoint for as long as its task runs, and reports each result.
///
/// ```swift
/// let task = Task { await Prober(health).run(endpoint, on: runtime) { result in … } }
/// ```
///
/// It waits on the runtime's clock only. One probe runs at a time: one that is out of time is reported as failed at
/// once, cancelled, and waited for.
package struct Prober: Sendable {
    private enum Outcome: Sendable {
        case passed
        case failed(String)
        case timedOut
        /// The task was cancelled.
        case givenUp
    }

    private let health: ActiveHealth

    package init(_ health: ActiveHealth) { self.health = health }

    /// Probes until the task is cancelled. A probe that is under way then is given up and not reported.
    ///
    /// - Parameter report: called with one result after the other.
    package func run(
        _ endpoint: Endpoint, on runtime: Runtime, report: @Sendable (ProbeResult) -> Void
    ) async {
        var tally = ProbeTally(health)
        var chance = SplitMix64(seed: runtime.randomness.next())
        var wait = Self.scaled(health.interval, by: chance.fraction())
        while true {
            try? await runtime.sleep(for: .nanoseconds(wait))
            guard !Task.isCancelled else { return }
            let began = runtime.time.now.nanoseconds
            let task = Task { try await health.probe.probe(endpoint, on: runtime) }
            let outcome = await outcome(of: task, on: runtime)
            let now = runtime.time.now.nanoseconds
            if let failure = failure(outcome, after: now - began) {
                let isChange = tally.record(passed: failure.isEmpty)
                report(
                    ProbeResult(
                        endpoint: endpoint, failure: failure.isEmpty ? nil : failure, duration: now - began,
                        nanoseconds: now, isHealthy: tally.isHealthy, isChange: isChange))
            }
            await end(of: task)
            wait = interval(isHealthy: tally.isHealthy, &chance)
        }
    }

    /// What comes first: the end of the probe, of its time, or of the caller's task.
    private func outcome(of task: Task<Void, any Error>, on runtime: Runtime) async -> Outcome {
        let first = FirstValue<Outcome>()
        Task {
            switch await task.result {
            case .success: first.give(.passed)
            case .failure(let error): first.give(.failed("\(error)"))
            }
        }
        let timer = runtime.time.schedule(at: runtime.time.now.advanced(by: health.timeout)) { first.give(.timedOut) }
        let outcome = await first.wait(ifCancelled: .givenUp)
        timer.cancel()
        task.cancel()
        return outcome
    }

    /// Waits for a probe that may take no notice of its cancellation; not when the caller's own task is cancelled.
    private func end(of task: Task<Void, any Error>) async {
        let first = FirstValue<Void>()
        Task {
            _ = await task.result
            first.give(())
        }
        await first.wait(ifCancelled: ())
    }

    /// Why it failed, empty when it did not; `nil` when that is not known.
    private func failure(_ outcome: Outcome, after nanoseconds: Int64) -> String? {
        let (label, reason): (ProbeOutcome, String)
        switch outcome {
        case .givenUp: return nil
        case .passed: (label, reason) = (.passed, "")
        case .failed(let error): (label, reason) = (.failed, error.isEmpty ? "failed" : error)
        case .timedOut: (label, reason) = (.timedOut, "no answer within \(health.timeout)")
        }
        HealthMetric.probes[label].increment()
        HealthMetric.probeDuration.record(nanoseconds: nanoseconds)
        return reason
    }

    private func interval(isHealthy: Bool, _ chance: inout SplitMix64) -> Int64 {
        let interval = isHealthy ? health.interval : health.unhealthyInterval ?? health.interval
        return Self.scaled(interval, by: 1 + health.jitter * (2 * chance.fraction() - 1))
    }

    /// At least a nanosecond, clamped to what 64 bits hold.
    private static func scaled(_ duration: Duration, by factor: Double) -> Int64 {
        max(1, Int64(exactly: (Double(duration.nanoseconds) * factor).rounded(.down)) ?? .max)
    }
}
