import Synchronization

/// Who belongs to a cluster, and who of them may be chosen: the one place where either changes.
///
/// Every change builds a ``ClusterSnapshot`` under the lock and raises ``generation``; event loops compare that number and
/// fetch the snapshot when theirs is old. So a change costs work in the number of endpoints where it happens, and a
/// choice costs none.
///
/// Safe to use from any thread.
package final class ClusterRoster: Sendable {
    private struct State {
        var members: [ClusterMember] = []
        /// The labels of each selection; none for the first.
        var selections: [[String: String]] = [[:]]
        var snapshot = ClusterSnapshot(generation: 0, members: [], selections: [ClusterSnapshot.Selection([])])
        var isPanicking = false
        /// The clock of whoever runs the cluster; none before.
        var time: (any TimeSource)?
        /// Who wants to know who the members are.
        var watchers: [Int: AsyncStream<[EndpointState]>.Continuation] = [:]
        var lastWatcher = 0
    }

    let name: String
    /// The endpoints of the configuration, bad ones and duplicates included.
    let given: [Endpoint]
    let passiveHealth: PassiveHealth?
    let detection: OutlierDetection?
    let events: ClusterEvents
    /// The most exchanges at one endpoint at the same time.
    let inFlightLimit: Int
    /// What is in flight in all, and what waits; counted only where there is a limit.
    let load: ClusterLoad
    /// The breaker of the whole.
    let breaker: CircuitBreaker?
    /// Whether a choice has to ask more than the policy.
    let isLimited: Bool
    /// Whether members get traffic before their first probe.
    private let assumesHealthy: Bool
    private let builder: SelectionBuilder
    private let configuration: Cluster.Configuration
    private let state = Mutex(State())
    private let published = Atomic<UInt64>(0)
    private let chance = Atomic<UInt64>(0)

    init(
        _ name: String,
        _ endpoints: [Endpoint],
        policy: any BalancingPolicy,
        _ passiveHealth: PassiveHealth?,
        assumesHealthy: Bool,
        _ configuration: Cluster.Configuration
    ) {
        self.name = name
        self.assumesHealthy = assumesHealthy
        builder = SelectionBuilder(policy: policy, configuration: configuration)
        self.passiveHealth = passiveHealth
        self.configuration = configuration
        given = endpoints
        detection = passiveHealth.flatMap { $0.isOff ? nil : OutlierDetection($0) }
        events = ClusterEvents(observer: configuration.observer, logger: configuration.logger)
        let limits = configuration.limits
        inFlightLimit = limits.requestsPerEndpoint
        load = ClusterLoad(limits)
        breaker = limits.clusterBreaker.map { CircuitBreaker($0) }
        isLimited = limits.requests < .max || limits.clusterBreaker != nil || limits.endpointBreaker != nil
        state.withLock { state in
            state.members = Self.usable(endpoints).map { member(for: $0, at: 0) }
            rebuild(&state, at: 0)
        }
    }

    /// Grows with every change.
    var generation: UInt64 { published.load(ordering: .acquiring) }

    /// The present snapshot.
    var snapshot: ClusterSnapshot { state.withLock { $0.snapshot } }

    /// The members, in order.
    var states: [EndpointState] { state.withLock { $0.members.map(\.state) } }

    /// The members with their present weight, tier and labels.
    var endpoints: [Endpoint] { state.withLock { $0.members.map(\.endpoint) } }

    /// The number of the selection of the endpoints that have all of these labels, made on first use.
    func selection(labelled labels: [String: String]) -> Int {
        state.withLock { state in
            if let index = state.selections.firstIndex(of: labels) { return index }
            state.selections.append(labels)
            rebuild(&state, at: now(state))
            return state.selections.count - 1
        }
    }

    /// The members now, and again after each change of who they are. A slow reader sees the latest only.
    func memberships() -> AsyncStream<[EndpointState]> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: [EndpointState].self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = continuation
            continuation.yield(state.members.map(\.state))
            return state.lastWatcher
        }
        continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.watchers[id] = nil } }
        return stream
    }

    /// Takes the clock and the chance of whoever runs the cluster.
    func use(_ runtime: Runtime) {
        chance.store(runtime.randomness.next(), ordering: .relaxed)
        state.withLock { $0.time = runtime.time }
    }

    private func now(_ state: State) -> Int64 { state.time?.now.nanoseconds ?? 0 }

    private static func usable(_ endpoints: [Endpoint]) -> [Endpoint] {
        var seen: Set<DialAddress> = []
        return endpoints.filter { $0.problem == nil && seen.insert($0.address).inserted }
    }
}

// MARK: - Membership

