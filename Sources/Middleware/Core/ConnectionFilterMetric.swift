/// The metrics of what decides who may connect.
package enum ConnectionFilterMetric: MetricSet {
    package static let component = "Connection filters"

    package static let refused = MetricCounter(
        "middleware_connection_filter_refused_total",
        unit: .connections,
        "Connections, and datagrams that would have begun a session, which a filter did not let in.",
        advice: "Look at who they come from before loosening the filter: a scanner makes many."
    )

    package static var metrics: [any DeclaredMetric] { [refused] }
}

extension Metric {
    static var connectionFilter: any MetricSet.Type { ConnectionFilterMetric.self }
}
