import Synchronization

/// How much more than its share an endpoint may carry before the keys that hash to it go on to the next one: Mirrokni,
/// Thorup and Zadimoghaddam, "Consistent hashing with bounded loads", 2018.
///
/// ```swift
/// Cluster("cache", endpoints: origins, balancing: .ringHash(by: .path, bound: LoadBound()))              // 1.25
/// Cluster("cache", endpoints: origins, balancing: .ringHash(by: .path, bound: LoadBound(factor: 2)))
/// ```
///
/// With `m` requests in flight in all, an endpoint whose weight is the part `p` of all is given no request beyond
/// ⌈factor × (m + 1) × p⌉. The nearer the factor is to 1, the more even is the load and the more keys leave their
/// endpoint when it is busy. A key comes back once its endpoint has room.
public struct LoadBound: Sendable, Hashable {
    /// The bound in shares, above 1; 1.25 unless set.
    public var factor: Double

    public init(factor: Double = 1.25) { self.factor = factor }

    func check(_ blueprint: inout Blueprint) {
        blueprint.require(
            factor > 1 && factor.isFinite, "bounds loads by a factor of \(factor), which is not above 1",
            mend: "give a factor above 1, such as 1.25")
    }
}

/// The ceilings that follow from a bound for one set of candidates.
///
/// All requests in flight are counted anew after every n/64 choices among n candidates, which costs each choice the
/// reading of 64 candidates at the most, and makes the average that the ceilings follow from old by 1/64 of a request.
final class LoadCeilings: Sendable {
    private let states: [EndpointState]
    /// The factor times the part of each.
    private let shares: [Double]
    private let choices = Atomic<Int>(0)
    private let inFlight = Atomic<Int>(0)

    init(_ candidates: [BalancingCandidate], _ bound: LoadBound) {
        states = candidates.map(\.state)
        // A factor that the composition has refused bounds nothing.
        let factor = bound.factor > 1 ? bound.factor : .infinity
        shares = candidates.parts.map { $0 * factor }
    }

    /// The requests in flight, the one that a place is looked for among them.
    func count() -> Double {
        let period = max(1, states.count / 64)
        if choices.wrappingAdd(1, ordering: .relaxed).oldValue % period == 0 {
            inFlight.store(states.reduce(0) { $0 + $1.inFlight }, ordering: .relaxed)
        }
        return Double(inFlight.load(ordering: .relaxed) + 1)
    }

    /// Whether the candidate has room for one more, with so many in all.
    func admits(_ index: Int, of count: Double) -> Bool {
        Double(states[index].inFlight) < (shares[index] * count).rounded(.up)
    }
}
