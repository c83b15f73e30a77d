public import CoreMetrics

/// A handle of one series: a counter, a gauge, a timer or a histogram.
///
/// Safe to use from any thread. It finds its recorder in the metrics factory when it is used for the first time.
public protocol MetricHandle: DeclaredMetric {
    /// What it records.
    static var kind: Metric.Kind { get }

    /// A handle of the series with those label values, in the factory of the process unless one is given.
    init(_ metric: Metric, dimensions: [(String, String)], in factory: (any MetricsFactory)?)
}

extension MetricHandle {
    /// A handle of a metric without labels.
    ///
    /// - Parameters:
    ///   - name: the full name.
    ///   - unit: what the number counts.
    ///   - meaning: what the number says, in one line.
    ///   - advice: what an operator does when it is not as it should be.
    ///   - factory: where it records; the factory of the process unless given.
    public init(
        _ name: String,
        unit: Metric.Unit,
        _ meaning: String,
        advice: String,
        in factory: (any MetricsFactory)? = nil
    ) {
        let metric = Metric(name, Self.kind, unit: unit, meaning: meaning, advice: advice)
        self.init(metric, dimensions: [], in: factory)
    }
}

/// A number that only grows.
public final class MetricCounter: MetricHandle {
    public static var kind: Metric.Kind { .counter }
    public let metric: Metric
    private let recorder: LazyRecorder<any CounterHandler>

    public init(_ metric: Metric, dimensions: [(String, String)], in factory: (any MetricsFactory)?) {
        self.metric = metric
        recorder = LazyRecorder(in: factory) { $0.makeCounter(label: metric.name, dimensions: dimensions) }
    }

    /// Adds `amount`, which is not negative.
    public func increment(by amount: Int = 1) { recorder.value?.increment(by: Int64(amount)) }
}

/// A number that goes up and down.
public final class MetricGauge: MetricHandle {
    public static var kind: Metric.Kind { .gauge }
    public let metric: Metric
    private let recorder: LazyRecorder<any MeterHandler>

    public init(_ metric: Metric, dimensions: [(String, String)], in factory: (any MetricsFactory)?) {
        self.metric = metric
        recorder = LazyRecorder(in: factory) { $0.makeMeter(label: metric.name, dimensions: dimensions) }
    }

    /// Adds `amount`.
    public func increment(by amount: Int = 1) { recorder.value?.increment(by: Double(amount)) }

    /// Takes `amount` away.
    public func decrement(by amount: Int = 1) { recorder.value?.decrement(by: Double(amount)) }

    /// Replaces the number.
    public func set(_ value: Int) { recorder.value?.set(Int64(value)) }
}

/// The distribution of durations.
public final class MetricTimer: MetricHandle {
    public static var kind: Metric.Kind { .timer }
    public let metric: Metric
    private let recorder: LazyRecorder<any TimerHandler>

    public init(_ metric: Metric, dimensions: [(String, String)], in factory: (any MetricsFactory)?) {
        self.metric = metric
        recorder = LazyRecorder(in: factory) {
            let handler = $0.makeTimer(label: metric.name, dimensions: dimensions)
            handler.preferDisplayUnit(.seconds)
            return handler
        }
    }

    /// Whether a duration would be recorded: who would read a clock for it alone asks first.
    public var isRecording: Bool { recorder.value != nil }

    /// Adds a duration; a negative one counts as zero.
    public func record(_ duration: Duration) { record(nanoseconds: duration.nanoseconds) }

    /// Adds a duration in nanoseconds; a negative one counts as zero.
    public func record(nanoseconds: Int64) { recorder.value?.recordNanoseconds(max(0, nanoseconds)) }
}

/// The distribution of values other than durations.
public final class MetricHistogram: MetricHandle {
    public static var kind: Metric.Kind { .histogram }
    public let metric: Metric
    private let recorder: LazyRecorder<any RecorderHandler>

    public init(_ metric: Metric, dimensions: [(String, String)], in factory: (any MetricsFactory)?) {
        self.metric = metric
        recorder = LazyRecorder(in: factory) {
            $0.makeRecorder(label: metric.name, dimensions: dimensions, aggregate: true)
        }
    }

    /// Adds a value.
    public func record(_ value: Int) { recorder.value?.record(Int64(value)) }

    /// Adds a value.
    public func record(_ value: Double) { recorder.value?.record(value) }
}
