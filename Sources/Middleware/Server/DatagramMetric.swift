/// The metrics of UDP listeners.
package enum DatagramMetric: MetricSet {
    package static let component = "UDP listeners"

    package static let sessions = MetricCounter(
        "middleware_udp_sessions_total",
        unit: "sessions",
        "Sessions that began: the first datagram of a client's address and port, or the first after a silence.",
        advice: "Near the number of datagrams, every question comes from a port of its own: shorten the idle timeout."
    )
    package static let active = MetricGauge(
        "middleware_udp_active_sessions",
        unit: "sessions",
        "Sessions that are kept now.",
        advice: "Near the limit, raise it with the limit of file descriptors, or shorten the idle timeout."
    )
    package static let dropped = MetricFamily<DatagramDrop, MetricCounter>(
        "middleware_udp_dropped_datagrams_total",
        unit: "datagrams",
        "Datagrams that were dropped, by the reason.",
        advice: "For sessions, raise the limit or look for a flood; for queue and socket, something behind is too slow."
    )

    package static let lost = MetricCounter(
        "middleware_udp_lost_sockets_total",
        unit: "sockets",
        "Sockets of UDP listeners that were lost and opened anew.",
        advice: "Look at the network and the firewall of this machine: the log names the address."
    )

    package static var metrics: [any DeclaredMetric] { [sessions, active, dropped, lost] }
}

extension Metric {
    static var datagram: any MetricSet.Type { DatagramMetric.self }
}

/// Why a datagram was dropped.
package enum DatagramDrop: UInt8, MetricLabelValue {
    /// There are as many sessions as the limit allows, or the server stops.
    case sessions
    /// A filter refused its client.
    case refused
    /// Its handler took those before it too slowly.
    case queue
    /// The socket did not take it.
    case socket

    package static let labelName = "reason"
    package var position: Int { Int(rawValue) }
    package var text: String { "\(self)" }
}
