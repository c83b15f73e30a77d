import Synchronization

/// How long an endpoint takes to answer: a moving average that rises at once with a slow answer and falls over time
/// (peak EWMA; Finagle's `PeakEwma`).
///
/// Event loops that observe at the same time may lose one of their observations. Safe to use from any thread.
public final class ResponseTime: Sendable {
    /// After this long without an answer what was observed counts for e⁻¹ of itself, in nanoseconds: 10 seconds.
    private static let decay = 10e9

    private let average = Atomic<UInt64>(0)
    private let stamp = Atomic<Int64>(.min)

    package init() {}

    /// Takes note of an answer that took so many nanoseconds.
    package func observe(_ nanoseconds: Int64, at now: Int64) {
        let before = value(at: now)
        let observed = Double(max(0, nanoseconds))
        // What lies below the average moves it down by the time that has passed alone, see `value(at:)`.
        let elapsed = stamp.load(ordering: .relaxed)
        let share = elapsed == .min ? 0 : fade(from: elapsed, to: now)
        let after = observed > before ? observed : before + (observed - before) * (1 - share)
        average.store(after.bitPattern, ordering: .relaxed)
        stamp.store(now, ordering: .relaxed)
    }

    /// The average in nanoseconds; 0 before the first answer.
    package func value(at now: Int64) -> Double {
        let stamp = stamp.load(ordering: .relaxed)
        guard stamp != .min else { return 0 }
        return Double(bitPattern: average.load(ordering: .relaxed)) * fade(from: stamp, to: now)
    }

    private func fade(from stamp: Int64, to now: Int64) -> Double {
        let (elapsed, overflow) = now.subtractingReportingOverflow(stamp)
        guard !overflow, elapsed > 0 else { return 1 }
        // Close enough to the exponential where it matters, and without a call: exact at 0, 4 % off at one decay.
        let x = Double(elapsed) / Self.decay
        return 1 / (1 + x + x * x / 2)
    }
}
