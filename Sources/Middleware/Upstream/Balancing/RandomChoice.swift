/// Any endpoint, each as likely as the other, whatever they weigh.
///
/// ```swift
/// Cluster("app", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"], balancing: .random)
/// ```
///
/// For many gateways in front of the same endpoints, which take turns out of step. Of `m` requests an endpoint of `n`
/// gets `m / n`, give or take √(m / n) two times of three; it does not notice a slow endpoint.
///
/// A choice is one number of chance; it costs the same among any number of candidates.
public struct RandomChoice: BalancingPolicy {
    public init() {}

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        Draw(count: candidates.count)
    }

    private struct Draw: Balancer {
        let count: Int

        func choose(_ choice: inout BalancingChoice) -> Int { choice.random.below(count) }
    }
}

extension BalancingPolicy where Self == RandomChoice {
    /// Any endpoint, each as likely as the other.
    public static var random: RandomChoice { RandomChoice() }
}
