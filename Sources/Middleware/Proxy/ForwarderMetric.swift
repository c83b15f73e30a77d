/// The metrics of forwarding a request to an endpoint.
package enum ForwarderMetric: MetricSet {
    package static let component = "Forwarder"

    package static let failures = LabelledMetric<MetricCounter>(
        "middleware_forwarder_failures_total",
        unit: .requests,
        labels: [Metric.Label("code", bound: 32)],
        "Requests that could not be forwarded to their end, by the code of the failure.",
        advice: "The code says the phase and the side; the log line of the request names the endpoint."
    )
    package static let timeToFirstByte = MetricTimer(
        "middleware_forwarder_first_byte_duration_seconds",
        unit: .seconds,
        "From the request handed to a connection to the head of the endpoint's answer.",
        advice: "This is the endpoint's own time: look there."
    )
    package static let replays = MetricCounter(
        "middleware_forwarder_replays_total",
        unit: .requests,
        "Requests that met a connection which the endpoint had just closed, and were sent again.",
        advice: "Make the endpoint's idle timeout longer than that of the pool."
    )

    package static var metrics: [any DeclaredMetric] { [failures, timeToFirstByte, replays] }
}

extension Metric {
    static var forwarder: any MetricSet.Type { ForwarderMetric.self }
}
