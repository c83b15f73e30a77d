public import Logging
import Synchronization

/// The endpoints that serve the same thing, and how traffic is spread over them.
///
/// ```swift
/// let users = Cluster("users",
///     endpoints: ["10.0.0.1:8080", "10.0.0.2:8080", Endpoint("10.0.0.3:8080", weight: 3)],
///     balancing: .leastRequests,
///     activeHealth: .http(path: "/healthz", every: .seconds(5)))
/// ```
/// ```swift
/// var configuration = Cluster.Configuration()
/// configuration.zone = "a"
/// configuration.slowStart = .seconds(30)
/// let orders = Cluster("orders", from: DNSEndpoints("orders.internal", port: 8080), balancing: .ringHash(by: .cookie("cart")),
///     passiveHealth: .ejecting(afterConsecutiveFailures: 3), configuration)
/// ```
///
/// A handler sends requests to it (``LoadBalancer``, `TCPProxy`, `UDPProxy`); several may share it. It has one truth for
/// all event loops: what is in flight at an endpoint, and whether it is healthy, is counted and decided once.
///
/// Endpoints come and go at run time, without a request being dropped: one that leaves takes nothing new and finishes what
/// it has. Those that stay keep their counters, their health and their connections.
///
/// Probes and discovery run for as long as a server (or a test client) runs a handler that uses the cluster. Bad values
/// are reported by that handler's blueprint.
///
/// Safe to use from any thread.
public final class Cluster: Sendable {
    /// What is rarely set.
    public struct Configuration: Sendable {
        /// The zone of this gateway: endpoints of the same one are preferred for as long as 71 % of their weight is
        /// healthy, see ``TierPlan``. No preference unless set.
        public var zone: String?
        /// Below this share of healthy endpoints health is disregarded and all are used: better some answers from
        /// endpoints that look sick than the few healthy ones overrun (Envoy's panic threshold; 0.5 there). 0, never,
        /// unless set.
        public var panicThreshold = 0.0
        /// How long an endpoint that joins or recovers takes to grow into its whole share; zero, at once, unless set.
        public var slowStart = Duration.zero
        /// How much cluster and endpoints may be asked to do at once, and when they are not asked any more.
        public var limits = CircuitLimits()
        /// Told of every change.
        public var observer: (any ClusterObserver)?
        /// Where changes are logged.
        public var logger = Logger(label: "middleware.cluster")

        public init() {}
    }

    /// The name, for metrics and logs.
    public let name: String
    /// What it was made with.
    public let configuration: Configuration
    let policy: any BalancingPolicy
    let activeHealth: ActiveHealth?
    let source: (any EndpointSource)?
    let roster: ClusterRoster
    /// What runs beside the requests: probes, discovery, and what is due at times.
    let upkeep: ClusterUpkeep
    private let views = LoopLocal<ClusterView>()

    /// A cluster of these endpoints.
    ///
    /// - Parameters:
    ///   - name: for metrics and logs.
    ///   - endpoints: at least one; see ``Endpoint`` for weight, tier, zone and labels.
    ///   - balancing: how requests are spread; power of two choices unless given.
    ///   - activeHealth: probes; none unless given.
    ///   - passiveHealth: what traffic proves; on with its defaults unless given, `nil` for nothing.
    public convenience init<Policy: BalancingPolicy>(
        _ name: String,
        endpoints: [Endpoint],
        balancing: Policy = .powerOfTwoChoices,
        activeHealth: ActiveHealth? = nil,
        passiveHealth: PassiveHealth? = PassiveHealth(),
        _ configuration: Configuration = Configuration()
    ) {
        self.init(name, endpoints, nil, balancing, activeHealth, passiveHealth, configuration)
    }

    /// A cluster whose endpoints are discovered. It has none before its source has told them: requests are answered 503
    /// meanwhile.
    public convenience init<Policy: BalancingPolicy>(
        _ name: String,
        from source: any EndpointSource,
        balancing: Policy = .powerOfTwoChoices,
        activeHealth: ActiveHealth? = nil,
        passiveHealth: PassiveHealth? = PassiveHealth(),
        _ configuration: Configuration = Configuration()
    ) {
        self.init(name, [], source, balancing, activeHealth, passiveHealth, configuration)
    }

