import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// Random events, and after each of them the pool's counts are compared with what can be counted from outside.
@Suite("ConnectionPool under random events")
struct ConnectionPoolPropertyTests {
    @Test("it counts what there is, keeps its limits, and gives each request its own answer", arguments: 1...40)
    func counts(seed: Int) async throws {
        var random = SplitMix(seed: UInt64(seed))
        let limits = (1 + random.below(4), random.below(4), 1 + random.below(3))
        try await withRig(
            .quiet {
                $0.connections.connections = limits.0
                $0.connections.idleConnections = limits.1
                $0.connections.requestsPerConnection = limits.2 == 3 ? .max : 3
            }
        ) { [random] rig in
            rig.dialer.behaviour = .waits
            let model = Model(rig, random)
            for step in 0..<80 {
                let event = model.step()
                await rig.settle(turns: 12)
                model.observe()
                model.check("seed \(seed), step \(step), \(event)")
            }
            await model.finish()
            model.check("seed \(seed), at the end")
            #expect(rig.counts == [rig.counts[0], 0, 0], "seed \(seed)")
        }
    }

    /// What a test sees from outside. On the rig's loop only.
    private final class Model {
        private let rig: UpstreamRig
        private var random: SplitMix
        private var exchanges: [RigExchange] = []
        /// The number of the request that each open connection carries.
        private var carried: [Int: Int] = [:]

        init(_ rig: UpstreamRig, _ random: SplitMix) {
            self.rig = rig
            self.random = random
        }

        private var open: [Int] { rig.origins.indices.filter { !rig.origins[$0].hasEnded } }
        private var unfinished: [Int] { exchanges.indices.filter { exchanges[$0].outcome == "waiting" } }

        func step() -> String {
            switch random.below(12) {
            case 0...3: return request()
            case 4...6: return answer()
            case 7: return decide(accepts: true)
            case 8: return decide(accepts: !random.oneIn(3))
            case 9: return close()
            case 10: return leave()
            default: return wait()
            }
        }

        private func request() -> String {
            exchanges.append(rig.get("/\(exchanges.count)"))
            return "request"
        }

        private func answer() -> String {
            guard let origin = carried.keys.sorted().randomElement(using: &random) else { return "nothing" }
            guard let number = carried.removeValue(forKey: origin) else { return "nothing" }
            rig.origins[origin].send("HTTP/1.1 200 OK\r\nContent-Length: \("\(number)".count)\r\n\r\n\(number)")
            return "answer"
        }

        private func decide(accepts: Bool) -> String {
            guard let attempt = rig.dialer.pending.randomElement(using: &random) else { return "nothing" }
            if accepts { attempt.accept() } else { attempt.fail() }
            return accepts ? "accept" : "refuse"
        }

        private func close() -> String {
            guard let origin = open.randomElement(using: &random) else { return "nothing" }
            if random.oneIn(2) { rig.origins[origin].wire.reset() } else { rig.origins[origin].wire.close() }
            return "close"
        }

        private func leave() -> String {
            guard let number = unfinished.randomElement(using: &random) else { return "nothing" }
            exchanges[number].leave()
            return "leave"
        }

        private func wait() -> String {
            rig.time.advance(by: .seconds(random.below(9)))
            return "wait"
        }

        /// Notes which requests have reached which origin.
        func observe() {
            for index in rig.origins.indices {
                let text = rig.origins[index].take()
                if rig.origins[index].hasEnded { carried[index] = nil }
                guard let path = text.split(separator: " ").dropFirst().first, let number = Int(path.dropFirst()) else {
                    continue
                }
                #expect(text.components(of: "GET ") == 1 && carried[index] == nil)
                if !rig.origins[index].hasEnded { carried[index] = number }
            }
        }

        func check(_ place: String) {
            let (idle, busy, waiting) = (rig.counts[0], rig.counts[1], rig.counts[2])
            let limits = rig.configuration.connections
            #expect(idle >= 0 && busy >= 0 && waiting >= 0, "\(place)")
            #expect(idle + busy == open.count, "\(place)")
            #expect(idle + busy + rig.dialer.pending.count <= limits.connections, "\(place)")
            #expect(idle <= limits.idleConnections, "\(place)")
            #expect(busy == carried.count, "\(place)")
            #expect(waiting == unfinished.count - carried.count, "\(place)")
            #expect(waiting == 0 || idle == 0, "\(place)")
            for (number, exchange) in exchanges.enumerated() where exchange.outcome.hasPrefix("200") {
                #expect(exchange.outcome == "200 \(number)", "\(place)")
            }
        }

        /// Answers whatever is left.
        func finish() async {
            rig.dialer.behaviour = .accepts
            for _ in 0..<200 where !unfinished.isEmpty || !rig.dialer.pending.isEmpty {
                for attempt in rig.dialer.pending { attempt.accept() }
                await rig.settle(turns: 12)
                observe()
                while !carried.isEmpty { _ = answer() }
                await rig.settle(turns: 12)
                observe()
            }
        }
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
