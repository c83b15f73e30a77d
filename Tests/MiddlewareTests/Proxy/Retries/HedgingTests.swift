import HTTPTypes
import Middleware
import MiddlewareTesting
import Synchronization
import Testing

/// Second tries of what takes long.
@Suite("Hedging")
struct HedgingTests {
    static func client(
        _ origins: [ScriptedUpstream], budget: RetryBudget = .unlimited
    ) -> (TestClient, Cluster) {
        var configuration = LoadBalancer.Configuration()
        configuration.hedging = Hedging(after: .milliseconds(100))
        configuration.retries.budget = budget
        let endpoints = origins.indices.map { Endpoint("10.0.0.\($0 + 1):80") }
        let cluster = Cluster("c", endpoints: endpoints, balancing: .roundRobin, passiveHealth: nil)
        let client = TestClient(
            LoadBalancer(cluster, configuration), origins: Dictionary(uniqueKeysWithValues: zip(endpoints, origins)))
        return (client, cluster)
    }

    /// Moves a clock in small steps, to which everything that runs may answer, until something has happened.
    static func advance(_ time: ManualTime, steps: Int = 1000, until condition: () -> Bool = { false }) async {
        for _ in 0..<steps where !condition() {
            time.advance(by: .milliseconds(100))
            for _ in 0..<200 where !condition() { await Task.yield() }
        }
    }

    /// The origin that is asked first hangs after `interim`, the other answers.
    static func pair(_ interim: String? = nil) -> [ScriptedUpstream] {
        let first = FirstTurn()
        return (0..<2).map { _ in
            ScriptedUpstream { exchange in
                if first.take() {
                    if let interim { exchange.informational(.earlyHints, [.link: interim]) }
                    exchange.hang()
                } else {
                    exchange.informational(.earlyHints, [.link: "</second>"])
                    exchange.answer(.ok, "second")
                }
            }
        }
    }

    @Test("what takes long is tried on another endpoint, and the first answer counts")
    func second() async throws {
        let origins = Self.pair()
        let (client, cluster) = Self.client(origins)
        async let response = client.get("/")
        await Self.advance(client.time) { origins.map(\.requests.count) == [1, 1] }
        #expect(try await response.body == "second")
        #expect(origins.map(\.requests.count) == [1, 1])
        for _ in 0..<1000 where cluster.endpoints.contains(where: { $0.inFlight > 0 }) { await Task.yield() }
        #expect(cluster.endpoints.map(\.inFlight) == [0, 0])
    }

    @Test("1xx answers of a try are held until it is chosen; those of the other are lost")
    func informational() async throws {
        let origins = Self.pair("</first>")
        let (client, _) = Self.client(origins)
        async let response = client.get("/")
        await Self.advance(client.time) { origins.map(\.requests.count) == [1, 1] }
        #expect(try await response.informational.map { $0.headers[.link] } == ["</second>"])
    }

    @Test("a quick answer is not hedged")
    func quick() async throws {
        let well = ScriptedUpstream { $0.answer(.ok, "well") }
        let (client, _) = Self.client([well, well])
        for _ in 0..<10 { #expect(try await client.get("/").body == "well") }
        #expect(well.requests.count == 10)
    }

    @Test("what is not safe is not hedged")
    func unsafeMethod() async throws {
        let slow = ScriptedUpstream { exchange in
            try await exchange.delay(.seconds(1))
            exchange.answer(.ok)
        }
        let (client, _) = Self.client([slow, slow])
        async let response = client.put("/", body: "x")
        await slow.waitForRequests(1)
        await Self.advance(client.time, steps: 20)
        #expect(try await response.status == .ok)
        #expect(slow.requests.count == 1)
    }

    @Test("an empty budget lets the first try take its time")
    func budget() async throws {
        let slow = ScriptedUpstream { exchange in
            try await exchange.delay(.seconds(1))
            exchange.answer(.ok)
        }
        let (client, _) = Self.client([slow, slow], budget: .none)
        async let response = client.get("/")
        await slow.waitForRequests(1)
        await Self.advance(client.time, steps: 20)
        #expect(try await response.status == .ok)
        #expect(slow.requests.count == 1)
    }

    @Test("the limit for a head does not cut the body of a hedged answer")
    func headLimit() async throws {
        let slow = ScriptedUpstream { exchange in
            exchange.start(.ok, length: 2)
            try await exchange.send("a")
            try await exchange.delay(.seconds(10))
            try await exchange.send("b")
            exchange.finish()
        }
        var configuration = LoadBalancer.Configuration()
        configuration.hedging = Hedging(after: .seconds(3))
        let cluster = Cluster("c", endpoints: ["10.0.0.1:80"], passiveHealth: nil)
        let client = TestClient(origins: ["10.0.0.1:80": slow]) {
            Timeout(head: .seconds(5), idle: nil)
            LoadBalancer(cluster, configuration)
        }
        async let response = client.get("/")
        await slow.waitForRequests(1)
        await Self.advance(client.time, steps: 150)
        #expect(try await response.body == "ab")
    }

    @Test("when every try fails, the request is tried again as others are")
    func failing() async throws {
        let broken = ScriptedUpstream { $0.reset() }
        let (client, cluster) = Self.client([broken, broken, broken])
        #expect(try await client.get("/").status == .badGateway)
        #expect(broken.requests.count == 3)
        #expect(cluster.endpoints.map(\.inFlight) == [0, 0, 0])
    }

    @Test("a client that goes takes all tries with it")
    func gone() async throws {
        let slow = ScriptedUpstream { $0.hang() }
        let (client, cluster) = Self.client([slow, slow])
        let task = Task { try await client.get("/") }
        await Self.advance(client.time) { slow.requests.count == 2 }
        task.cancel()
        _ = await task.result
        await slow.waitForClosedConnections(2)
        for _ in 0..<1000 where cluster.endpoints.contains(where: { $0.inFlight > 0 }) { await Task.yield() }
        #expect(cluster.endpoints.map(\.inFlight) == [0, 0])
    }
}

/// True for the first who asks.
private final class FirstTurn: Sendable {
    private let isTaken = Atomic<Bool>(false)

    func take() -> Bool { !isTaken.exchange(true, ordering: .relaxed) }
}
