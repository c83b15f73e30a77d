/// The declaration of one metric: what it is called, what it counts, and what an operator does about it.
///
/// A component declares its metrics as static handles in an enumeration beside its code. Nothing is asked of a metrics
/// factory before a handle is used for the first time, and a handle that found none costs a load and a comparison:
///
/// ```swift
/// enum QuotaMetric: MetricSet {
///     static let component = "Quota"
///     static let refused = MetricCounter(
///         "edge_quota_refused_total", unit: .requests,
///         "Requests refused because a quota was used up.",
///         advice: "Look at the consumer's traffic before raising its quota.")
///     static var metrics: [any DeclaredMetric] { [refused] }
/// }
///
/// QuotaMetric.refused.increment()
/// ```
///
/// `MetricsSystem.bootstrap` comes before the first use of a handle, in practice at the start of `main`: a handle that
/// was used before stays silent.
///
/// The names follow the Prometheus conventions: base units, the unit in the name, `_total` behind counters. Every label
/// has a bound, so that the number of series is known beforehand.
public struct Metric: Sendable, Hashable {
    /// What is recorded.
    public enum Kind: String, Sendable, CaseIterable {
        /// A number that only grows.
        case counter
        /// A number that goes up and down.
        case gauge
        /// The distribution of durations, in seconds.
        case timer
        /// The distribution of other values.
        case histogram
    }

    /// What the number counts.
    public struct Unit: Sendable, Hashable, ExpressibleByStringLiteral {
        /// The unit as a word in the plural.
        public let name: String

        public init(_ name: String) { self.name = name }
        public init(stringLiteral name: String) { self.name = name }

        /// Seconds; the unit of every timer.
        public static let seconds: Unit = "seconds"
        /// Bytes of content, framing not counted.
        public static let bytes: Unit = "bytes"
        /// Connections.
        public static let connections: Unit = "connections"
        /// Requests.
        public static let requests: Unit = "requests"
        /// Log lines.
        public static let lines: Unit = "lines"
        /// Pieces of background work.
        public static let tasks: Unit = "tasks"
    }

    /// What a metric is split by.
    public struct Label: Sendable, Hashable {
        /// The name.
        public let name: String
        /// The most values it takes; past it, a value reads `other`.
        public let bound: Int

        public init(_ name: String, bound: Int) {
            self.name = name
            self.bound = bound
        }
    }

    /// The full name, in the alphabet of Prometheus: letters, digits and underscores.
    public var name: String
    /// What is recorded.
    public var kind: Kind
    /// What the number counts.
    public var unit: Unit
    /// What it is split by.
    public var labels: [Label]
    /// One line: what the number says.
    public var meaning: String
    /// One line: what an operator does when the number is not as it should be.
    public var advice: String

    public init(
        _ name: String,
        _ kind: Kind,
        unit: Unit,
        labels: [Label] = [],
        meaning: String,
        advice: String
    ) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.labels = labels
        self.meaning = meaning
        self.advice = advice
    }
}

extension Metric {
    /// The metrics of this library's components, in the order of `Documentation/Metrics.md`.
    public static let all: [Metric] = sets.flatMap { $0.metrics.map(\.metric) }

    /// The components of this library that declare metrics. Each names itself here by a member that its own folder
    /// adds, so that this file knows none of their types.
    package static var sets: [any MetricSet.Type] {
        [
            server, proxyProtocol, datagram, connectionFilter, upstream, cluster, health, discovery, forwarder,
            balancer, sessions, shaping,
            l4, sni, spawn, accessLog, prometheus, limits, router,
        ]
    }
}
