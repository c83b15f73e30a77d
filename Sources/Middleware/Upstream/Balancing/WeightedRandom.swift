/// Any endpoint, as likely as it is heavy: the alias method (Walker 1974, Vose 1991).
///
/// ```swift
/// Cluster("app", endpoints: [Endpoint("10.0.0.1:8080", weight: 9), "10.0.0.2:8080"], balancing: .weightedRandom)
/// ```
///
/// For shares that must come out right in the long run, over any number of gateways: ``RandomChoice`` with weights. It
/// does not notice a slow endpoint.
///
/// A choice is one number of chance and one look into a table; it costs the same among any number of candidates.
public struct WeightedRandom: BalancingPolicy {
    public init() {}

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        Draw(table: AliasTable(candidates.map(\.weight)))
    }

    private struct Draw: Balancer {
        let table: AliasTable

        func choose(_ choice: inout BalancingChoice) -> Int { table.draw(&choice.random) }
    }
}

extension BalancingPolicy where Self == WeightedRandom {
    /// Any endpoint, as likely as it is heavy.
    public static var weightedRandom: WeightedRandom { WeightedRandom() }
}
