/// One change in a cluster: who, what, when and why.
///
/// ```swift
/// struct Pager: ClusterObserver {
///     func observe(_ event: ClusterEvent) {
///         if case .panicEntered = event.kind { page("\(event)") }
///     }
/// }
/// ```
///
/// Only changes are told, never each piece of evidence, so that a log of them stays short.
public struct ClusterEvent: Sendable {
    /// What changed. More may be added: a `switch` over it has a `default`.
    public enum Kind: Sendable, Hashable {
        /// The endpoint joined the cluster.
        case added
        /// It left.
        case removed
        /// It finishes what it has and gets nothing new.
        case draining
        /// It gets requests again that it did not get while it drained.
        case resumed
        /// It gets another share of the traffic.
        case reweighted(from: Int, to: Int)
        /// Probes found it well.
        case probedHealthy
        /// Probes found it ill.
        case probedUnhealthy
        /// The evidence of traffic put it out for that long.
        case ejected(for: Duration)
        /// Its time out is over.
        case returned
        /// A breaker lets nothing through for that long: the endpoint's, or the cluster's when there is no endpoint.
        case breakerOpened(for: Duration)
        /// The breaker lets a few requests try.
        case breakerHalfOpened
        /// The breaker lets everything through again.
        case breakerClosed
        /// Too few endpoints are well: some or all of those that are not get traffic all the same.
        case panicEntered
        /// Enough are well again.
        case panicLeft
        /// The source of endpoints cannot tell; the last set stays.
        case sourceFailed
        /// The source tells again.
        case sourceRecovered
    }

    /// The name of the cluster.
    public let cluster: String
    /// The endpoint that it is about; `nil` when it is about the whole cluster.
    public let endpoint: Endpoint?
    /// What changed.
    public let kind: Kind
    /// Why, in words for a log; empty when nothing is to be added to the kind.
    public let reason: String
    package let nanoseconds: Int64

    package init(cluster: String, endpoint: Endpoint? = nil, _ kind: Kind, reason: String = "", at nanoseconds: Int64) {
        self.cluster = cluster
        self.endpoint = endpoint
        self.kind = kind
        self.reason = reason
        self.nanoseconds = nanoseconds
    }

    /// The monotonic time of the change.
    public var instant: ContinuousClock.Instant { ContinuousClock.Instant(nanoseconds: nanoseconds) }
}

extension ClusterEvent.Kind: CustomStringConvertible {
    public var description: String {
        switch self {
        case .added: "added"
        case .removed: "removed"
        case .draining: "draining"
        case .resumed: "resumed"
        case .reweighted(let old, let new): "reweighted from \(old) to \(new)"
        case .probedHealthy: "probed healthy"
        case .probedUnhealthy: "probed unhealthy"
        case .ejected(let duration): "ejected for \(duration)"
        case .returned: "returned"
        case .breakerOpened(let duration): "breaker opened for \(duration)"
        case .breakerHalfOpened: "breaker half open"
        case .breakerClosed: "breaker closed"
        case .panicEntered: "panic entered"
        case .panicLeft: "panic left"
        case .sourceFailed: "source failed"
        case .sourceRecovered: "source recovered"
        }
    }
}

extension ClusterEvent: CustomStringConvertible {
    public var description: String {
        let place = endpoint.map { "\(cluster) \($0.text)" } ?? cluster
        return reason.isEmpty ? "\(place): \(kind)" : "\(place): \(kind), \(reason)"
    }
}

/// Hears of every change in a cluster.
public protocol ClusterObserver: Sendable {
    /// Called once for each change, in the order in which they were made, from whichever thread made it; must not
    /// block.
    func observe(_ event: ClusterEvent)
}
