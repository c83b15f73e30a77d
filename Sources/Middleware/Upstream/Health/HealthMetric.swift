/// The metrics of probes, ejections, breakers and the retry budget.
package enum HealthMetric: MetricSet {
    package static let component = "Health"

    package static let probes = MetricFamily<ProbeOutcome, MetricCounter>(
        "middleware_health_probes_total",
        unit: "probes",
        "Probes of endpoints, by their outcome.",
        advice: "Failures of one endpoint are its own; of all at once, look at the network and the probe's path."
    )
    package static let probeDuration = MetricTimer(
        "middleware_health_probe_duration_seconds",
        unit: .seconds,
        "How long probes took, those that were out of time included.",
        advice: "Near the timeout, healthy endpoints start to fail: raise it, or make the probed path do less."
    )
    package static let unhealthy = MetricGauge(
        "middleware_health_unhealthy_endpoints",
        unit: "endpoints",
        "Endpoints that their probes keep out now.",
        advice: "The events and the log name them with the reason."
    )
    package static let ejections = MetricFamily<EjectionCause, MetricCounter>(
        "middleware_health_ejections_total",
        unit: "endpoints",
        "Endpoints that the evidence of traffic put out, by what they did.",
        advice: "The same endpoint again and again is ill in a way that its probes do not see: mend the probe."
    )
    package static let ejected = MetricGauge(
        "middleware_health_ejected_endpoints",
        unit: "endpoints",
        "Endpoints that the evidence of traffic keeps out now.",
        advice: "At the largest share that may be out, the cause is more likely common to all: look behind them."
    )
    package static let breakersOpened = MetricCounter(
        "middleware_health_breakers_opened_total",
        unit: "breakers",
        "Circuit breakers that opened, again after a trial included.",
        advice: "The events say whose and why."
    )
    package static let retriesRefused = MetricCounter(
        "middleware_health_retry_budget_refusals_total",
        unit: .requests,
        "Retries that were not made because the budget was used up.",
        advice: "Most requests fail at the first try: mend that instead of raising the budget."
    )

    package static var metrics: [any DeclaredMetric] {
        [probes, probeDuration, unhealthy, ejections, ejected, breakersOpened, retriesRefused]
    }
}

/// How a probe ended.
package enum ProbeOutcome: UInt8, MetricLabelValue {
    case passed, failed, timedOut

    package static let labelName = "outcome"

    package var text: String {
        switch self {
        case .passed: "passed"
        case .failed: "failed"
        case .timedOut: "timed_out"
        }
    }

    package var position: Int { Int(rawValue) }
}

/// What put an endpoint out.
package enum EjectionCause: UInt8, MetricLabelValue {
    case consecutiveFailures, failureRate, successRate, responseTime

    package static let labelName = "cause"

    package var text: String {
        switch self {
        case .consecutiveFailures: "consecutive_failures"
        case .failureRate: "failure_rate"
        case .successRate: "success_rate"
        case .responseTime: "response_time"
        }
    }

    package var position: Int { Int(rawValue) }
}

extension Metric {
    static var health: any MetricSet.Type { HealthMetric.self }
}
