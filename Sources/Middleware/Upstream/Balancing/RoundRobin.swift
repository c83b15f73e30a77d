import Synchronization

/// One endpoint after the other, whatever they weigh.
///
/// ```swift
/// Cluster("app", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"], balancing: .roundRobin)
/// ```
///
/// For endpoints that are alike and requests that cost the same. Two endpoints never differ by more than one request
/// while the candidates stay the same, counted over all event loops. It does not notice a slow endpoint.
///
/// A choice is one atomic addition that all event loops share; it costs the same among any number of candidates.
///
/// Each set of candidates has a position of its own, so that tiers do not disturb each other. Positions begin at places
/// that a Weyl sequence of the golden ratio spreads evenly: a cluster that changes after every request stays fair.
public struct RoundRobin: BalancingPolicy {
    private let sets = BalancerCount()

    public init() {}

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        guard candidates.count > 1 else { return OnlyCandidate() }
        return Turns(candidates.count, start: sets.next())
    }

    private final class Turns: Balancer {
        private let count: UInt64
        private let position: Atomic<UInt64>

        init(_ count: Int, start: UInt64) {
            self.count = UInt64(count)
            position = Atomic((start &* 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: self.count).high)
        }

        func choose(_ choice: inout BalancingChoice) -> Int {
            let position = position.wrappingAdd(1, ordering: .relaxed).oldValue
            return Int(truncatingIfNeeded: position % count)
        }
    }
}

/// How many balancers a policy has made.
final class BalancerCount: Sendable {
    private let count = Atomic<UInt64>(0)

    /// The number of those before.
    func next() -> UInt64 { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}

extension BalancingPolicy where Self == RoundRobin {
    /// One endpoint after the other.
    public static var roundRobin: RoundRobin { RoundRobin() }
}
