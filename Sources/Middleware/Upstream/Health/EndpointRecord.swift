import Synchronization

/// What traffic has shown of one endpoint, counted since it joined. Written from every event loop; it belongs to the
/// endpoint's state and stays for as long as that does.
package final class EndpointRecord: Sendable {
    package let endpoint: Endpoint
    private let requests = Atomic<Int>(0)
    private let transportFailures = Atomic<Int>(0)
    private let failures = Atomic<Int>(0)
    private let errors = Atomic<Int>(0)
    private let answerTime = Atomic<Int64>(0)
    private let failuresInARow = Atomic<Int>(0)
    private let ejected = Atomic<Bool>(false)

    package init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    /// Whether the evidence of traffic keeps it out now. Set by ``OutlierDetection`` alone.
    package var isEjected: Bool { ejected.load(ordering: .relaxed) }

    /// The counts at one moment.
    struct Totals: Sendable {
        var requests = 0
        var transportFailures = 0
        var failures = 0
        /// Failures included.
        var errors = 0
        var answerTime: Int64 = 0

        /// What was added since an earlier moment. The counts wrap.
        func since(_ earlier: Totals) -> Totals {
            Totals(
                requests: requests &- earlier.requests,
                transportFailures: transportFailures &- earlier.transportFailures,
                failures: failures &- earlier.failures,
                errors: errors &- earlier.errors,
                answerTime: answerTime &- earlier.answerTime)
        }

        var failureRate: Double { Self.share(failures, of: requests) }
        var successRate: Double { 1 - Self.share(errors, of: requests) }

        /// The average of what was answered, in nanoseconds; `nil` when nothing was.
        var responseTime: Double? {
            let answers = requests - transportFailures
            return answers > 0 ? Double(max(0, answerTime)) / Double(answers) : nil
        }

        /// Clamped, because loops add between one reading of a count and the next.
        private static func share(_ count: Int, of all: Int) -> Double {
            all > 0 ? min(1, Double(max(0, count)) / Double(all)) : 0
        }
    }

    var totals: Totals {
        Totals(
            requests: requests.load(ordering: .relaxed),
            transportFailures: transportFailures.load(ordering: .relaxed),
            failures: failures.load(ordering: .relaxed),
            errors: errors.load(ordering: .relaxed),
            answerTime: answerTime.load(ordering: .relaxed))
    }

    @inline(__always)
    func addRequest() { requests.wrappingAdd(1, ordering: .relaxed) }

    @inline(__always)
    func addAnswerTime(_ nanoseconds: Int64) { answerTime.wrappingAdd(max(0, nanoseconds), ordering: .relaxed) }

    /// Nothing is written unless a failure came before it.
    @inline(__always)
    func endFailures() {
        if failuresInARow.load(ordering: .relaxed) != 0 { failuresInARow.store(0, ordering: .relaxed) }
    }

    func addError() { errors.wrappingAdd(1, ordering: .relaxed) }

    /// Counts a failure; the failures in a row with it.
    func addFailure(ofTransport: Bool) -> Int {
        if ofTransport { transportFailures.wrappingAdd(1, ordering: .relaxed) }
        failures.wrappingAdd(1, ordering: .relaxed)
        errors.wrappingAdd(1, ordering: .relaxed)
        return failuresInARow.wrappingAdd(1, ordering: .relaxed).newValue
    }

    func setEjected(_ isEjected: Bool) { ejected.store(isEjected, ordering: .relaxed) }
}