extension ClusterRoster {
    /// Makes these the members. Those that are members already keep their state.
    func replace(with endpoints: [Endpoint]) {
        change { state, now, events in
            var old: [DialAddress: ClusterMember] = [:]
            for member in state.members { old[member.state.endpoint.address] = member }
            state.members = Self.usable(endpoints).map { endpoint in
                guard var member = old.removeValue(forKey: endpoint.address) else {
                    return join(endpoint, now, &events)
                }
                reweigh(&member, endpoint, now, &events)
                return member
            }
            for member in old.values.sorted(by: { $0.endpoint.text < $1.endpoint.text }) {
                leave(member, &state, now, &events)
            }
        }
    }

    func add(_ endpoint: Endpoint) {
        change { state, now, events in
            if let index = Self.index(of: endpoint, in: state) {
                reweigh(&state.members[index], endpoint, now, &events)
            } else {
                state.members.append(join(endpoint, now, &events))
            }
        }
    }

    func remove(_ endpoint: Endpoint) -> Bool {
        change { state, now, events in
            guard let index = Self.index(of: endpoint, in: state) else { return false }
            leave(state.members.remove(at: index), &state, now, &events)
            return true
        }
    }

    func setDraining(_ isDraining: Bool, _ endpoint: Endpoint) -> Bool {
        change { state, now, events in
            guard let index = Self.index(of: endpoint, in: state) else { return false }
            if state.members[index].state.isDraining != isDraining {
                set(.draining, isDraining, &state.members[index], now)
                events.append(event(isDraining ? .draining : .resumed, state.members[index].endpoint, at: now))
            }
            return true
        }
    }

    private static func index(of endpoint: Endpoint, in state: borrowing State) -> Int? {
        state.members.firstIndex { $0.state.endpoint.address == endpoint.address }
    }

    private func join(_ endpoint: Endpoint, _ now: Int64, _ events: inout [ClusterEvent]) -> ClusterMember {
        var member = member(for: endpoint, at: now)
        startSlowly(&member, now)
        events.append(event(.added, endpoint, at: now))
        return member
    }

    private func member(for endpoint: Endpoint, at now: Int64) -> ClusterMember {
        let member = ClusterMember(
            state: EndpointState(endpoint, in: self, configuration.limits), endpoint: endpoint)
        detection?.join(member.state.record, at: now)
        if !assumesHealthy, member.state.set(.probed, true) { HealthMetric.unhealthy.increment() }
        return member
    }

    private func leave(
        _ member: ClusterMember, _ state: inout State, _ now: Int64, _ events: inout [ClusterEvent]
    ) {
        if member.state.bars.contains(.probed) { HealthMetric.unhealthy.decrement() }
        events.append(event(.removed, member.endpoint, at: now))
        // With fewer members fewer may be out.
        note(detection?.leave(member.state.record, at: now) ?? [], &state, now, &events)
    }

    private func reweigh(
        _ member: inout ClusterMember, _ endpoint: Endpoint, _ now: Int64, _ events: inout [ClusterEvent]
    ) {
        if member.endpoint.weight != endpoint.weight {
            let change = ClusterEvent.Kind.reweighted(from: member.endpoint.weight, to: endpoint.weight)
            events.append(event(change, endpoint, at: now))
        }
        member.endpoint = endpoint
    }

    private func startSlowly(_ member: inout ClusterMember, _ now: Int64) {
        if configuration.slowStart > .zero { member.startedAt = now }
    }
}

// MARK: - Health

extension ClusterRoster {
    /// Takes note of how an exchange with a member ended.
    ///
    /// - Parameter isWhole: whether an answer has come to its end, or only its head so far.
    @inline(__always)
    package func report(_ evidence: Evidence, of choice: EndpointChoice, isWhole: Bool = true, at now: Int64) {
        if let detection,
            let verdict = detection.record(
                evidence, of: choice.state.record, isWhole: isWhole, at: now, random: draw())
        {
            apply([verdict], at: now)
        }
        if isLimited { tellBreakers(evidence, choice, at: now) }
    }

    /// An answer of which the head was reported has broken off.
    func reportBroken(_ evidence: Evidence, of endpoint: EndpointState) {
        guard let detection else { return }
        let now = state.withLock { self.now($0) }
        if let verdict = detection.recordBroken(evidence, of: endpoint.record, at: now, random: draw()) {
            apply([verdict], at: now)
        }
    }

    /// Comparisons of the members, and returns that are due.
    func sweep(at now: Int64, random: () -> UInt64) {
        if let detection { apply(detection.sweep(at: now, random: random), at: now) }
        if isLimited { tickBreakers(at: now) }
    }

    /// Without a lock, for it is asked for under that of the detection.
    func draw() -> UInt64 {
        SplitMix64.mix(chance.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue)
    }

    private func apply(_ verdicts: [HealthVerdict], at now: Int64) {
        guard !verdicts.isEmpty else { return }
        change(at: now) { state, now, events in note(verdicts, &state, now, &events) }
    }

