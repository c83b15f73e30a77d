import Middleware
import Testing

/// The code of `Documentation/Health.md`, checked as a composition besides.
@Suite("The examples of health")
struct HealthExamples {
    private func lag(of endpoint: Endpoint, on runtime: Runtime) async throws -> Duration { .zero }

    private func probing() -> [ActiveHealth] {
        // snippet: health-active
        let probing = ActiveHealth.http(path: "/healthz", every: .seconds(5))
        // end
        // snippet: health-active-customised
        var probe = HTTPProbe("/ready?deep=1", expecting: [200...204])
        probe.host = "users.internal"
        probe.content = "\"ready\""
        var careful = ActiveHealth(probe, every: .seconds(5))
        careful.unhealthyInterval = .seconds(1)
        careful.failuresUntilUnhealthy = 2
        careful.assumesHealthy = false
        // end
        // snippet: health-active-custom
        let replicas = ActiveHealth.custom(every: .seconds(5), name: "replication") { endpoint, runtime in
            guard try await lag(of: endpoint, on: runtime) < .seconds(2) else {
                throw ProbeFailure("replication lags")
            }
        }
        // end
        return [probing, careful, replicas, .tcp(every: .seconds(1))]
    }

    private func passive() -> [PassiveHealth] {
        // snippet: health-passive
        let ejecting = PassiveHealth.ejecting(afterConsecutiveFailures: 5)
        // end
        // snippet: health-passive-customised
        var strict = PassiveHealth()
        strict.failureStatuses.insert(500)
        strict.failureRate = PassiveHealth.FailureRate(share: 0.2, minimumRequests: 100)
        strict.responseTime = PassiveHealth.Outliers(margin: 2, minimumEndpoints: 5)
        strict.maximumEjected = 0.3
        // end
        return [ejecting, strict, .off]
    }

    private func limits() -> CircuitLimits {
        // snippet: health-limits
        var limits = CircuitLimits()
        limits.requestsPerEndpoint = 200
        limits.pendingRequests = 1000
        limits.clusterBreaker = CircuitBreaking(share: 0.8, minimumRequests: 50)
        // end
        return limits
    }

    private func budget() -> RetryBudget {
        // snippet: health-budget
        let budget = RetryBudget(share: 0.2, minimumPerSecond: 10)
        // end
        return budget
    }

    // snippet: health-observer
    struct Pager: ClusterObserver {
        let page: @Sendable (String) -> Void

        func observe(_ event: ClusterEvent) {
            if case .panicEntered = event.kind { page("\(event)") }
        }
    }
    // end

    @Test("the values of the page are sound")
    func sound() {
        var blueprint = Blueprint("Cluster")
        for health in probing() { health.check(&blueprint) }
        for health in passive() { health.check(&blueprint) }
        limits().check(&blueprint)
        budget().check(&blueprint)
        #expect(blueprint.problems == [])
    }

    @Test("the observer of the page pages for panic alone")
    func observer() async {
        await confirmation(expectedCount: 1) { paged in
            let pager = Pager { text in
                #expect(text == "users: panic entered")
                paged()
            }
            pager.observe(ClusterEvent(cluster: "users", .panicLeft, at: 0))
            pager.observe(ClusterEvent(cluster: "users", .panicEntered, at: 0))
        }
    }
}
