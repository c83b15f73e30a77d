public import CoreMetrics
import Synchronization

/// Keeps the metrics of a process for ``PrometheusMetrics`` to show: a metrics factory for `MetricsSystem.bootstrap`.
///
/// Counters, gauges and meters are shown as what they are, timers and recorders as histograms, timers in seconds. Names
/// and label names are brought into the alphabet of Prometheus; metrics whose names become equal by that are one.
///
/// A metric has at most ``Configuration/seriesLimit`` series. Further ones are recorded together in a series whose
/// label values are `other`, and counted. A metric whose name is already taken by one of another type is not shown, and
/// counted.
///
/// It does not push, keeps nothing over a restart, and shows no timestamps or exemplars. Safe to use from any thread.
///
/// ## Example
/// ```swift
/// let registry = PrometheusRegistry()
/// MetricsSystem.bootstrap(registry)                  // before the first server
/// ```
/// Customised:
/// ```swift
/// var configuration = PrometheusRegistry.Configuration()
/// configuration.durationBuckets = [0.01, 0.1, 1, 10]
/// configuration.buckets["app_batch_size"] = [1, 10, 100]
/// let registry = PrometheusRegistry(configuration)
/// ```
public final class PrometheusRegistry: MetricsFactory {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// The upper bounds of the buckets of timers, in seconds, ascending. From 1 ms to 60 s unless set.
        public var durationBuckets: [Double] = [
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
        ]
        /// The upper bounds of the buckets of recorders, ascending. Powers of four from 1 to 4,194,304 unless set.
        public var valueBuckets: [Double] = (0...11).map { Double(1 << (2 * $0)) }
        /// The upper bounds of the buckets of single metrics, by name as it is shown.
        public var buckets: [String: [Double]] = [:]
        /// The most series of one metric. 1,000 unless set; at least 1.
        public var seriesLimit = 1_000
        /// Declarations whose meaning is shown as help. Those of this library unless set; add your own.
        public var declarations = Metric.all

        public init() {}
    }

    private struct State {
        var families: [String: PrometheusFamily] = [:]
        var conflicts = 0
    }

    private let configuration: Configuration
    private let declarations: [String: Metric]
    private let state = Mutex(State())

    /// An empty registry. Bad values are reported by the blueprint of ``PrometheusMetrics``; buckets are sorted, and
    /// those that are no numbers left out.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        declarations = Dictionary(
            configuration.declarations.map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    // MARK: The factory

    /// A counter of that name and those labels; the same one for the same labels.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter) { PrometheusCounter() }
    }

    /// The same for fractions: one series with the counter of that name.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter) { PrometheusCounter() }
    }

    /// A gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge) { PrometheusGauge() }
    }

    /// A histogram, or a gauge that shows the last value when it does not aggregate.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return series(label, dimensions, .gauge) { PrometheusGauge() } }
        return series(label, dimensions, .histogram) { [self] in
            PrometheusHistogram(bounds: bounds(of: label, unless: configuration.valueBuckets))
        }
    }

    /// A histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram) { [self] in
            PrometheusHistogram(bounds: bounds(of: label, unless: configuration.durationBuckets))
        }
    }

    /// Shows the series no more; who still holds it records into nothing.
    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }

    /// Shows the series no more.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }

    /// Shows the series no more.
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }

    /// Shows the series no more.
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }

    /// Shows the series no more.
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    // MARK: The page

    /// The metrics in the text format 0.0.4, sorted by name. Takes its time when there are many: not for a loop.
    public var page: String {
        var text = PrometheusText()
        let (families, conflicts) = state.withLock { ($0.families, $0.conflicts) }
        let own = [
            (PrometheusMetric.foldedSeries.metric, families.values.reduce(0) { $0 + $1.folded }),
            (PrometheusMetric.conflicts.metric, conflicts),
        ]
        let ownNames = own.map(\.0.name)
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !ownNames.contains(name) {
            text.append(name, family, declarations[name])
        }
        for (metric, value) in own {
            let counter = PrometheusCounter()
            counter.increment(by: Int64(value))
            var family = PrometheusFamily(type: .counter)
            family.series[""] = counter
            text.append(metric.name, family, metric)
        }
        return text.output
    }

    /// What is wrong with the configuration.
    func check(_ blueprint: inout Blueprint) {
        blueprint.require(
            configuration.seriesLimit > 0,
            "keeps \(configuration.seriesLimit) series of a metric",
            mend: "allow at least one"
        )
        let named = configuration.buckets.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let all = [("timers", configuration.durationBuckets), ("recorders", configuration.valueBuckets)] + named
        for (owner, bounds) in all {
            blueprint.require(
                !bounds.isEmpty && bounds.allSatisfy(\.isFinite) && zip(bounds, bounds.dropFirst()).allSatisfy(<),
                "has buckets for \(owner) that do not ascend",
                mend: "give finite bounds, each above the one before it"
            )
        }
    }

    private func bounds(of label: String, unless usual: [Double]) -> [Double] {
        let wanted = configuration.buckets[PrometheusName.metric(label)] ?? usual
        return Set(wanted.filter(\.isFinite)).sorted()
    }

    /// The series of those labels, made when there is none yet.
    private func series<Series: PrometheusSeries>(
        _ label: String,
        _ dimensions: [(String, String)],
        _ type: PrometheusFamily.MetricType,
        make: () -> Series
    ) -> Series {
        let name = PrometheusName.metric(label)
        let labels = PrometheusName.labels(dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? PrometheusFamily(type: type)
            guard family.type == type else {
                state.conflicts += 1
                return make()
            }
            defer { state.families[name] = family }
            if let found = family.series[labels] as? Series { return found }
            guard family.series.count < max(1, configuration.seriesLimit) else {
                family.folded += 1
                if let other = family.overflow?.series as? Series { return other }
                let labels = PrometheusName.labels(dimensions.map { ($0.0, "other") })
                let other = family.series[labels] as? Series ?? make()
                family.overflow = (labels, other)
                return other
            }
            let made = make()
            family.series[labels] = made
            return made
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                // The series of the overflow belongs to many and stays.
                guard let labels = family.series.first(where: { $0.value === handler })?.key else { continue }
                state.families[name]?.series[labels] = nil
                if family.series.count == 1, family.overflow == nil { state.families[name] = nil }
                return
            }
        }
    }
}
