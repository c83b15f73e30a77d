/// Counts the results of an endpoint's probes and says when they change its state: hysteresis, so that what lies
/// between well and ill does not flap. The first result decides alone; see ``ActiveHealth``.
package struct ProbeTally: Sendable {
    private let passesUntilHealthy: Int
    private let failuresUntilUnhealthy: Int
    private var hasResult = false
    /// The results in a row that speak against the present state.
    private var contradictions = 0
    /// What the endpoint counts as.
    package private(set) var isHealthy: Bool

    package init(passesUntilHealthy: Int, failuresUntilUnhealthy: Int, assumesHealthy: Bool) {
        self.passesUntilHealthy = passesUntilHealthy
        self.failuresUntilUnhealthy = failuresUntilUnhealthy
        isHealthy = assumesHealthy
    }

    package init(_ health: ActiveHealth) {
        self.init(
            passesUntilHealthy: health.passesUntilHealthy,
            failuresUntilUnhealthy: health.failuresUntilUnhealthy,
            assumesHealthy: health.assumesHealthy)
    }

    /// Counts a result; `true` when it changes ``isHealthy``.
    package mutating func record(passed: Bool) -> Bool {
        let isFirst = !hasResult
        hasResult = true
        guard passed != isHealthy else {
            contradictions = 0
            return false
        }
        contradictions += 1
        guard isFirst || contradictions >= (passed ? passesUntilHealthy : failuresUntilUnhealthy) else { return false }
        contradictions = 0
        isHealthy = passed
        return true
    }
}
