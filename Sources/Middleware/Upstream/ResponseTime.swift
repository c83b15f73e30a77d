import Synchronization

/// How long an endpoint takes to answer: a moving average that rises at once with a slow answer and falls over time
/// (peak EWMA; Finagle's `PeakEwma`).
///
/// The average is one of time and not of answers: one that took `r` at a distance of `t` from the one before moves it by
/// `1 − e^(−t/τ)` of the difference, with τ = 10 seconds. While nothing is measured it fades as `e^(−t/τ)`, so that an
/// endpoint that is left alone because it was slow is tried again.
///
/// Event loops that observe at the same time may lose one of their observations. Safe to use from any thread.
public final class ResponseTime: Sendable {
    /// τ in nanoseconds.
    private static let decay = 10e9

    private let average = Atomic<UInt64>(0)
    private let stamp = Atomic<Int64>(.min)

    package init() {}

    /// Takes note of an answer that took so many nanoseconds.
    package func observe(_ nanoseconds: Int64, at now: Int64) {
        // One nanosecond at least: 0 is for what was never measured.
        let observed = Double(max(1, nanoseconds))
        let before = stamp.load(ordering: .relaxed)
        let kept = before == .min ? 0 : Self.kept(from: before, to: now)
        let faded = Double(bitPattern: average.load(ordering: .relaxed)) * kept
        let after = max(observed, faded + observed * (1 - kept))
        average.store(after.bitPattern, ordering: .relaxed)
        // A loop whose clock was read earlier does not turn the time back.
        stamp.store(max(before, now), ordering: .relaxed)
    }

    /// The average in nanoseconds; 0 before the first answer, and once it has faded altogether.
    package func value(at now: Int64) -> Double {
        let stamp = stamp.load(ordering: .relaxed)
        guard stamp != .min else { return 0 }
        return Double(bitPattern: average.load(ordering: .relaxed)) * Self.kept(from: stamp, to: now)
    }

    private static func kept(from stamp: Int64, to now: Int64) -> Double {
        let (elapsed, overflow) = now.subtractingReportingOverflow(stamp)
        guard !overflow, elapsed > 0 else { return 1 }
        return (-Double(elapsed) / decay).exponential
    }
}
