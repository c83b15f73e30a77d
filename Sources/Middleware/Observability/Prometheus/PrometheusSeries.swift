import CoreMetrics
import Synchronization

/// What is known of one metric.
struct PrometheusFamily {
    /// The types of the text format that occur here.
    enum MetricType: String {
        case counter
        case gauge
        case histogram
    }

    let type: MetricType
    /// By the labels as they are shown, without the braces.
    var series: [String: any PrometheusSeries] = [:]
    var overflow: (labels: String, series: any PrometheusSeries)?
    /// How often a series was asked for that there was no room for.
    var folded = 0

    init(type: MetricType) { self.type = type }
}

/// One series: the numbers of one metric for one combination of label values.
protocol PrometheusSeries: AnyObject, Sendable {
    /// Writes its lines.
    func write(_ name: String, _ labels: String, into text: inout PrometheusText)
}

/// A number that only grows; what would make it shrink is left out.
final class PrometheusCounter: PrometheusSeries, CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<Int64>(0)
    /// What was added in fractions; apart, so that whole numbers stay exact and cost one instruction.
    private let fractional = AtomicDouble()

    func increment(by amount: Int64) {
        if amount > 0 { whole.wrappingAdd(amount, ordering: .relaxed) }
    }

    func increment(by amount: Double) {
        if amount > 0, amount.isFinite { fractional.add(amount) }
    }

    func reset() {
        whole.store(0, ordering: .relaxed)
        fractional.value = 0
    }

    func write(_ name: String, _ labels: String, into text: inout PrometheusText) {
        let count = whole.load(ordering: .relaxed)
        let fraction = fractional.value
        text.append(name, labels, fraction == 0 ? "\(count)" : PrometheusText.number(Double(count) + fraction))
    }
}

/// A number that goes up and down.
final class PrometheusGauge: PrometheusSeries, MeterHandler, RecorderHandler {
    private let number = AtomicDouble()

    func set(_ value: Int64) { number.value = Double(value) }
    func set(_ value: Double) { number.value = value }
    func increment(by amount: Double) { if amount.isFinite { number.add(amount) } }
    func decrement(by amount: Double) { if amount.isFinite { number.add(-amount) } }
    func record(_ value: Int64) { number.value = Double(value) }
    func record(_ value: Double) { number.value = value }

    func write(_ name: String, _ labels: String, into text: inout PrometheusText) {
        text.append(name, labels, PrometheusText.number(number.value))
    }
}

/// The distribution of values over buckets.
final class PrometheusHistogram: PrometheusSeries, TimerHandler, RecorderHandler {
    private struct Counts {
        /// One more than there are bounds: the last counts what is above them all.
        var buckets: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        // One that is no number would spoil the sum for ever.
        guard value.isFinite else { return }
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        counts.withLock { counts in
            counts.buckets[bucket] &+= 1
            counts.sum += value
        }
    }

    func write(_ name: String, _ labels: String, into text: inout PrometheusText) {
        let (buckets, sum) = counts.withLock { ($0.buckets, $0.sum) }
        let separator = labels.isEmpty ? "" : ","
        var total: UInt64 = 0
        for (bound, count) in zip(bounds, buckets) {
            total &+= count
            text.append("\(name)_bucket", "\(labels)\(separator)le=\"\(PrometheusText.number(bound))\"", "\(total)")
        }
        total &+= buckets.last ?? 0
        text.append("\(name)_bucket", "\(labels)\(separator)le=\"+Inf\"", "\(total)")
        text.append("\(name)_sum", labels, PrometheusText.number(sum))
        text.append("\(name)_count", labels, "\(total)")
    }
}

/// A `Double` that several threads add to.
private final class AtomicDouble: Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double {
        get { Double(bitPattern: bits.load(ordering: .relaxed)) }
        set { bits.store(newValue.bitPattern, ordering: .relaxed) }
    }

    func add(_ amount: Double) {
        var seen = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: seen) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: seen, desired: sum, ordering: .relaxed)
            if exchanged { return }
            seen = original
        }
    }
}
