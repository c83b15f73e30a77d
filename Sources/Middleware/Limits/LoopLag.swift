import NIOCore

/// How far one event loop is behind, and whether that is too far. On the loop only.
///
/// Measured by asking the loop for something and seeing when it gets to it. A timer that comes up late would say the
/// same of real time, but takes every jump of a manual clock for a lag, where this takes one that falls into a
/// measurement; and it wakes up a process that has nothing to do.
package final class LoopLag {
    /// Durations in nanoseconds.
    package struct Limits: Sendable {
        package var threshold: Int64
        package var recovery: Int64
        package var measurements: Int
        package var interval: Int64

        package init(threshold: Int64, recovery: Int64, measurements: Int, interval: Int64) {
            self.threshold = threshold
            self.recovery = recovery
            self.measurements = measurements
            self.interval = interval
        }

        /// How long a measurement is believed.
        fileprivate var memory: Int64 {
            let (memory, overflow) = interval.multipliedReportingOverflow(by: 20)
            return overflow ? .max : memory
        }
    }

    /// Whether requests are to be refused.
    package private(set) var isShedding = false
    private var reached = 0
    private var isMeasuring = false
    /// The worker's nanoseconds from which on a measurement is due, and until which the last one is believed.
    private var nextMeasurement = Int64.min
    private var believedUntil = Int64.max

    package init() {}

    /// Whether no measurement is under way, and none has just been made.
    @inline(__always)
    package func isDue(on worker: Worker) -> Bool {
        // As it was when the event began, which costs no look at the clock.
        !isMeasuring && worker.eventNow >= nextMeasurement
    }

    /// Starts a measurement, and forgets one that is old.
    package func measure(on worker: Worker, _ limits: Limits) {
        let start = worker.now
        if start > believedUntil {
            isShedding = false
            reached = 0
        }
        isMeasuring = true
        let lag = Ferry(self)
        worker.eventLoop.execute {
            let end = worker.now
            lag.value.record(end - start, at: end, limits)
        }
    }

    /// Takes a measurement into account.
    package func record(_ lag: Int64, at now: Int64, _ limits: Limits) {
        isMeasuring = false
        nextMeasurement = now.addingClamped(limits.interval)
        believedUntil = now.addingClamped(limits.memory)
        LimitMetric.loopLag.record(nanoseconds: lag)
        guard lag < limits.threshold else {
            reached = min(reached, limits.measurements) + 1
            if reached >= limits.measurements { isShedding = true }
            return
        }
        reached = 0
        if lag <= limits.recovery { isShedding = false }
    }
}

extension Int64 {
    fileprivate func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