    private init(
        _ name: String,
        _ endpoints: [Endpoint],
        _ source: (any EndpointSource)?,
        _ policy: any BalancingPolicy,
        _ activeHealth: ActiveHealth?,
        _ passiveHealth: PassiveHealth?,
        _ configuration: Configuration
    ) {
        self.name = name
        self.configuration = configuration
        self.policy = policy
        self.activeHealth = activeHealth
        self.source = source
        roster = ClusterRoster(
            name, endpoints, policy: policy, passiveHealth,
            assumesHealthy: activeHealth?.assumesHealthy ?? true, configuration)
        upkeep = ClusterUpkeep(roster, activeHealth: activeHealth, source: source)
    }
}

// MARK: - Endpoints

extension Cluster {
    /// What is known of the endpoints, in the order of the configuration.
    public var endpoints: [EndpointState] { roster.states }

    /// Replaces the set: endpoints that are in both stay what they are, with the new weight, tier and labels.
    ///
    /// Throws ``CompositionError`` with every endpoint that is none or stands there twice; nothing changes then.
    public func replaceEndpoints(_ endpoints: [Endpoint]) throws {
        var blueprint = Blueprint("Cluster \(name)")
        Self.check(endpoints, &blueprint)
        let problems = blueprint.validate()
        guard problems.isEmpty else { throw CompositionError(problems) }
        roster.replace(with: endpoints)
    }

    /// Adds an endpoint, or gives the one of the same address this weight, tier and labels.
    ///
    /// Throws ``CompositionError`` when it is none.
    public func add(_ endpoint: Endpoint) throws {
        var blueprint = Blueprint("Cluster \(name)")
        Self.check([endpoint], &blueprint)
        let problems = blueprint.validate()
        guard problems.isEmpty else { throw CompositionError(problems) }
        roster.add(endpoint)
    }

    /// Takes an endpoint out: it gets nothing new, and finishes what it has. `false` when there is none of that address.
    @discardableResult
    public func remove(_ endpoint: Endpoint) -> Bool { roster.remove(endpoint) }

    /// Lets an endpoint finish what it has and gives it nothing new, without taking it out: it is still probed, and can be
    /// brought back with ``resume(_:)``. `false` when there is none of that address.
    ///
    /// It is empty once its ``EndpointState/inFlight`` is 0.
    @discardableResult
    public func drain(_ endpoint: Endpoint) -> Bool { roster.setDraining(true, endpoint) }

    /// Gives an endpoint that drains requests again.
    @discardableResult
    public func resume(_ endpoint: Endpoint) -> Bool { roster.setDraining(false, endpoint) }

    /// Every change from now on, in order. A reader that is more than 1,024 changes behind loses the oldest.
    public func events() -> AsyncStream<ClusterEvent> { roster.events.stream() }
}

// MARK: - For the handlers

extension Cluster {
    /// Chooses an endpoint and counts it in. On the loop only.
    ///
    /// Throws why there is none: at once, nothing waits for an endpoint.
    ///
    /// - Parameters:
    ///   - hash: of the request's ``BalancingPolicy/key``.
    ///   - tried: endpoints that are left out for as long as there is another.
    ///   - selection: see ``ClusterRoster/selection(labelled:)``.
    @inline(__always)
    package func choose(
        hash: UInt64? = nil,
        excluding tried: [EndpointState] = [],
        selection: Int = 0,
        context: RequestContext
    ) throws(ClusterRefusal) -> EndpointChoice {
        let view = view(context)
        do throws(ClusterRefusal) {
            if roster.isLimited { return try chooseWithinLimits(hash, tried, selection, view, context) }
            return EndpointChoice(
                state: try view.snapshot.selections[selection].choose(
                    hash, excluding: tried, limit: roster.inFlightLimit, random: &view.random,
                    now: context.worker.eventNow))
        } catch {
            ClusterMetric.refused[error].increment()
            throw error
        }
    }

    /// The same where breakers or the load of the whole cluster have a say.
    private func chooseWithinLimits(
        _ hash: UInt64?, _ tried: [EndpointState], _ selection: Int, _ view: ClusterView, _ context: RequestContext
    ) throws(ClusterRefusal) -> EndpointChoice {
        let admission = admission(context)
        guard admission != .refused else { throw .breaker }
        guard roster.load.running.enter() else {
            roster.breaker?.abandon(admission)
            throw .full
        }
        var refused: [EndpointState] = []
        do throws(ClusterRefusal) {
            while true {
                let state = try view.snapshot.selections[selection].choose(
                    hash, excluding: refused.isEmpty ? tried : tried + refused, limit: roster.inFlightLimit,
                    random: &view.random, now: context.worker.eventNow)
                let own = state.breaker?.admit() ?? .passes
                if own != .refused {
                    return EndpointChoice(state: state, admission: own, clusterAdmission: admission)
                }
                state.cancel()
                // It has given out its trials, and is chosen again only when there is nothing else.
                guard !refused.contains(where: { $0 === state }) else { throw .breaker }
                refused.append(state)
            }
        } catch {
            roster.breaker?.abandon(admission)
            roster.load.running.leave()
            throw error
        }
    }

