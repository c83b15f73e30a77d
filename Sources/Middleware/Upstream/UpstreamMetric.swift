/// The metrics of the connection pools.
package enum UpstreamMetric: MetricSet {
    package static let component = "Upstream pool"

    package static let connectionsOpened = MetricCounter(
        "middleware_upstream_connections_opened_total",
        unit: .connections,
        "Connections to endpoints that were opened.",
        advice: "A rate near that of the requests means that the endpoint closes: lengthen its idle timeout."
    )
    package static let connectionsActive = MetricGauge(
        "middleware_upstream_active_connections",
        unit: .connections,
        "Connections to endpoints that are open now, idle ones included.",
        advice: "At the limit of the pool, requests wait: see the requests waiting."
    )
    package static let connectionsIdle = MetricGauge(
        "middleware_upstream_idle_connections",
        unit: .connections,
        "Connections to endpoints that are open and carry no request.",
        advice: "Many for long are memory at both ends: shorten the idle timeout of the pool."
    )
    package static let connectionsEvicted = MetricCounter(
        "middleware_upstream_connections_evicted_total",
        unit: .connections,
        "Idle connections that the pool closed because they were idle for too long or there were too many.",
        advice: "Together with many opened ones: allow the pool more idle connections."
    )
    package static let connectDuration = MetricTimer(
        "middleware_upstream_connect_duration_seconds",
        unit: .seconds,
        "From the decision to open a connection to an open one.",
        advice: "Whole seconds are lost packets or a full accept queue of the endpoint."
    )
    package static let connectFailures = MetricCounter(
        "middleware_upstream_connect_failures_total",
        unit: .connections,
        "Connections that could not be opened.",
        advice: "The log names endpoint and reason: refused is a process that is down, timed out is the network."
    )
    package static let answersBroken = MetricCounter(
        "middleware_upstream_broken_answers_total",
        unit: .requests,
        "Answers that broke off within their body, after their head had been passed on.",
        advice: "The client saw a reset: the log names the reason; look at the endpoint and the network to it."
    )
    package static let requestsQueued = MetricCounter(
        "middleware_upstream_requests_queued_total",
        unit: .requests,
        "Requests that had to wait for a connection.",
        advice: "Raise the limit of the pool if the endpoint can take more, else add endpoints."
    )
    package static let requestsWaiting = MetricGauge(
        "middleware_upstream_waiting_requests",
        unit: .requests,
        "Requests that wait for a connection now.",
        advice: "Above zero for long, the endpoints are slower than the traffic."
    )

    package static var metrics: [any DeclaredMetric] {
        [
            connectionsOpened, connectionsActive, connectionsIdle, connectionsEvicted, connectDuration,
            connectFailures, answersBroken, requestsQueued, requestsWaiting,
        ]
    }
}

extension Metric {
    static var upstream: any MetricSet.Type { UpstreamMetric.self }
}
