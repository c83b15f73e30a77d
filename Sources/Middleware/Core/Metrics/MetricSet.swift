/// The metrics of one component: an enumeration of static handles that lists them.
public protocol MetricSet: Sendable {
    /// The component's name, the heading of its table in the documentation.
    static var component: String { get }

    /// Every handle of the set.
    static var metrics: [any DeclaredMetric] { get }
}

/// Something that records under a declaration: a handle or a family of handles.
public protocol DeclaredMetric: Sendable {
    /// The declaration.
    var metric: Metric { get }
}

/// A value of a label of which every value is known: a case of an enumeration.
///
/// ```swift
/// enum Decision: UInt8, MetricLabelValue {
///     case allowed, refused
///     static let labelName = "decision"
///     var text: String { self == .allowed ? "allowed" : "refused" }
///     var position: Int { Int(rawValue) }
/// }
/// ```
public protocol MetricLabelValue: CaseIterable, Sendable {
    /// The label's name.
    static var labelName: String { get }

    /// The value as it is shown.
    var text: String { get }

    /// The place of this value in `allCases`, counted from 0.
    var position: Int { get }
}
