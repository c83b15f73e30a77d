/// The metrics of what forwards raw connections and datagrams.
package enum L4Metric: MetricSet {
    package static let component = "L4 proxies"

    /// More clusters than that count as one.
    private static let clusters = Metric.Label("cluster", bound: 64)
    private static let direction = Metric.Label("direction", bound: 2)

    package static let connections = MetricFamily<TCPOutcome, MetricCounter>(
        "middleware_tcp_connections_total",
        unit: .connections,
        "Connections that were to be forwarded and are over, by how they ended.",
        advice: "For unreachable, look at the endpoints; for idle, at the idle timeout; for broken, at both ends' logs."
    )
    package static let active = LabelledMetric<MetricGauge>(
        "middleware_tcp_active_connections",
        unit: .connections,
        labels: [clusters],
        "Connections that are forwarded now.",
        advice: "A number that only grows is clients that never hang up: shorten the idle timeout."
    )
    package static let bytes = LabelledMetric<MetricCounter>(
        "middleware_tcp_bytes_total",
        unit: .bytes,
        labels: [clusters, direction],
        "Bytes that were forwarded: in is towards the endpoint, out is towards the client.",
        advice: "For capacity planning; compare with the line's capacity."
    )
    package static let connectDuration = MetricTimer(
        "middleware_tcp_connect_duration_seconds",
        unit: .seconds,
        "From the choice of an endpoint to an open connection.",
        advice: "Whole seconds are lost packets or a full accept queue of the endpoint."
    )
    package static let retries = MetricCounter(
        "middleware_tcp_connect_retries_total",
        unit: .connections,
        "Times that another endpoint was tried because one could not be connected to.",
        advice: "Any rate that lasts is an endpoint that is down: give the cluster a probe."
    )
    package static let datagrams = LabelledMetric<MetricCounter>(
        "middleware_udp_forwarded_datagrams_total",
        unit: "datagrams",
        labels: [clusters, direction],
        "Datagrams that were forwarded: in is towards the endpoint, out is towards the client.",
        advice: "Far fewer out than in, where every question has an answer, is an endpoint that does not answer."
    )
    package static let dropped = LabelledMetric<MetricCounter>(
        "middleware_udp_undelivered_datagrams_total",
        unit: "datagrams",
        labels: [clusters],
        "Datagrams that an endpoint's socket did not take.",
        advice: "Look whether the endpoint is up; else more comes than the line to it carries."
    )

    package static var metrics: [any DeclaredMetric] {
        [connections, active, bytes, connectDuration, retries, datagrams, dropped]
    }

    /// The label of bytes and datagrams towards the endpoint.
    static let inward = "in"
    /// The label of those towards the client.
    static let outward = "out"
}

extension Metric {
    static var l4: any MetricSet.Type { L4Metric.self }
}

/// How a forwarded connection ended.
package enum TCPOutcome: UInt8, MetricLabelValue {
    /// Both sides said that they send no more.
    case complete
    /// One side broke off.
    case broken
    /// Neither side sent anything for too long.
    case idle
    /// No endpoint took the connection.
    case unreachable
    /// There was no endpoint to try.
    case unavailable
    /// The client went, or the server stopped, before an endpoint took the connection or while it was forwarded.
    case cancelled

    package static let labelName = "end"
    package var position: Int { Int(rawValue) }
    package var text: String { "\(self)" }
}