    private func note(
        _ verdicts: [HealthVerdict], _ state: inout State, _ now: Int64, _ events: inout [ClusterEvent]
    ) {
        for verdict in verdicts {
            // Verdicts of several event loops may come out of order: the record says what holds.
            guard let index = state.members.firstIndex(where: { $0.state.record === verdict.record }) else { continue }
            switch verdict.change {
            case .ejected(let nanoseconds):
                set(.ejected, verdict.record.isEjected, &state.members[index], now)
                let kind = ClusterEvent.Kind.ejected(for: .nanoseconds(nanoseconds))
                events.append(event(kind, state.members[index].endpoint, verdict.reason, at: now))
            case .returned:
                set(.ejected, verdict.record.isEjected, &state.members[index], now)
                events.append(event(.returned, state.members[index].endpoint, verdict.reason, at: now))
            }
        }
    }

    /// Sets or lifts what bars a member; one that may be chosen again starts slowly.
    private func set(_ bar: EndpointState.Bars, _ isSet: Bool, _ member: inout ClusterMember, _ now: Int64) {
        let wasAvailable = member.state.isAvailable
        if member.state.set(bar, isSet), bar == .probed {
            if isSet { HealthMetric.unhealthy.increment() } else { HealthMetric.unhealthy.decrement() }
        }
        if member.state.isAvailable, !wasAvailable { startSlowly(&member, now) }
    }

    /// Sets or lifts what bars a member, and tells of it.
    func bar(
        _ bar: EndpointState.Bars, _ isSet: Bool, _ endpoint: EndpointState, _ kind: ClusterEvent.Kind,
        _ reason: String,
        at now: Int64
    ) {
        change(at: now) { state, now, events in
            guard let index = state.members.firstIndex(where: { $0.state === endpoint }) else { return }
            // Changes of a breaker may come out of order from several event loops: its state says what holds.
            let holds = bar == .broken ? endpoint.breaker?.state == .open : isSet
            set(bar, holds, &state.members[index], now)
            events.append(event(kind, endpoint.endpoint, reason, at: now))
        }
    }

    /// Tells something of the whole cluster.
    func announce(_ kind: ClusterEvent.Kind, _ reason: String, at now: Int64? = nil) {
        change(at: now) { _, now, events in events.append(event(kind, nil, reason, at: now)) }
    }
}

// MARK: - Snapshots

extension ClusterRoster {
    /// Changes the state under the lock, builds a snapshot and tells what happened.
    private func change<Result>(
        at instant: Int64? = nil,
        _ body: (inout State, _ now: Int64, inout [ClusterEvent]) -> Result
    ) -> Result {
        let result = state.withLock { state in
            let now = instant ?? now(state)
            var events: [ClusterEvent] = []
            let before = state.members.map { ObjectIdentifier($0.state) }
            let result = body(&state, now, &events)
            if before != state.members.map({ ObjectIdentifier($0.state) }) {
                for watcher in state.watchers.values { watcher.yield(state.members.map(\.state)) }
            }
            let wasPanicking = state.isPanicking
            rebuild(&state, at: now)
            if state.isPanicking != wasPanicking {
                events.append(event(state.isPanicking ? .panicEntered : .panicLeft, nil, at: now))
            }
            self.events.enqueue(events)
            return result
        }
        events.tell()
        return result
    }

    /// Whether anything ever falls due.
    var needsSweeps: Bool { detection != nil || isLimited || configuration.slowStart > .zero }

    /// Whether a member still grows into its share; the snapshot is then to be built again before long.
    var isStartingSlowly: Bool { state.withLock { $0.members.contains { $0.startedAt != nil } } }

    /// Builds the snapshot anew, for weights that grow with time.
    func refresh(at now: Int64) { change(at: now) { _, _, _ in } }

    private func rebuild(_ state: inout State, at now: Int64) {
        for index in state.members.indices
        where state.members[index].growth(within: configuration.slowStart, at: now) >= 1 {
            state.members[index].startedAt = nil
        }
        let built = state.selections.map { labels in
            builder.selection(of: state.members.filter { $0.endpoint.has(labels) }, at: now)
        }
        state.isPanicking = built[0].isPanicking
        state.snapshot = ClusterSnapshot(
            generation: state.snapshot.generation + 1,
            members: state.members,
            selections: built.map { $0.0 }
        )
        published.store(state.snapshot.generation, ordering: .releasing)
    }

    private func event(
        _ kind: ClusterEvent.Kind, _ endpoint: Endpoint?, _ reason: String = "", at now: Int64
    ) -> ClusterEvent {
        ClusterEvent(cluster: name, endpoint: endpoint, kind, reason: reason, at: now)
    }
}
