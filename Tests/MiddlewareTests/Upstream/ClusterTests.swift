import HTTPTypes
import Middleware
import MiddlewareTesting
import Synchronization
import Testing

/// Who belongs to a cluster and who may be chosen, as a request meets it.
@Suite("Cluster")
struct ClusterTests {
    /// Sends requests through a balancer and says how often each endpoint was chosen.
    static func shares(_ cluster: Cluster, requests: Int = 400, seed: UInt64 = 1) async throws -> [String: Int] {
        let origins = Dictionary(
            uniqueKeysWithValues: cluster.endpoints.map { state in
                (state.endpoint, ScriptedUpstream { $0.answer(.ok, state.endpoint.text) })
            })
        let client = TestClient(
            LoadBalancer(cluster), randomness: SeededRandomness(seed: seed), origins: origins)
        var counts: [String: Int] = [:]
        for _ in 0..<requests {
            let response = try await client.get("/")
            counts[response.status == .ok ? response.body : "none", default: 0] += 1
        }
        return counts
    }

    static func endpoint(
        _ number: Int, weight: Int = 1, priority: Int = 0, isBackup: Bool = false, zone: String? = nil
    ) -> Endpoint {
        Endpoint(
            "10.0.0.\(number):80", weight: weight,
            Endpoint.Attributes(priority: priority, isBackup: isBackup, zone: zone))
    }

    @Test("weights are shares")
    func weights() async throws {
        let cluster = Cluster(
            "c", endpoints: [Self.endpoint(1), Self.endpoint(2, weight: 3)], balancing: .weightedRoundRobin)
        let counts = try await Self.shares(cluster)
        #expect(counts == ["10.0.0.1:80": 100, "10.0.0.2:80": 300])
    }

    @Test("a lower tier gets nothing while the upper one is well, and the part that it cannot take when it is not")
    func priorities() async throws {
        let cluster = Cluster(
            "c",
            endpoints: [Self.endpoint(1), Self.endpoint(2), Self.endpoint(3, priority: 1)], balancing: .random)
        var counts = try await Self.shares(cluster)
        #expect(counts["10.0.0.3:80"] == nil)
        // Draining takes no part of a tier away from its health: nobody is sick.
        cluster.drain("10.0.0.1:80")
        counts = try await Self.shares(cluster)
        #expect(counts == ["10.0.0.2:80": 400])
        cluster.drain("10.0.0.2:80")
        counts = try await Self.shares(cluster)
        #expect(counts == ["10.0.0.3:80": 400])
    }

    @Test("a backup is for when nothing else is left")
    func backup() async throws {
        let cluster = Cluster(
            "c", endpoints: [Self.endpoint(1), Self.endpoint(2, priority: 1), Self.endpoint(3, isBackup: true)])
        cluster.drain("10.0.0.1:80")
        #expect(try await Self.shares(cluster) == ["10.0.0.2:80": 400])
        cluster.drain("10.0.0.2:80")
        #expect(try await Self.shares(cluster) == ["10.0.0.3:80": 400])
    }

    @Test("the own zone is preferred")
    func zone() async throws {
        var configuration = Cluster.Configuration()
        configuration.zone = "a"
        let cluster = Cluster(
            "c", endpoints: [Self.endpoint(1, zone: "b"), Self.endpoint(2, zone: "a"), Self.endpoint(3)], configuration)
        #expect(try await Self.shares(cluster) == ["10.0.0.2:80": 400])
        cluster.drain("10.0.0.2:80")
        let counts = try await Self.shares(cluster)
        #expect(Set(counts.keys) == ["10.0.0.1:80", "10.0.0.3:80"])
    }