    /// What the breaker of the cluster says, which may be due to be asked again.
    private func admission(_ context: RequestContext) -> CircuitBreaker.Admission {
        guard let breaker = roster.breaker else { return .passes }
        let admission = breaker.admit()
        guard admission == .refused else { return admission }
        roster.tickBreaker(at: context.worker.eventNow)
        return breaker.admit()
    }

    /// Counts in an endpoint that was chosen by other means: the one of a session. `nil` when it may not be chosen now.
    func take(_ state: EndpointState) -> EndpointChoice? {
        guard roster.isLimited else {
            return state.begin(limit: roster.inFlightLimit) ? EndpointChoice(state: state) : nil
        }
        let admission = roster.breaker?.admit() ?? .passes
        let own = state.breaker?.admit() ?? .passes
        if admission != .refused, own != .refused, roster.load.running.enter() {
            if state.begin(limit: roster.inFlightLimit) {
                return EndpointChoice(state: state, admission: own, clusterAdmission: admission)
            }
            roster.load.running.leave()
        }
        roster.breaker?.abandon(admission)
        state.breaker?.abandon(own)
        return nil
    }

    /// Takes note of how an exchange or a connection ended.
    @inline(__always)
    package func report(_ evidence: Evidence, of choice: EndpointChoice, at now: Int64) {
        roster.report(evidence, of: choice, at: now)
    }

    /// An exchange or a connection has ended and says nothing of the endpoint.
    package func abandon(_ choice: EndpointChoice) { roster.abandon(choice) }

    @inline(__always)
    func view(_ context: RequestContext) -> ClusterView {
        let view = views.value(on: context.worker) {
            ClusterView(roster.snapshot, seed: context.runtime.randomness.next())
        }
        if view.snapshot.generation != roster.generation { view.snapshot = roster.snapshot }
        return view
    }

    /// Notes what is wrong with it, for the blueprint of a handler that uses it.
    package func check(_ blueprint: inout Blueprint) {
        if source == nil {
            blueprint.require(
                !roster.states.isEmpty, "uses cluster \(name), which has no endpoint", mend: "give at least one")
        }
        Self.check(roster.given, &blueprint)
        if let zone = configuration.zone, source == nil {
            blueprint.require(
                roster.given.contains { $0.attributes.zone == zone },
                "prefers the zone \(zone), in which cluster \(name) has no endpoint",
                mend: "give the zone of an endpoint, or none"
            )
        }
        let threshold = configuration.panicThreshold
        blueprint.require(
            (0...1).contains(threshold), "has a panic threshold of \(threshold)", mend: "give a share from 0 to 1")
        blueprint.require(
            configuration.slowStart >= .zero,
            "has a slow start of \(configuration.slowStart)",
            mend: "give zero or more"
        )
        configuration.limits.check(&blueprint)
        policy.check(&blueprint)
        activeHealth?.check(&blueprint)
        roster.passiveHealth?.check(&blueprint)
        source?.check(&blueprint)
    }

    private static func check(_ endpoints: [Endpoint], _ blueprint: inout Blueprint) {
        var seen: Set<DialAddress> = []
        for endpoint in endpoints {
            if let problem = endpoint.problem {
                blueprint.require(
                    false, "has an endpoint that \(problem): \(endpoint.text)",
                    mend: "give host:port, http://host:port or unix:/path, with a weight of 1 or more")
            } else if !seen.insert(endpoint.address).inserted {
                blueprint.require(false, "has the endpoint \(endpoint.text) twice", mend: "give it once, with a weight")
            }
        }
    }
}

/// What one event loop knows of a cluster. Touched on its loop only.
final class ClusterView {
    @exclusivity(unchecked) var snapshot: ClusterSnapshot
    @exclusivity(unchecked) var random: SplitMix64

    init(_ snapshot: ClusterSnapshot, seed: UInt64) {
        self.snapshot = snapshot
        random = SplitMix64(seed: seed)
    }
}
