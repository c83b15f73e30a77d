/// The metrics of the Prometheus registry itself, which always shows them.
package enum PrometheusMetric: MetricSet {
    package static let component = "Prometheus registry"

    package static let foldedSeries = MetricCounter(
        "middleware_prometheus_folded_series_total",
        unit: "series",
        "Series that were recorded as other because their metric has as many as it may.",
        advice: "Find the label whose values never repeat and drop it; raising the limit costs memory here and there."
    )
    package static let conflicts = MetricCounter(
        "middleware_prometheus_name_conflicts_total",
        unit: "metrics",
        "Metrics that are not shown because their name belongs to one of another type.",
        advice: "Rename one of them."
    )

    package static var metrics: [any DeclaredMetric] { [foldedSeries, conflicts] }
}

extension Metric {
    static var prometheus: any MetricSet.Type { PrometheusMetric.self }
}
