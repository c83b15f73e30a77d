/// The metrics of the sources of endpoints.
package enum DiscoveryMetric: MetricSet {
    package static let component = "Discovery"

    package static let updates = MetricFamily<DiscoveryOrigin, MetricCounter>(
        "middleware_discovery_updates_total",
        unit: "sets",
        "Sets of endpoints that differed from the one before, by where they came from.",
        advice: "Many of DNS are a name server that gives a part of the records each time: ask for SRV, or name more."
    )
    package static let failures = MetricFamily<DiscoveryOrigin, MetricCounter>(
        "middleware_discovery_failures_total",
        unit: "look-ups",
        "Look-ups that failed or told a part only, so that the last set was kept, by where they looked.",
        advice: "The log names the reason. Endpoints that have moved since are not noticed until it ends."
    )
    package static let queries = MetricFamily<DNSQueryResult, MetricCounter>(
        "middleware_discovery_dns_queries_total",
        unit: "queries",
        "Questions to one name server each, by how they went; that there is no such name is an answer.",
        advice: "Time-outs beside answers are one server of several that is down: take it out of the list."
    )

    package static var metrics: [any DeclaredMetric] { [updates, failures, queries] }
}

extension Metric {
    static var discovery: any MetricSet.Type { DiscoveryMetric.self }
}

/// Where a set of endpoints comes from.
package enum DiscoveryOrigin: UInt8, MetricLabelValue {
    case dns
    case file

    package static let labelName = "origin"
    package var text: String { self == .dns ? "dns" : "file" }
    package var position: Int { Int(rawValue) }
}

/// How a query went.
package enum DNSQueryResult: UInt8, MetricLabelValue {
    case answered
    case timedOut
    case failed

    package static let labelName = "result"
    package var text: String {
        switch self {
        case .answered: "answered"
        case .timedOut: "timed_out"
        case .failed: "failed"
        }
    }
    package var position: Int { Int(rawValue) }
}
