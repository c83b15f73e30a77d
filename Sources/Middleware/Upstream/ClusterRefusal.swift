/// Why no endpoint could be chosen.
package enum ClusterRefusal: UInt8, Error, MetricLabelValue {
    /// There is none that may be chosen.
    case unavailable
    /// Those that may be chosen serve as much as they are allowed to.
    case full
    /// A breaker is open.
    case breaker

    package static let labelName = "reason"

    package var text: String {
        switch self {
        case .unavailable: "unavailable"
        case .full: "full"
        case .breaker: "breaker"
        }
    }

    package var position: Int { Int(rawValue) }
}
