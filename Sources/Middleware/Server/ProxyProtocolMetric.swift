/// The metrics of listeners that take the PROXY protocol.
package enum ProxyProtocolMetric: MetricSet {
    package static let component = "PROXY protocol"

    package static let accepted = MetricFamily<ProxyProtocolOutcome, MetricCounter>(
        "middleware_proxy_protocol_accepted_total",
        unit: .connections,
        "Connections that went on to their protocol, by whose addresses they have.",
        advice: "Many of plain or local are health checks; more than those mean a proxy that hides its clients."
    )
    package static let refused = MetricFamily<ProxyProtocolRefusal, MetricCounter>(
        "middleware_proxy_protocol_refused_total",
        unit: .connections,
        "Connections that were reset in front of their protocol, by the reason.",
        advice: "For untrusted, see who comes past the load balancer; for signature, whether that sends headers."
    )

    package static var metrics: [any DeclaredMetric] { [accepted, refused] }
}

/// Whose addresses a connection has.
package enum ProxyProtocolOutcome: UInt8, MetricLabelValue {
    /// Those of a header.
    case proxied
    /// Those of its socket: the proxy speaks for itself.
    case local
    /// Those of its socket: the proxy does not say.
    case unknown
    /// Those of its socket: there was no header, and none is required.
    case plain

    package static let labelName = "addresses"
    package var text: String { "\(self)" }
    package var position: Int { Int(rawValue) }

    init(_ header: ProxyHeader) {
        self =
            switch header.endpoints {
            case .local: .local
            case .unknown: .unknown
            case .internet, .unix: .proxied
            }
    }
}

/// Why a connection was reset in front of its protocol.
package enum ProxyProtocolRefusal: Hashable, MetricLabelValue {
    /// It came from somebody who may not send a header.
    case untrusted
    /// The header did not come in time.
    case timeout
    /// The connection ended within the header.
    case truncated
    /// The bytes are no header.
    case malformed(ProxyHeaderProblem)

    package static let labelName = ProxyHeaderProblem.labelName
    package static let allCases: [ProxyProtocolRefusal] =
        [.untrusted, .timeout, .truncated] + ProxyHeaderProblem.allCases.map { .malformed($0) }

    package var text: String {
        switch self {
        case .untrusted: "untrusted"
        case .timeout: "timeout"
        case .truncated: "truncated"
        case .malformed(let problem): problem.text
        }
    }

    package var position: Int {
        switch self {
        case .untrusted: 0
        case .timeout: 1
        case .truncated: 2
        case .malformed(let problem): 3 + problem.position
        }
    }
}

extension Metric {
    static var proxyProtocol: any MetricSet.Type { ProxyProtocolMetric.self }
}
