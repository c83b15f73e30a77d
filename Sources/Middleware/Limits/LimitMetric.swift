/// The metrics of everything that refuses or ends requests by a limit.
package enum LimitMetric: MetricSet {
    package static let component = "Limits"

    package static let refused = MetricFamily<LimitRefusal, MetricCounter>(
        "middleware_limits_refused_total",
        unit: .requests,
        "Requests that were refused by a limit, by the limit that they met.",
        advice: "Look at who sends them before raising the limit; for lag, find what holds the event loop up."
    )
    package static let timeouts = MetricFamily<TimeoutPhase, MetricCounter>(
        "middleware_limits_timeouts_total",
        unit: .requests,
        "Requests that a timeout ended, by what took too long.",
        advice: "Look at the forwarder's first byte and at the origin's own log before raising the limit."
    )
    package static let running = MetricGauge(
        "middleware_limits_running_requests",
        unit: .requests,
        "Requests that hold a place of a concurrency limit now.",
        advice: "At the limit for long, the parts inside are slower than the traffic: add capacity, or let fewer in."
    )
    package static let queued = MetricGauge(
        "middleware_limits_queued_requests",
        unit: .requests,
        "Requests that wait for a place of a concurrency limit now.",
        advice: "A queue is for bursts: one that never empties adds delay and no throughput."
    )
    package static let queueDuration = MetricTimer(
        "middleware_limits_queue_duration_seconds",
        unit: .seconds,
        "How long requests that got a place of a concurrency limit had waited for it.",
        advice: "Near the limit of the wait, shorten the queue: those at its end are refused late instead of early."
    )
    package static let loopLag = MetricTimer(
        "middleware_limits_loop_lag_seconds",
        unit: .seconds,
        "How long an event loop took to come back to what it was asked to do, measured where load is shed.",
        advice: "Milliseconds are healthy. More is a handler that computes or blocks on the loop: use offload."
    )

    package static var metrics: [any DeclaredMetric] {
        [refused, timeouts, running, queued, queueDuration, loopLag]
    }
}

/// The limit that refused a request.
package enum LimitRefusal: UInt8, MetricLabelValue {
    case bodyLength
    case bodyCount
    case queueFull
    case queueWait
    case address
    case lag

    package static let labelName = "limit"

    package var text: String {
        switch self {
        case .bodyLength: "body_length"
        case .bodyCount: "body_count"
        case .queueFull: "queue_full"
        case .queueWait: "queue_wait"
        case .address: "address"
        case .lag: "lag"
        }
    }

    package var position: Int { Int(rawValue) }
}

/// What took too long.
package enum TimeoutPhase: UInt8, MetricLabelValue {
    case head
    case idle
    case whole

    package static let labelName = "phase"

    package var text: String {
        switch self {
        case .head: "head"
        case .idle: "idle"
        case .whole: "whole"
        }
    }

    package var position: Int { Int(rawValue) }
}

extension Metric {
    static var limits: any MetricSet.Type { LimitMetric.self }
}