    @Test("labels choose a subset")
    func labels() async throws {
        let cluster = Cluster(
            "c",
            endpoints: [
                Endpoint("10.0.0.1:80", Endpoint.Attributes(labels: ["version": "1"])),
                Endpoint("10.0.0.2:80", Endpoint.Attributes(labels: ["version": "2", "size": "big"])),
            ])
        var configuration = LoadBalancer.Configuration()
        configuration.labels = ["version": "2"]
        let origins = Dictionary(
            uniqueKeysWithValues: cluster.endpoints.map { state in
                (state.endpoint, ScriptedUpstream { $0.answer(.ok, state.endpoint.text) })
            })
        let client = TestClient(LoadBalancer(cluster, configuration), origins: origins)
        for _ in 0..<10 { #expect(try await client.get("/").body == "10.0.0.2:80") }
    }

    /// A cluster of three, of which the first answers 503.
    struct Sick {
        let cluster: Cluster
        let client: TestClient
        let sick: ScriptedUpstream

        init(
            _ passive: PassiveHealth, all: Bool = false,
            _ configuration: Cluster.Configuration = Cluster.Configuration()
        ) {
            let endpoints: [Endpoint] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
            cluster = Cluster(
                "c", endpoints: endpoints, balancing: .roundRobin, passiveHealth: passive, configuration)
            sick = ScriptedUpstream { $0.answer(.serviceUnavailable, "sick") }
            let well = all ? sick : ScriptedUpstream { $0.answer(.ok, "well") }
            var balancing = LoadBalancer.Configuration()
            balancing.retries = .none
            client = TestClient(
                LoadBalancer(cluster, balancing),
                origins: [endpoints[0]: sick, endpoints[1]: well, endpoints[2]: well])
        }
    }

    static var threeFailures: PassiveHealth {
        var passive = PassiveHealth.ejecting(afterConsecutiveFailures: 3)
        passive.jitter = 0
        return passive
    }

    @Test("an ejected endpoint comes back when its time is over")
    func ejectionEnds() async throws {
        let sick = Sick(Self.threeFailures)
        for _ in 0..<12 { _ = try await sick.client.get("/") }
        #expect(sick.cluster.endpoints.map(\.isAvailable) == [false, true, true])
        let seen = sick.sick.requests.count
        #expect(seen == 3)
        for _ in 0..<60 where !sick.cluster.endpoints[0].isAvailable {
            await sick.client.time.waitForTimers()
            sick.client.time.advance(by: .seconds(1))
            for _ in 0..<100 { await Task.yield() }
        }
        #expect(sick.cluster.endpoints[0].isAvailable)
    }

    @Test("one endpoint is always left, however sick all of them are")
    func allSick() async throws {
        var passive = Self.threeFailures
        passive.maximumEjected = 1
        let sick = Sick(passive, all: true)
        for _ in 0..<30 { #expect(try await sick.client.get("/").body == "sick") }
        #expect(sick.cluster.endpoints.contains { $0.isAvailable })
    }

    @Test("changes are told in order")
    func events() async throws {
        let cluster = Cluster("c", endpoints: ["10.0.0.1:80"])
        let events = cluster.events()
        try cluster.add("10.0.0.2:80")
        try cluster.add(Endpoint("10.0.0.2:80", weight: 5))
        cluster.drain("10.0.0.1:80")
        cluster.remove("10.0.0.1:80")
        cluster.remove("10.0.0.9:80")
        var told: [String] = []
        for await event in events {
            told.append("\(event)")
            if told.count == 4 { break }
        }
        #expect(
            told == [
                "c 10.0.0.2:80: added", "c 10.0.0.2:80: reweighted from 1 to 5", "c 10.0.0.1:80: draining",
                "c 10.0.0.1:80: removed",
            ])
    }

    final class Notes: ClusterObserver {
        let events = Mutex<[String]>([])
        func observe(_ event: ClusterEvent) { events.withLock { $0.append("\(event)") } }
    }

    @Test("an observer hears of ejections with their reason")
    func observer() async throws {
        let notes = Notes()
        var configuration = Cluster.Configuration()
        configuration.observer = notes
        let sick = Sick(Self.threeFailures, configuration)
        for _ in 0..<12 { _ = try await sick.client.get("/") }
        let told = notes.events.withLock { $0 }
        #expect(told.count == 1)
        #expect(told.first?.contains("10.0.0.1:80: ejected for") == true, "\(told)")
        #expect(told.first?.contains("failures in a row: 3") == true, "\(told)")
    }

    @Test(
        "bad endpoints are refused as a whole, with each problem",
        arguments: [
            (["10.0.0.1:80", "10.0.0.1:80"] as [Endpoint], "twice"), (["::"], "is no endpoint"),
            ([Endpoint("10.0.0.1:80", weight: -3)], "weight of -3"),
        ])
    func refused(endpoints: [Endpoint], problem: String) {
        let cluster = Cluster("c", endpoints: ["10.0.0.7:80"])
        let error = #expect(throws: CompositionError.self) { try cluster.replaceEndpoints(endpoints) }
        #expect(error?.description.contains(problem) == true)
        #expect(cluster.endpoints.map(\.endpoint) == ["10.0.0.7:80"])
    }

    @Test("probes put an endpoint out and bring it back")
    func probes() async throws {
        let isWell = Mutex(false)
        struct Sick: Error {}
        let health = ActiveHealth.custom(every: .seconds(1), name: "test") { endpoint, _ in
            if endpoint.text == "10.0.0.1:80", !isWell.withLock({ $0 }) { throw ProbeFailure("sick") }
        }
        let cluster = Cluster(
            "c", endpoints: ["10.0.0.1:80", "10.0.0.2:80"], balancing: .roundRobin, activeHealth: health,
            passiveHealth: nil)
        let well = ScriptedUpstream { $0.answer(.ok, "well") }
        let client = TestClient(LoadBalancer(cluster), origins: ["10.0.0.1:80": well, "10.0.0.2:80": well])
        try await Self.advance(client.time, until: { !cluster.endpoints[0].isAvailable })
        #expect(cluster.endpoints.map(\.isAvailable) == [false, true])
        isWell.withLock { $0 = true }
        try await Self.advance(client.time, until: { cluster.endpoints[0].isAvailable })
        #expect(cluster.endpoints.map(\.isAvailable) == [true, true])
        #expect(try await client.get("/").status == .ok)
    }

    @Test("what probes have found is believed of all: the answer is 503 at once")
    func probedAll() async throws {
        let health = ActiveHealth.custom(every: .seconds(1), name: "test") { _, _ in throw ProbeFailure("sick") }
        let cluster = Cluster("c", endpoints: ["10.0.0.1:80", "10.0.0.2:80"], activeHealth: health)
        let client = TestClient(LoadBalancer(cluster))
        try await Self.advance(client.time, until: { cluster.endpoints.allSatisfy { !$0.isAvailable } })
        let response = try await client.get("/")
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == "1")
    }

