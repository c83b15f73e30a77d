import Synchronization

/// The weights of the branches of one split. Until they are replaced for the first time, everybody reads those that it
/// was made with. From then on each loop reads a copy of its own, so that requests wait for no lock and see old weights
/// or new ones and never some of both.
final class BranchWeights: Sendable {
    private final class Snapshot {
        var version = 0
        var weights: [Double]

        init(_ weights: [Double]) { self.weights = weights }
    }

    private let initial: [Double]
    private let version = Atomic<Int>(0)
    private let latest: Mutex<[Double]>
    private let snapshots = LoopLocal<Snapshot>()

    init(_ weights: [Double]) {
        initial = weights
        latest = Mutex(weights)
    }

    /// The present weights, from anywhere.
    var present: [Double] { latest.withLock { $0 } }

    /// The present weights, for a request of that loop.
    func present(on worker: Worker) -> [Double] {
        let version = version.load(ordering: .acquiring)
        guard version > 0 else { return initial }
        // Called from elsewhere than its loop, which is rare.
        guard worker.isCurrent else { return present }
        let snapshot = snapshots.value(on: worker) { Snapshot(initial) }
        if snapshot.version != version {
            latest.withLock { latest in
                snapshot.weights = latest
                snapshot.version = self.version.load(ordering: .relaxed)
            }
        }
        return snapshot.weights
    }

    /// Replaces some of them; `false`, and nothing is changed, if none would be above zero.
    func replace(_ changes: [(position: Int, weight: Double)]) -> Bool {
        latest.withLock { latest in
            var weights = latest
            for change in changes { weights[change.position] = change.weight }
            guard weights.contains(where: { $0 > 0 }) else { return false }
            latest = weights
            version.add(1, ordering: .releasing)
            return true
        }
    }
}
