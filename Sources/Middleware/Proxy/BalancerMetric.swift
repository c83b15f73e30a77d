/// The metrics of load balancing.
package enum BalancerMetric: MetricSet {
    package static let component = "Load balancer"

    package static let retries = MetricFamily<RetryCause, MetricCounter>(
        "middleware_balancer_retries_total",
        unit: .requests,
        "Tries after the first one, by what made the try before fail.",
        advice: "The log and the health of the endpoints say who fails; a rate near the budget is an outage."
    )
    package static let retriesRefused = MetricFamily<RetryObstacle, MetricCounter>(
        "middleware_balancer_retries_refused_total",
        unit: .requests,
        "Failures that would have been tried again, by what forbade it.",
        advice: "Budget: the cluster is failing as a whole. Method and body: the client has to try again itself."
    )
    package static let hedges = MetricCounter(
        "middleware_balancer_hedges_total",
        unit: .requests,
        "Second tries of requests that took long.",
        advice: "More than one in twenty: the delay is shorter than healthy answers take."
    )
    package static let hedgesWon = MetricCounter(
        "middleware_balancer_hedges_won_total",
        unit: .requests,
        "Second tries that answered before the first.",
        advice: "Few of the hedges won: the delay is too short, or all endpoints are slow."
    )
    package static var metrics: [any DeclaredMetric] { [retries, retriesRefused, hedges, hedgesWon] }
}

/// What made a try fail.
package enum RetryCause: UInt8, MetricLabelValue {
    case connect, reset, timeout, malformed, status

    package static let labelName = "cause"

    package var text: String {
        switch self {
        case .connect: "connect"
        case .reset: "reset"
        case .timeout: "timeout"
        case .malformed: "malformed"
        case .status: "status"
        }
    }

    package var position: Int { Int(rawValue) }
}

/// What forbade another try.
package enum RetryObstacle: UInt8, MetricLabelValue {
    case method, body, budget, tries, retryAfter

    package static let labelName = "obstacle"

    package var text: String {
        switch self {
        case .method: "method"
        case .body: "body"
        case .budget: "budget"
        case .tries: "tries"
        case .retryAfter: "retry_after"
        }
    }

    package var position: Int { Int(rawValue) }
}

extension Metric {
    static var balancer: any MetricSet.Type { BalancerMetric.self }
}
