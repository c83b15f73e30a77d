import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// The code of `Documentation/LoadBalancing.md`, checked as a composition besides.
@Suite("The examples of load balancing")
struct LoadBalancingExamples {
    private let secret = String(repeating: "5e", count: 32)

    private func first() -> LoadBalancer {
        // snippet: balancing-default
        let users = Cluster("users", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"])
        let balancer = LoadBalancer(users)
        // end
        return balancer
    }

    private func customised() -> LoadBalancer {
        // snippet: balancing-customised
        var configuration = Cluster.Configuration()
        configuration.zone = "a"
        configuration.slowStart = .seconds(30)
        configuration.limits.requestsPerEndpoint = 200
        let orders = Cluster(
            "orders",
            endpoints: [
                Endpoint("10.0.0.1:8080", weight: 3, .init(zone: "a")),
                Endpoint("10.1.0.1:8080", .init(zone: "b")),
                Endpoint("10.9.0.1:8080", .init(isBackup: true)),
            ],
            balancing: .leastRequests,
            activeHealth: .http(path: "/healthz", every: .seconds(5)),
            passiveHealth: .ejecting(afterConsecutiveFailures: 3),
            configuration
        )
        // end
        return LoadBalancer(orders)
    }

    private func retrying(_ users: Cluster) -> [LoadBalancer] {
        // snippet: balancing-no-retries
        var once = LoadBalancer.Configuration()
        once.retries = .none
        // end
        // snippet: balancing-retries
        var patient = LoadBalancer.Configuration()
        patient.retries.statuses = [500, 502, 503, 504]
        patient.retries.tryTimeout = .seconds(2)
        patient.retries.budget = RetryBudget(share: 0.1, minimumPerSecond: 5)
        patient.deadlineField = HTTPField.Name("x-time-left-ms")
        // end
        // snippet: balancing-hedging
        var quick = LoadBalancer.Configuration()
        quick.hedging = Hedging(after: .milliseconds(80))
        // end
        // snippet: balancing-hedging-customised
        var eager = LoadBalancer.Configuration()
        eager.hedging = Hedging(after: .milliseconds(20), tries: 3)
        eager.retries.budget = RetryBudget(share: 0.05, minimumPerSecond: 1)
        // end
        // snippet: balancing-sessions
        var sticky = LoadBalancer.Configuration()
        sticky.affinity = .cookie("app-node", keys: [SessionAffinity.Key(secret)])
        // end
        // snippet: balancing-sessions-customised
        var strict = LoadBalancer.Configuration()
        strict.affinity = .by(.header(HTTPField.Name("x-session")!), whenGone: .refuse)
        // end
        return [once, patient, quick, eager, sticky, strict].map { LoadBalancer(users, $0) }
    }

    private func subset(_ users: Cluster) -> LoadBalancer {
        // snippet: balancing-labels
        var second = LoadBalancer.Configuration()
        second.labels = ["version": "2"]
        let balancer = LoadBalancer(users, second)
        // end
        return balancer
    }

    private func wired(_ users: Cluster) -> LoadBalancer {
        // snippet: shaping-sessions-wired
        var configuration = LoadBalancer.Configuration()
        configuration.affinity = .cookie("app-node", keys: [SessionAffinity.Key(secret)])
        let balancer = LoadBalancer(users, configuration)
        // end
        return balancer
    }

    private func changing(_ users: Cluster) throws {
        // snippet: balancing-changing
        try users.add(Endpoint("10.0.0.3:8080", weight: 2))
        users.remove("10.0.0.2:8080")
        try users.replaceEndpoints(["10.0.0.1:8080", Endpoint("10.0.0.3:8080", weight: 4)])
        // end
    }

    // snippet: balancing-draining
    /// Takes an endpoint out of the traffic for as long as the work takes, which begins once it is empty.
    func maintain(_ endpoint: Endpoint, of cluster: Cluster, _ work: () async throws -> Void) async throws {
        cluster.drain(endpoint)
        defer { cluster.resume(endpoint) }
        let state = cluster.endpoints.first { $0.endpoint.text == endpoint.text }
        while let state, state.inFlight > 0 { try await Task.sleep(for: .milliseconds(100)) }
        try await work()
    }
    // end

    private func watching(_ users: Cluster, _ page: (String) -> Void) async {
        // snippet: balancing-events
        for await event in users.events() {
            if case .ejected(let duration) = event.kind { page("\(event), for \(duration)") }
        }
        // end
    }

    @Test("they compose")
    func compose() {
        let users = Cluster(
            "users", endpoints: [Endpoint("10.0.0.1:8080", Endpoint.Attributes(labels: ["version": "2"]))])
        let balancers = [first(), customised(), subset(users), wired(users)] + retrying(users)
        let problems = balancers.flatMap { $0.blueprint.validate() }
        #expect(problems.isEmpty, "\(problems)")
    }

    @Test("changes of the endpoints leave those that were asked for")
    func changes() throws {
        let users = Cluster("users", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"])
        try changing(users)
        #expect(users.endpoints.map(\.endpoint.text) == ["10.0.0.1:8080", "10.0.0.3:8080"])
    }

    @Test("an endpoint that is maintained gets nothing, and is given back")
    func maintenance() async throws {
        let users = Cluster("users", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"], balancing: .roundRobin)
        let away = ScriptedUpstream { $0.answer(.ok, "1") }
        let client = TestClient(
            LoadBalancer(users),
            origins: ["10.0.0.1:8080": away, "10.0.0.2:8080": ScriptedUpstream { $0.answer(.ok, "2") }])
        try await maintain("10.0.0.1:8080", of: users) {
            for _ in 1...4 {
                let response = try await client.get("/")
                #expect(response.body == "2")
            }
        }
        #expect(away.requests.isEmpty)
        for _ in 1...4 { #expect(try await client.get("/").status == .ok) }
        #expect(!away.requests.isEmpty)
    }
}
