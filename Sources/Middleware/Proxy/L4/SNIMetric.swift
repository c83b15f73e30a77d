/// The metrics of routing by server name.
package enum SNIMetric: MetricSet {
    package static let component = "SNI router"

    package static let routed = MetricCounter(
        "middleware_sni_routed_total",
        unit: .connections,
        "TLS connections that a route took.",
        advice: "For capacity planning; compare with the connections that the listener accepted."
    )
    package static let refused = MetricFamily<SNIRefusal, MetricCounter>(
        "middleware_sni_refused_total",
        unit: .connections,
        "TLS connections that were closed because no route could be found, by the reason.",
        advice: "For no_route and no_name, add a route or accept them as scanners; not_tls is another protocol."
    )

    package static var metrics: [any DeclaredMetric] { [routed, refused] }
}

/// Why no route could be found.
package enum SNIRefusal: Hashable, MetricLabelValue {
    /// The client names no host, and there is no route for that.
    case noName
    /// No route takes the name.
    case noRoute
    /// The ClientHello did not come in time.
    case timeout
    /// The connection ended within it.
    case truncated
    /// The bytes are no ClientHello to go by.
    case malformed(TLSClientHelloProblem)

    package static let labelName = "reason"
    package static let allCases: [SNIRefusal] =
        [.noName, .noRoute, .timeout, .truncated] + TLSClientHelloProblem.allCases.map { .malformed($0) }

    package var text: String {
        switch self {
        case .noName: "no_name"
        case .noRoute: "no_route"
        case .timeout: "timeout"
        case .truncated: "truncated"
        case .malformed(.notTLS): "not_tls"
        case .malformed(.serverName): "server_name"
        case .malformed(.applicationProtocol): "application_protocol"
        case .malformed(let problem): "\(problem)"
        }
    }

    package var position: Int {
        switch self {
        case .noName: 0
        case .noRoute: 1
        case .timeout: 2
        case .truncated: 3
        case .malformed(let problem): 4 + Int(problem.rawValue)
        }
    }
}

extension Metric {
    static var sni: any MetricSet.Type { SNIMetric.self }
}
