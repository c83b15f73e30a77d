import Synchronization

/// The sessions of one load balancer: the table of the present endpoints, made anew when they change.
final class ClusterSessions: Sendable {
    /// What one event loop knows. Touched on its loop only.
    private final class View {
        var generation: UInt64
        var table: SessionTable

        init(_ generation: UInt64, _ table: SessionTable) {
            self.generation = generation
            self.table = table
        }
    }

    private struct Latest {
        var generation: UInt64
        var members: [ClusterMember]
        var table: SessionTable
    }

    private let affinity: SessionAffinity
    private let cluster: String
    private let labels: [String: String]
    private let latest = Mutex<Latest?>(nil)
    private let views = LoopLocal<View>()

    /// - Parameter labels: only endpoints that have these belong to the balancer.
    init(_ affinity: SessionAffinity, of cluster: String, labelled labels: [String: String]) {
        self.affinity = affinity
        self.cluster = cluster
        self.labels = labels
    }

    /// The table for a snapshot. On the loop only.
    func table(of snapshot: ClusterSnapshot, on worker: Worker) -> SessionTable {
        let view = views.value(on: worker) { View(snapshot.generation, make(snapshot)) }
        if view.generation != snapshot.generation {
            view.table = make(snapshot)
            view.generation = snapshot.generation
        }
        return view.table
    }

    /// Most changes are of health and leave the table as it is.
    private func make(_ snapshot: ClusterSnapshot) -> SessionTable {
        latest.withLock { latest in
            if let latest, latest.generation >= snapshot.generation || latest.members.isSame(as: snapshot.members) {
                return latest.table
            }
            let candidates = snapshot.members.filter { $0.endpoint.has(labels) }
                .map { BalancingCandidate($0.state, weight: Double($0.endpoint.weight)) }
            let table = SessionTable(affinity, cluster: cluster, candidates, replacing: latest?.table)
            latest = Latest(generation: snapshot.generation, members: snapshot.members, table: table)
            return table
        }
    }
}

extension [ClusterMember] {
    fileprivate func isSame(as others: [ClusterMember]) -> Bool {
        count == others.count && zip(self, others).allSatisfy { $0.state === $1.state && $0.endpoint == $1.endpoint }
    }
}
