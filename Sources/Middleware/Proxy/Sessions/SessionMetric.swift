/// The metrics of sticky sessions.
package enum SessionMetric: MetricSet {
    package static let component = "Sticky sessions"

    package static let requests = MetricFamily<SessionOutcome, MetricCounter>(
        "middleware_sessions_requests_total",
        unit: .requests,
        "Requests to clusters with sticky sessions that went to an endpoint or were refused, by what became of the session.",
        advice: "Many that moved or were refused are endpoints that come and go, or a key that not all gateways have."
    )

    package static var metrics: [any DeclaredMetric] { [requests] }
}

/// What became of the session of a request.
package enum SessionOutcome: UInt8, MetricLabelValue {
    /// It had none, and began one if it can.
    case started
    /// It went to the endpoint of its session.
    case kept
    /// It went to another endpoint.
    case moved
    /// It was answered with 503.
    case refused

    package static let labelName = "outcome"

    package var text: String {
        switch self {
        case .started: "started"
        case .kept: "kept"
        case .moved: "moved"
        case .refused: "refused"
        }
    }

    package var position: Int { Int(rawValue) }
}

extension Metric {
    static var sessions: any MetricSet.Type { SessionMetric.self }
}
