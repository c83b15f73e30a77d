extension [Double] {
    /// These weights as parts of 1. What is no number above zero has none of it, unless all are such: then parts are
    /// equal.
    package var parts: [Double] {
        let greatest = reduce(0) { $1.isFinite ? Swift.max($0, $1) : $0 }
        guard greatest > 0 else { return [Double](repeating: 1 / Double(Swift.max(count, 1)), count: count) }
        // Scaled down first, so that the sum of the greatest numbers is one.
        let scaled = map { $0.isFinite && $0 > 0 ? $0 / greatest : 0 }
        let sum = scaled.reduce(0, +)
        return scaled.map { $0 / sum }
    }

    /// Whether all are the same.
    package var isEven: Bool { allSatisfy { $0 == self[0] } }
}

extension [BalancingCandidate] {
    /// The part of the traffic that each candidate's weight asks for; 1 in all.
    package var parts: [Double] { map(\.weight).parts }
}

extension EndpointState {
    /// What tables know the endpoint by: the same on every machine, whatever else is in the list.
    package var stableHash: UInt64 { StableHash.hash(endpoint.text) }
}

/// Chooses among one candidate.
struct OnlyCandidate: Balancer {
    func choose(_ choice: inout BalancingChoice) -> Int { 0 }
}
