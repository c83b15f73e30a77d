/// The metrics of clusters and of the choice of an endpoint.
package enum ClusterMetric: MetricSet {
    package static let component = "Clusters"

    package static let changes = MetricFamily<ClusterChange, MetricCounter>(
        "middleware_cluster_changes_total",
        unit: .endpoints,
        "Changes of the endpoints of all clusters and of their health, by what changed.",
        advice: "Ejections and failed probes name their endpoint and reason in the log: look there first."
    )
    package static let refused = MetricFamily<ClusterRefusal, MetricCounter>(
        "middleware_cluster_refused_total",
        unit: .requests,
        "Requests and connections for which no endpoint could be chosen, by the reason.",
        advice: "Unavailable is an outage of the whole cluster; full is a limit on what is in flight."
    )

    package static var metrics: [any DeclaredMetric] { [changes, refused] }

    static func count(_ kind: ClusterEvent.Kind) { changes[ClusterChange(kind)].increment() }
}

extension Metric.Unit {
    /// Places that requests are sent to.
    public static let endpoints: Metric.Unit = "endpoints"
}

/// What changed in a cluster.
package enum ClusterChange: UInt8, MetricLabelValue {
    case added, removed, draining, resumed, reweighted, probedHealthy, probedUnhealthy, ejected, returned, breakerOpened
    case breakerHalfOpened, breakerClosed, panicEntered, panicLeft, sourceFailed, sourceRecovered

    init(_ kind: ClusterEvent.Kind) {
        self =
            switch kind {
            case .added: .added
            case .removed: .removed
            case .draining: .draining
            case .resumed: .resumed
            case .reweighted: .reweighted
            case .probedHealthy: .probedHealthy
            case .probedUnhealthy: .probedUnhealthy
            case .ejected: .ejected
            case .returned: .returned
            case .breakerOpened: .breakerOpened
            case .breakerHalfOpened: .breakerHalfOpened
            case .breakerClosed: .breakerClosed
            case .panicEntered: .panicEntered
            case .panicLeft: .panicLeft
            case .sourceFailed: .sourceFailed
            case .sourceRecovered: .sourceRecovered
            }
    }

    package static let labelName = "change"

    package var text: String {
        switch self {
        case .added: "added"
        case .removed: "removed"
        case .draining: "draining"
        case .resumed: "resumed"
        case .reweighted: "reweighted"
        case .probedHealthy: "probed_healthy"
        case .probedUnhealthy: "probed_unhealthy"
        case .ejected: "ejected"
        case .returned: "returned"
        case .breakerOpened: "breaker_opened"
        case .breakerHalfOpened: "breaker_half_opened"
        case .breakerClosed: "breaker_closed"
        case .panicEntered: "panic_entered"
        case .panicLeft: "panic_left"
        case .sourceFailed: "source_failed"
        case .sourceRecovered: "source_recovered"
        }
    }

    package var position: Int { Int(rawValue) }
}

extension Metric {
    static var cluster: any MetricSet.Type { ClusterMetric.self }
}
