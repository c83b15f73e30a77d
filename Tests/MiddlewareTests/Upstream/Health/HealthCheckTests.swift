import HTTPTypes
import Middleware
import Testing

@Suite("Health configuration")
struct HealthCheckTests {
    private func problems(_ check: (inout Blueprint) -> Void) -> [String] {
        var blueprint = Blueprint("Cluster")
        check(&blueprint)
        return blueprint.problems.map { "\($0)" }
    }

    private func active(_ change: (inout ActiveHealth) -> Void) -> [String] {
        var health = ActiveHealth.tcp(every: .seconds(5))
        change(&health)
        return problems(health.check)
    }

    private func http(_ change: (inout HTTPProbe) -> Void) -> [String] {
        var probe = HTTPProbe("/")
        change(&probe)
        return problems(ActiveHealth(probe, every: .seconds(1)).check)
    }

    private func passive(_ change: (inout PassiveHealth) -> Void) -> [String] {
        var health = PassiveHealth()
        change(&health)
        return problems(health.check)
    }

    private func limits(_ change: (inout CircuitLimits) -> Void) -> [String] {
        var limits = CircuitLimits()
        limits.endpointBreaker = CircuitBreaking()
        change(&limits)
        return problems(limits.check)
    }

    @Test("the defaults are sound")
    func defaults() {
        #expect(active { _ in } == [] && http { _ in } == [] && passive { _ in } == [] && limits { _ in } == [])
        #expect(problems(ActiveHealth.http(path: "/healthz?x=1", every: .seconds(5)).check) == [])
        #expect(problems(PassiveHealth.off.check) == [] && problems(RetryBudget().check) == [])
        #expect(problems(RetryBudget.none.check) == [] && problems(RetryBudget.unlimited.check) == [])
    }

    @Test("bad values of probing are named with a mend")
    func activeProblems() {
        #expect(active { $0.interval = .zero } == ["Cluster probes every 0.0 seconds: give more than zero"])
        #expect(active { $0.unhealthyInterval = .zero }.count == 1)
        #expect(active { $0.timeout = .seconds(-1) }.count == 1)
        #expect(active { $0.jitter = 1.5 } == ["Cluster has a jitter of 1.5: give 0 to 1"])
        #expect(active { $0.jitter = .nan }.count == 1)
        #expect(
            active { $0.passesUntilHealthy = 0 } == ["Cluster takes 0 passes for health: give 1 or more"])
        #expect(active { $0.failuresUntilUnhealthy = -2 }.count == 1)
    }

    @Test("bad values of a probe by HTTP are named with a mend")
    func probeProblems() {
        #expect(
            http { $0.path = "healthz" }
                == ["Cluster probes the path \"healthz\": begin it with a slash: /healthz"])
        #expect(http { $0.path = "/a b" }.count == 1)
        #expect(http { $0.path = "/a#b" }.count == 1)
        #expect(http { $0.method = .connect }.count == 1)
        #expect(http { $0.host = "a b" }.count == 1)
        #expect(http { $0.statuses = [] } == ["Cluster expects no status: give ranges such as 200...299"])
        #expect(http { $0.statuses = [100...200, 200...600] }.count == 2)
        #expect(http { $0.content = "" }.count == 1)
        #expect(
            http {
                $0.content = "ready"
                $0.contentBytes = 4
            }.count == 1)
        #expect(
            http {
                $0.content = "ready"
                $0.method = .head
            }.count == 1)
    }

    @Test("bad values of ejection are named with a mend")
    func passiveProblems() {
        #expect(
            passive { $0.consecutiveFailures = 0 }
                == ["Cluster ejects after 0 failures: give 1 or more, or nil for none"])
        #expect(passive { $0.failureRate = .init(share: 0, minimumRequests: 0) }.count == 2)
        #expect(passive { $0.failureRate?.share = 1.1 }.count == 1)
        #expect(
            passive {
                $0.successRate = .init(factor: -1, margin: 0, minimumEndpoints: 2, minimumRequests: 0)
            }.count == 4)
        #expect(passive { $0.responseTime = .init(factor: .infinity, margin: .nan) }.count == 2)
        #expect(
            passive { $0.failureStatuses = [99, 600, 500] } == [
                "Cluster counts the status 99 as a failure: give statuses from 200 to 599",
                "Cluster counts the status 600 as a failure: give statuses from 200 to 599",
            ])
        #expect(passive { $0.interval = .zero }.count == 1)
        #expect(passive { $0.window = .milliseconds(10) }.count == 1)
        #expect(passive { $0.ejectionTime = .zero }.count == 1)
        #expect(passive { $0.maximumEjectionTime = .seconds(1) }.count == 1)
        #expect(passive { $0.forgivenAfter = .zero }.count == 1)
        #expect(passive { $0.jitter = -0.1 }.count == 1)
        #expect(passive { $0.maximumEjected = 1.01 }.count == 1)
    }

    @Test("bad limits and breakers are named with a mend")
    func limitProblems() {
        #expect(limits { $0.requests = 0 } == ["Cluster allows 0 requests at a time: give 1 or more"])
        #expect(limits { $0.requestsPerEndpoint = -1 }.count == 1)
        #expect(limits { $0.pendingRequests = -1 }.count == 1)
        #expect(limits { $0.retries = -1 }.count == 1)
        #expect(limits { $0.endpointBreaker?.share = 0 }.count == 1)
        #expect(limits { $0.endpointBreaker?.minimumRequests = 0 }.count == 1)
        #expect(limits { $0.endpointBreaker?.window = .zero }.count == 1)
        #expect(limits { $0.endpointBreaker?.openTime = .zero }.count == 1)
        #expect(limits { $0.endpointBreaker?.maximumOpenTime = .seconds(1) }.count == 1)
        #expect(limits { $0.endpointBreaker?.forgivenAfter = .zero }.count == 1)
        #expect(limits { $0.endpointBreaker?.jitter = 2 }.count == 1)
        #expect(limits { $0.endpointBreaker?.trials = 0 }.count == 1)
        #expect(limits { $0.endpointBreaker?.failureStatuses = [700] }.count == 1)
        #expect(
            limits {
                $0.clusterBreaker = CircuitBreaking(share: 2)
            } == ["Cluster opens the breaker of the cluster at a share of 2.0: give more than 0 and at most 1"])
    }

    @Test("bad budgets are named with a mend")
    func budgetProblems() {
        #expect(
            problems(RetryBudget(share: -0.1).check)
                == ["Cluster has a retry budget of -0.1 for each request: give 0 or more"])
        #expect(problems(RetryBudget(minimumPerSecond: .infinity).check).count == 1)
        #expect(problems(RetryBudget(window: .zero).check).count == 1)
    }

    @Test("events read as a log line")
    func events() {
        let endpoint: Endpoint = "10.0.0.1:80"
        let events = [
            ClusterEvent(cluster: "users", endpoint: endpoint, .ejected(for: .seconds(10)), reason: "timed out", at: 1),
            ClusterEvent(cluster: "users", endpoint: endpoint, .reweighted(from: 1, to: 3), at: 1),
            ClusterEvent(cluster: "users", .panicEntered, at: 1),
        ]
        #expect(
            events.map(\.description) == [
                "users 10.0.0.1:80: ejected for 10.0 seconds, timed out",
                "users 10.0.0.1:80: reweighted from 1 to 3",
                "users: panic entered",
            ])
        #expect(events[0].instant.nanoseconds == 1)
    }
}
