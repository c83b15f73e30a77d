/// Decides which members of a cluster may be chosen, and how traffic falls on their tiers.
struct SelectionBuilder {
    let policy: any BalancingPolicy
    let configuration: Cluster.Configuration

    /// What may be chosen from members that have certain labels, and whether their health is disregarded for that.
    func selection(of members: [ClusterMember], at now: Int64) -> (ClusterSnapshot.Selection, isPanicking: Bool) {
        let present = members.filter { !$0.state.isDraining }
        let (chosen, isPanicking) = chosen(present)
        let tiers = tiers(of: present)
        func usable(_ members: [ClusterMember]) -> [ClusterMember] {
            members.filter { chosen.contains(ObjectIdentifier($0.state)) }
        }
        func weight(_ members: [ClusterMember]) -> Double { members.reduce(0) { $0 + Double($1.endpoint.weight) } }
        // A backup is for when nothing else is left, not for what spills over.
        let hasPrimary = tiers.contains { !$0.preference.isBackup && !usable($0.members).isEmpty }
        let shares = TierPlan.shares(
            tiers.map { tier in
                let isConsidered = tier.preference.isBackup != hasPrimary
                return (isConsidered ? weight(usable(tier.members)) : 0, weight(tier.members))
            })
        var built: [ClusterSnapshot.Tier] = []
        var sum = 0.0
        // Tiers without a share stand by: for a request that has tried, or found full, what the others have.
        for (tier, share) in zip(tiers, shares) where !usable(tier.members).isEmpty {
            sum += share
            built.append(self.tier(of: usable(tier.members), share, upTo: sum, at: now))
        }
        return (ClusterSnapshot.Selection(built), isPanicking)
    }

    private func tier(
        of members: [ClusterMember], _ share: Double, upTo sum: Double, at now: Int64
    ) -> ClusterSnapshot.Tier {
        let candidates = members.map { member in
            let growth = member.growth(within: configuration.slowStart, at: now)
            return BalancingCandidate(member.state, weight: Double(member.endpoint.weight) * growth)
        }
        return ClusterSnapshot.Tier(
            candidates: members.map(\.state),
            balancer: policy.balancer(among: candidates),
            hasShare: share > 0,
            bound: UInt64((min(1, sum) * 0x1p32).rounded())
        )
    }

    private func chosen(_ present: [ClusterMember]) -> (Set<ObjectIdentifier>, isPanicking: Bool) {
        func set(_ members: [ClusterMember]) -> Set<ObjectIdentifier> {
            Set(members.map { ObjectIdentifier($0.state) })
        }
        let healthy = present.filter { $0.state.isAvailable }
        if Double(healthy.count) < configuration.panicThreshold * Double(present.count) { return (set(present), true) }
        guard healthy.isEmpty else { return (set(healthy), false) }
        // What traffic alone has proved is not believed of all at once; what probes have found is.
        let doubted = present.filter { !$0.state.bars.contains(.probed) }
        return (set(doubted), !doubted.isEmpty)
    }

    private func tiers(
        of members: [ClusterMember]
    ) -> [(preference: TierPreference, members: [ClusterMember])] {
        Dictionary(grouping: members) { TierPreference($0.endpoint.attributes, zone: configuration.zone) }
            .map { (preference: $0.key, members: $0.value) }
            .sorted { $0.preference < $1.preference }
    }
}

/// What decides about the tier of an endpoint.
private struct TierPreference: Comparable, Hashable {
    let isBackup: Bool
    let priority: Int
    let isElsewhere: Bool

    init(_ attributes: Endpoint.Attributes, zone: String?) {
        isBackup = attributes.isBackup
        priority = attributes.priority
        isElsewhere = zone.map { $0 != attributes.zone } ?? false
    }

    static func < (left: TierPreference, right: TierPreference) -> Bool {
        if left.isBackup != right.isBackup { return right.isBackup }
        if left.priority != right.priority { return left.priority < right.priority }
        return !left.isElsewhere && right.isElsewhere
    }
}
