/// The metrics of the access log.
package enum AccessLogMetric: MetricSet {
    package static let component = "Access log"

    package static let dropped = MetricFamily<DroppedLine, MetricCounter>(
        "middleware_access_log_dropped_lines_total",
        unit: .lines,
        "Lines that were lost, by the reason.",
        advice: "For queue, the disk is too slow: sample, or lengthen the queue. For write, the log has the error."
    )

    package static var metrics: [any DeclaredMetric] { [dropped] }
}

extension Metric {
    static var accessLog: any MetricSet.Type { AccessLogMetric.self }
}

/// Why a line was lost.
package enum DroppedLine: UInt8, MetricLabelValue {
    /// Too many lines waited to be written.
    case queue
    /// The file could not be opened or written.
    case write

    package static let labelName = "reason"
    package var position: Int { Int(rawValue) }
    package var text: String { self == .queue ? "queue" : "write" }
}
