/// The metrics of a server's listeners and connections.
package enum ServerMetric: MetricSet {
    package static let component = "Server"

    package static let connectionsAccepted = MetricCounter(
        "middleware_server_connections_accepted_total",
        unit: .connections,
        "Connections that were accepted.",
        advice: "A rate near that of the requests means that clients do not keep connections alive."
    )
    package static let connectionsActive = MetricGauge(
        "middleware_server_active_connections",
        unit: .connections,
        "Connections that are open now, idle ones included.",
        advice: "Near the limit, raise it together with the limit of file descriptors, or shorten the idle timeout."
    )
    package static let acceptFailures = MetricCounter(
        "middleware_server_accept_failures_total",
        unit: .connections,
        "Times that a connection could not be taken for want of file descriptors or memory.",
        advice: "Raise the limit of file descriptors (ulimit -n), or lower the limit of connections below it."
    )
    package static let connectionsRefused = MetricFamily<ConnectionRefusal, MetricCounter>(
        "middleware_server_connections_refused_total",
        unit: .connections,
        "Connections that were closed at once, by the limit that they met.",
        advice: "For address, look for one client that opens too many; for total, raise the limit or add a server."
    )
    package static let requests = MetricFamily<StatusClass, MetricCounter>(
        "middleware_server_requests_total",
        unit: .requests,
        "Requests that ended, by the class of their status; none is a request whose client left before an answer.",
        advice: "When 5xx rises, look at the forwarder's failures first."
    )
    package static let requestDuration = MetricTimer(
        "middleware_server_request_duration_seconds",
        unit: .seconds,
        "From the first byte of a request to the last byte of its answer.",
        advice: "Compare with the forwarder's first byte: the difference is the body, the client or this process."
    )
    package static let requestBytes = MetricCounter(
        "middleware_server_request_bytes_total",
        unit: .bytes,
        "Bytes of request bodies that were read.",
        advice: "For capacity planning; a jump without more requests is a large upload."
    )
    package static let responseBytes = MetricCounter(
        "middleware_server_response_bytes_total",
        unit: .bytes,
        "Bytes of response bodies that were sent.",
        advice: "For capacity planning; compare with the line's capacity."
    )
    package static let malformedRequests = MetricFamily<WireProblem.Rule, MetricCounter>(
        "middleware_server_malformed_requests_total",
        unit: .requests,
        "Requests that were refused because they break the protocol, by the rule.",
        advice: "Single ones are scanners; many from one client are a broken client or an attempt at smuggling."
    )
    package static let timeouts = MetricFamily<ConnectionTimeout, MetricCounter>(
        "middleware_server_timeouts_total",
        unit: .connections,
        "Connections that were closed because the client was too slow, by what it was too slow at.",
        advice: "Many at once for head or rate are clients that drip on purpose: lower the limits for each address."
    )

    package static var metrics: [any DeclaredMetric] {
        [
            connectionsAccepted, connectionsActive, acceptFailures, connectionsRefused, requests, requestDuration,
            requestBytes, responseBytes, malformedRequests, timeouts,
        ]
    }
}

extension Metric {
    static var server: any MetricSet.Type { ServerMetric.self }
}

/// Why a connection was closed as soon as it was accepted.
package enum ConnectionRefusal: UInt8, MetricLabelValue {
    /// There are as many connections as the server takes.
    case total
    /// There are as many connections as one client address may have.
    case address

    package static let labelName = "limit"
    package var position: Int { Int(rawValue) }

    package var text: String {
        switch self {
        case .total: "total"
        case .address: "address"
        }
    }
}

/// What a client was too slow at.
package enum ConnectionTimeout: UInt8, MetricLabelValue {
    /// Sending the head of a request.
    case head
    /// Sending anything of a body.
    case bodyIdle
    /// Sending a body as fast as the minimum rate.
    case bodyRate
    /// Sending the whole of a body.
    case bodyTotal
    /// Sending the next request.
    case keepAlive
    /// Taking the answer.
    case write

    package static let labelName = "phase"
    package var position: Int { Int(rawValue) }

    package var text: String {
        switch self {
        case .head: "head"
        case .bodyIdle: "body_idle"
        case .bodyRate: "body_rate"
        case .bodyTotal: "body_total"
        case .keepAlive: "keep_alive"
        case .write: "write"
        }
    }
}

/// The class of a status, RFC 9110 section 15.
package enum StatusClass: UInt8, MetricLabelValue {
    /// No final answer went out, or its status is outside the classes.
    case none
    case informational
    case successful
    case redirection
    case clientError
    case serverError

    /// The class of a status code.
    package init(code: Int) {
        self = (100..<600).contains(code) ? StatusClass(rawValue: UInt8(code / 100)) ?? .none : .none
    }

    package static let labelName = "status"
    package var position: Int { Int(rawValue) }

    package var text: String {
        switch self {
        case .none: "none"
        case .informational: "1xx"
        case .successful: "2xx"
        case .redirection: "3xx"
        case .clientError: "4xx"
        case .serverError: "5xx"
        }
    }
}

extension WireProblem.Rule: MetricLabelValue {
    package static var labelName: String { "rule" }
    package var position: Int { Int(rawValue) }

    /// The case's name in snake case.
    package var text: String {
        var text = ""
        var isInCapitals = true
        for character in "\(self)" {
            if character.isUppercase, !isInCapitals { text += "_" }
            isInCapitals = character.isUppercase
            text += character.lowercased()
        }
        return text
    }
}
