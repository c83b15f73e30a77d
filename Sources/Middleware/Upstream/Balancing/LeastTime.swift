/// The one of two endpoints, picked by chance, that will probably answer sooner: peak EWMA, as Finagle's
/// `p2c` with `PeakEwma` has it.
///
/// ```swift
/// Cluster("search", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"], balancing: .leastTime)
/// ```
///
/// For endpoints of different or changing speed: other machines, other zones, pauses of a collector. What is compared is
/// ``EndpointState/responseTime`` × (requests in flight + 1) / weight. Slow answers count at once; that they are over is
/// believed by and by.
///
/// No endpoint starves, though one bad answer may be all that is known of it (traefik#12306): what was measured fades
/// when nothing is measured any more, so an endpoint of which a request took r times as long as elsewhere is tried again
/// after 10 s × ln r. One that has never been measured is tried at once, with a single request at a time until the
/// first answer. An endpoint that takes requests and answers none is for passive health checks to notice.
///
/// A choice is three numbers of chance at the most and six atomic reads; it costs the same among any number of
/// candidates. After refused choices, every second one is left to chance alone.
public struct LeastTime: BalancingPolicy {
    public init() {}

    public var readsResponseTime: Bool { true }

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
        guard candidates.count > 1 else { return OnlyCandidate() }
        return Comparison(candidates)
    }

    private struct Comparison: Balancer {
        let candidates: [BalancingCandidate]
        let table: AliasTable

        init(_ candidates: [BalancingCandidate]) {
            self.candidates = candidates
            table = AliasTable(candidates.map(\.weight))
        }

        func choose(_ choice: inout BalancingChoice) -> Int {
            guard !choice.isLeftToChance else { return choice.random.below(candidates.count) }
            let (first, second) = table.drawTwo(&choice.random)
            let firstCost = cost(first, at: choice.nanoseconds) * candidates[second].weight
            let secondCost = cost(second, at: choice.nanoseconds) * candidates[first].weight
            return secondCost < firstCost ? second : first
        }

        private func cost(_ index: Int, at now: Int64) -> Double {
            let state = candidates[index].state
            let inFlight = Double(state.inFlight)
            let time = state.responseTime.value(at: now)
            // Thirty years for each request on which an unknown endpoint has yet to be measured.
            return time > 0 ? time * (inFlight + 1) : 1e18 * inFlight
        }
    }
}

extension BalancingPolicy where Self == LeastTime {
    /// The one of two endpoints that will probably answer sooner.
    public static var leastTime: LeastTime { LeastTime() }
}
