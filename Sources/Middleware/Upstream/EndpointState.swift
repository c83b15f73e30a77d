import Synchronization

/// What a cluster knows of one of its endpoints: what is in flight, how it does. It stays the same object for as long as
/// the endpoint belongs to the cluster, whatever else changes. Safe to read from any thread.
public final class EndpointState: Sendable {
    /// Why an endpoint is not chosen. Each is set and lifted by one alone, so that none lifts what another has found.
    package struct Bars: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// It finishes what it has.
        package static let draining = Bars(rawValue: 1)
        /// Probes found it ill.
        package static let probed = Bars(rawValue: 2)
        /// The evidence of traffic has put it out for a time.
        package static let ejected = Bars(rawValue: 4)
        /// Its breaker is open.
        package static let broken = Bars(rawValue: 8)
    }

    /// The endpoint as it was when it joined. Its present weight is the cluster's to know.
    public let endpoint: Endpoint
    /// How long it takes to answer, for policies that ask for it.
    public let responseTime = ResponseTime()
    /// What its traffic has shown.
    package let record: EndpointRecord
    /// Its breaker, if it has one.
    let breaker: CircuitBreaker?
    private let running = Atomic<Int>(0)
    private let barred = Atomic<UInt8>(0)
    private weak let roster: ClusterRoster?
    private let load: ClusterLoad?
    /// Whether its cluster counts it in besides.
    private let countsRunning: Bool

    /// The state of an endpoint outside a cluster, as tests of policies need it.
    public convenience init(_ endpoint: Endpoint) { self.init(endpoint, in: nil, CircuitLimits()) }

    init(_ endpoint: Endpoint, in roster: ClusterRoster?, _ limits: CircuitLimits) {
        self.endpoint = endpoint
        self.roster = roster
        load = roster?.load
        countsRunning = limits.requests < .max || limits.clusterBreaker != nil || limits.endpointBreaker != nil
        breaker = limits.endpointBreaker.map { CircuitBreaker($0) }
        record = EndpointRecord(endpoint)
    }

    /// The requests and connections that it serves now, over all event loops. Each counts to its last byte.
    public var inFlight: Int { running.load(ordering: .relaxed) }

    /// Whether it gets requests: nothing is known against it, and it does not drain.
    public var isAvailable: Bool { bars.isEmpty }

    /// Whether it finishes what it has and gets nothing new.
    public var isDraining: Bool { bars.contains(.draining) }

    package var bars: Bars { Bars(rawValue: barred.load(ordering: .relaxed)) }

    /// Changes why it is not chosen; `false` when that was so already. Under the lock of the cluster.
    func set(_ bar: Bars, _ isSet: Bool) -> Bool {
        let before =
            isSet
            ? barred.bitwiseOr(bar.rawValue, ordering: .relaxed).oldValue
            : barred.bitwiseAnd(~bar.rawValue, ordering: .relaxed).oldValue
        return Bars(rawValue: before).contains(bar) != isSet
    }

    /// Counts one in.
    package func begin() { running.add(1, ordering: .relaxed) }

    /// Counts one in unless there are `limit`; `false` then.
    package func begin(limit: Int) -> Bool {
        guard running.add(1, ordering: .relaxed).newValue <= limit else {
            running.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Takes a count back that came to nothing.
    func cancel() { running.subtract(1, ordering: .relaxed) }

    /// Counts one out.
    package func end() {
        running.subtract(1, ordering: .relaxed)
        if countsRunning { load?.running.leave() }
    }
}

extension EndpointState: ExchangeObserver {
    func waitBegins() -> Bool { load?.waiting.enter() ?? true }

    func waitEnds() { load?.waiting.leave() }

    /// The answer of an exchange that was counted in has ended.
    func exchangeEnded(_ error: (any Error)?, streaming status: Int?) {
        end()
        guard let error else {
            if let status { roster?.detection?.streamEnded(status, of: record) }
            return
        }
        if let evidence = Evidence(brokenBy: error) { roster?.reportBroken(evidence, of: self) }
    }
}

extension Evidence {
    /// What an answer that broke off in its body says of the endpoint; `nil` when it was not the endpoint that broke it.
    fileprivate init?(brokenBy error: any Error) {
        guard let failure = error as? UpstreamFailure else { return nil }
        switch failure.kind {
        case .closedInBody: self = .brokeOff
        case .bodyTimeout: self = .timedOut
        case .malformed: self = .malformed
        default: return nil
        }
    }
}