    @Test("below the panic threshold all are used")
    func panic() async throws {
        let health = ActiveHealth.custom(every: .seconds(1), name: "test") { endpoint, _ in
            if endpoint.text != "10.0.0.3:80" { throw ProbeFailure("sick") }
        }
        var configuration = Cluster.Configuration()
        configuration.panicThreshold = 0.5
        let cluster = Cluster(
            "c", endpoints: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"], balancing: .roundRobin, activeHealth: health,
            configuration)
        let origin = ScriptedUpstream { $0.answer(.ok) }
        let client = TestClient(
            LoadBalancer(cluster),
            origins: ["10.0.0.1:80": origin, "10.0.0.2:80": origin, "10.0.0.3:80": .refusing])
        try await Self.advance(client.time, until: { cluster.endpoints.filter(\.isAvailable).count == 1 })
        for _ in 0..<6 { #expect(try await client.get("/").status == .ok) }
    }

    final class Source: EndpointSource {
        let stream: AsyncThrowingStream<[Endpoint], any Error>
        let continuation: AsyncThrowingStream<[Endpoint], any Error>.Continuation
        let asked = Mutex(0)

        init() { (stream, continuation) = AsyncThrowingStream.makeStream() }

        func endpoints(_ runtime: Runtime) -> AsyncThrowingStream<[Endpoint], any Error> {
            asked.withLock { $0 += 1 }
            return stream
        }
    }

    @Test("a discovered cluster answers 503 before its source has told, and follows it from then on")
    func discovery() async throws {
        let source = Source()
        let cluster = Cluster("c", from: source)
        let one = ScriptedUpstream { $0.answer(.ok, "1") }
        let two = ScriptedUpstream { $0.answer(.ok, "2") }
        let client = TestClient(LoadBalancer(cluster), origins: ["10.0.0.1:80": one, "10.0.0.2:80": two])
        #expect(try await client.get("/").status == .serviceUnavailable)
        source.continuation.yield(["10.0.0.1:80"])
        while cluster.endpoints.isEmpty { await Task.yield() }
        #expect(try await client.get("/").body == "1")
        source.continuation.yield(["10.0.0.2:80"])
        while cluster.endpoints[0].endpoint != "10.0.0.2:80" { await Task.yield() }
        #expect(try await client.get("/").body == "2")
    }

    @Test("an endpoint that is not assumed healthy waits for its first probe")
    func unassumed() async throws {
        let isWell = Mutex(false)
        var health = ActiveHealth.custom(every: .seconds(1), name: "test") { _, _ in
            if !isWell.withLock({ $0 }) { throw ProbeFailure("sick") }
        }
        health.assumesHealthy = false
        let cluster = Cluster("c", endpoints: ["10.0.0.1:80"], activeHealth: health)
        #expect(!cluster.endpoints[0].isAvailable)
        let client = TestClient(
            LoadBalancer(cluster), origins: ["10.0.0.1:80": ScriptedUpstream { $0.answer(.ok, "well") }])
        #expect(try await client.get("/").status == .serviceUnavailable)
        isWell.withLock { $0 = true }
        try await Self.advance(client.time, until: { cluster.endpoints[0].isAvailable })
        #expect(try await client.get("/").status == .ok)
    }

    @Test("a tier without a share takes over what the one with it fails to do")
    func standby() async throws {
        let cluster = Cluster(
            "c", endpoints: [Self.endpoint(1), Self.endpoint(2, isBackup: true)], passiveHealth: nil)
        let client = TestClient(
            LoadBalancer(cluster),
            origins: [
                Self.endpoint(1): .refusing, Self.endpoint(2, isBackup: true): ScriptedUpstream { $0.answer(.ok, "2") },
            ])
        for _ in 0..<5 { #expect(try await client.get("/").body == "2") }
    }

    @Test("answers that break off in their body are failures in a row")
    func brokenBodies() async throws {
        let broken = ScriptedUpstream { exchange in
            exchange.start(.ok, length: 100)
            try await exchange.send("half")
            exchange.close()
        }
        let cluster = Cluster(
            "c", endpoints: ["10.0.0.1:80", "10.0.0.2:80"], balancing: .roundRobin, passiveHealth: Self.threeFailures)
        let client = TestClient(
            LoadBalancer(cluster),
            origins: ["10.0.0.1:80": broken, "10.0.0.2:80": ScriptedUpstream { $0.answer(.ok, "well") }])
        for _ in 0..<6 { _ = try? await client.get("/") }
        #expect(cluster.endpoints.map(\.isAvailable) == [false, true])
    }

    @Test("an endpoint that joins grows into its share")
    func slowStart() async throws {
        var configuration = Cluster.Configuration()
        configuration.slowStart = .seconds(10)
        let cluster = Cluster(
            "c", endpoints: ["10.0.0.1:80"], balancing: .weightedRoundRobin, passiveHealth: nil, configuration)
        let one = ScriptedUpstream { $0.answer(.ok, "1") }
        let two = ScriptedUpstream { $0.answer(.ok, "2") }
        let client = TestClient(LoadBalancer(cluster), origins: ["10.0.0.1:80": one, "10.0.0.2:80": two])
        await client.time.waitForTimers()
        try cluster.add("10.0.0.2:80")
        func count() async throws -> Int {
            var count = 0
            for _ in 0..<110 where try await client.get("/").body == "2" { count += 1 }
            return count
        }
        #expect(try await count() == 10)
        for _ in 0..<5 {
            client.time.advance(by: .seconds(1))
            await client.time.waitForTimers()
            for _ in 0..<50 { await Task.yield() }
        }
        // The cluster sees to it once its service has its turn.
        var half = 0
        for _ in 0..<1000 where !(30...45).contains(half) {
            for _ in 0..<100 { await Task.yield() }
            half = try await count()
        }
        #expect((30...45).contains(half), "\(half)")
        var whole = 0
        for _ in 0..<1000 where whole != 55 {
            client.time.advance(by: .seconds(1))
            for _ in 0..<100 { await Task.yield() }
            whole = try await count()
        }
        #expect(whole == 55)
    }

    @Test("the breaker of a cluster opens, lets trials pass, and closes")
    func breaker() async throws {
        let isSick = Mutex(true)
        var configuration = Cluster.Configuration()
        var breaking = CircuitBreaking(share: 0.5, minimumRequests: 4)
        breaking.jitter = 0
        breaking.trials = 1
        configuration.limits.clusterBreaker = breaking
        let cluster = Cluster("c", endpoints: ["10.0.0.1:80"], passiveHealth: nil, configuration)
        let origin = ScriptedUpstream { exchange in
            exchange.answer(isSick.withLock { $0 } ? .internalServerError : .ok)
        }
        let client = TestClient(LoadBalancer(cluster), origins: ["10.0.0.1:80": origin])
        for _ in 0..<4 { #expect(try await client.get("/").status == .internalServerError) }
        for _ in 0..<4 { #expect(try await client.get("/").status == .serviceUnavailable) }
        #expect(origin.requests.count == 4)
        isSick.withLock { $0 = false }
        var status = HTTPResponse.Status.serviceUnavailable
        for _ in 0..<20 where status != .ok {
            await client.time.waitForTimers()
            client.time.advance(by: .seconds(1))
            for _ in 0..<100 { await Task.yield() }
            status = try await client.get("/").status
        }
        #expect(status == .ok)
        for _ in 0..<4 { #expect(try await client.get("/").status == .ok) }
    }

    /// Moves a clock second by second until something has happened; at most 60 of them.
    static func advance(_ time: ManualTime, until condition: () -> Bool) async throws {
        for _ in 0..<60 where !condition() {
            await time.waitForTimers()
            time.advance(by: .seconds(1))
            for _ in 0..<200 where !condition() { await Task.yield() }
        }
        try #require(condition())
    }
}
