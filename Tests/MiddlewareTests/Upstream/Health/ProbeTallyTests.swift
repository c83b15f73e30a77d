import Middleware
import Testing

@Suite("ProbeTally")
struct ProbeTallyTests {
    /// Results as letters: `+` passed, `-` failed; what the endpoint counts as after each: `H` or `U`.
    @Test(
        "results in a row change the state, and the first alone decides",
        arguments: [
            // assumes healthy, up 2, down 3
            (true, "+--+---+-++", "HHHHHHUUUUH"),
            (true, "--", "UU"),
            (true, "-+++", "UUHH"),
            (true, "-++---", "UUHHHU"),
            // assumes unhealthy
            (false, "+--", "HHH"),
            (false, "-+-++", "UUUUH"),
            (false, "+---", "HHHU"),
        ]
    )
    func table(assumesHealthy: Bool, results: String, states: String) {
        var tally = ProbeTally(passesUntilHealthy: 2, failuresUntilUnhealthy: 3, assumesHealthy: assumesHealthy)
        var seen = ""
        for result in results {
            let before = tally.isHealthy
            let isChange = tally.record(passed: result == "+")
            #expect(isChange == (before != tally.isHealthy))
            seen += tally.isHealthy ? "H" : "U"
        }
        #expect(seen == states)
    }

    @Test("no change comes without a full row of results that ask for it", arguments: 0..<200 as Range<UInt64>)
    func hysteresis(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let up = 1 + random.below(4)
        let down = 1 + random.below(4)
        var tally = ProbeTally(passesUntilHealthy: up, failuresUntilUnhealthy: down, assumesHealthy: true)
        var results: [Bool] = []
        for _ in 0..<300 {
            let passed = random.fraction() < 0.6
            results.append(passed)
            let isChange = tally.record(passed: passed)
            let row = results.reversed().prefix { $0 == passed }.count
            if isChange { #expect(tally.isHealthy == passed && (row >= (passed ? up : down) || results.count == 1)) }
            // A full row never leaves the state unchanged.
            if row >= (passed ? up : down) { #expect(tally.isHealthy == passed) }
        }
    }
}
