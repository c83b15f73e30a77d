/// The metrics of what divides, copies and disturbs traffic on purpose.
package enum ShapingMetric: MetricSet {
    package static let component = "Traffic shaping"

    package static let branches = LabelledMetric<MetricCounter>(
        "middleware_split_requests_total",
        unit: .requests,
        labels: [Metric.Label("branch", bound: 64)],
        "Requests that a traffic split has sent into a branch.",
        advice: "Compare the shares with the weights: clients that keep their branch differ in how much they ask for."
    )
    package static let copies = MetricFamily<CopyOutcome, MetricCounter>(
        "middleware_mirror_requests_total",
        unit: .requests,
        "Requests that a traffic mirror was to copy, by what became of the copy.",
        advice: "Many busy or late ones are a shadow that is slower than the traffic: lower the share."
    )
    package static let copying = MetricGauge(
        "middleware_mirror_running_requests",
        unit: .requests,
        "Copies of requests that are recorded or answered now.",
        advice: "At the limit for long, copies are left out: the shadow is too slow for its share."
    )
    package static let faults = MetricFamily<FaultKind, MetricCounter>(
        "middleware_faults_injected_total",
        unit: .requests,
        "Faults that were injected on purpose, by their kind.",
        advice: "Anything but zero in production is an experiment that is under way: know whose it is."
    )

    package static var metrics: [any DeclaredMetric] { [branches, copies, copying, faults] }
}

/// What became of a copy.
package enum CopyOutcome: UInt8, MetricLabelValue {
    /// The shadow answered, with a status below 500, and its answer was read to its end.
    case answered
    /// The shadow threw, answered with a status of 500 or above, or its answer broke off.
    case failed
    /// The shadow took too long.
    case late
    /// The shadow's answer was longer than is read.
    case longAnswer
    /// There were too many copies already; it was not made.
    case busy
    /// The body of the request was longer than is recorded; it was not made.
    case longRequest
    /// The body of the request was not read to its end; it was not made.
    case incomplete

    package static let labelName = "outcome"

    package var text: String {
        switch self {
        case .answered: "answered"
        case .failed: "failed"
        case .late: "late"
        case .longAnswer: "long_answer"
        case .busy: "busy"
        case .longRequest: "long_request"
        case .incomplete: "incomplete"
        }
    }

    package var position: Int { Int(rawValue) }
}

/// What was done to a request.
package enum FaultKind: UInt8, MetricLabelValue {
    case delay
    case status
    case broken

    package static let labelName = "kind"

    package var text: String {
        switch self {
        case .delay: "delay"
        case .status: "status"
        case .broken: "broken"
        }
    }

    package var position: Int { Int(rawValue) }
}

extension Metric {
    static var shaping: any MetricSet.Type { ShapingMetric.self }
}
