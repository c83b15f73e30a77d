public import CoreMetrics
import Synchronization

/// A metric that is split by a label of which every value is known. Using a series allocates nothing.
///
/// ```swift
/// static let decisions = MetricFamily<Decision, MetricCounter>(
///     "edge_decisions_total", unit: .requests, "…", advice: "…")
/// decisions[.refused].increment()
/// ```
public final class MetricFamily<Value: MetricLabelValue, Handle: MetricHandle>: DeclaredMetric {
    public let metric: Metric
    private let handles: [Handle]
    private let fallback: Handle

    /// A family with a series for each value; its arguments are those of a handle.
    public init(
        _ name: String,
        unit: Metric.Unit,
        _ meaning: String,
        advice: String,
        in factory: (any MetricsFactory)? = nil
    ) {
        let values = Array(Value.allCases)
        let label = Metric.Label(Value.labelName, bound: values.count)
        let metric = Metric(name, Handle.kind, unit: unit, labels: [label], meaning: meaning, advice: advice)
        self.metric = metric
        handles = values.map { Handle(metric, dimensions: [(label.name, $0.text)], in: factory) }
        fallback = Handle(metric, dimensions: [(label.name, "other")], in: factory)
    }

    /// The series of a value; that of `other` when the value says that it stands elsewhere than it does.
    public subscript(_ value: Value) -> Handle {
        let position = value.position
        return handles.indices.contains(position) ? handles[position] : fallback
    }
}

/// A metric that is split by labels whose values come up while the process runs.
///
/// Looking a series up takes a lock and allocates: who uses one often keeps the handle. Past the product of the labels'
/// bounds, every further combination is recorded as `other`.
///
/// ```swift
/// static let tries = LabelledMetric<MetricCounter>(
///     "edge_tries_total", unit: .requests, labels: [.init("endpoint", bound: 256)], "…", advice: "…")
/// let handle = tries.series("10.0.0.1:8080")
/// ```
public final class LabelledMetric<Handle: MetricHandle>: DeclaredMetric {
    public let metric: Metric
    private let factory: (any MetricsFactory)?
    private let bound: Int
    private let known = Mutex<[[String]: Handle]>([:])
    private let other: Handle

    /// A metric with those labels; the other arguments are those of a handle.
    public init(
        _ name: String,
        unit: Metric.Unit,
        labels: [Metric.Label],
        _ meaning: String,
        advice: String,
        in factory: (any MetricsFactory)? = nil
    ) {
        let metric = Metric(name, Handle.kind, unit: unit, labels: labels, meaning: meaning, advice: advice)
        self.metric = metric
        self.factory = factory
        bound = labels.reduce(1) { bound, label in
            let (product, overflow) = bound.multipliedReportingOverflow(by: max(1, label.bound))
            return overflow ? .max : product
        }
        other = Handle(metric, dimensions: labels.map { ($0.name, "other") }, in: factory)
    }

    /// The series with those values, in the order of the labels; that of `other` when there are more or fewer values
    /// than labels, and past the bound.
    public func series(_ values: String...) -> Handle {
        guard values.count == metric.labels.count else { return other }
        return known.withLock { known in
            if let handle = known[values] { return handle }
            guard known.count < bound else { return other }
            let dimensions = zip(metric.labels, values).map { ($0.name, $1) }
            let handle = Handle(metric, dimensions: dimensions, in: factory)
            known[values] = handle
            return handle
        }
    }
}
