import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// Where requests go, what is tried again, and what the client gets.
@Suite("LoadBalancer")
struct LoadBalancerTests {
    static let names: [Endpoint] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]

    /// Origins that answer with their own number, but for those that `scripts` names.
    static func origins(_ scripts: [Int: ScriptedUpstream] = [:]) -> [Endpoint: ScriptedUpstream] {
        var origins: [Endpoint: ScriptedUpstream] = [:]
        for (index, name) in names.enumerated() {
            origins[name] = scripts[index + 1] ?? ScriptedUpstream { $0.answer(.ok, "\(index + 1)") }
        }
        return origins
    }

    static func cluster(
        _ passive: PassiveHealth? = nil, _ configuration: Cluster.Configuration = Cluster.Configuration()
    ) -> Cluster {
        Cluster("users", endpoints: names, balancing: .roundRobin, passiveHealth: passive, configuration)
    }

    static func answers(
        _ statuses: [HTTPResponse.Status], headers: Headers = [:]
    ) -> ScriptedUpstream {
        ScriptedUpstream { exchange in
            exchange.answer(statuses[min(exchange.number, statuses.count) - 1], "sick", headers: headers)
        }
    }

    @Test("requests go round the endpoints")
    func roundRobin() async throws {
        let client = TestClient(LoadBalancer(Self.cluster()), origins: Self.origins())
        var bodies: [String] = []
        for _ in 0..<6 { bodies.append(try await client.get("/").body) }
        #expect(Set(bodies[0..<3]) == ["1", "2", "3"])
        #expect(bodies[0..<3] == bodies[3..<6])
    }

    @Test("what could not be delivered goes to another endpoint, whatever the method", arguments: ["GET", "POST"])
    func refusedConnection(method: String) async throws {
        let client = TestClient(LoadBalancer(Self.cluster()), origins: Self.origins([1: .refusing, 2: .refusing]))
        for _ in 0..<3 {
            let response =
                method == "GET" ? try await client.get("/") : try await client.post("/", body: "once")
            #expect(response.status == .ok)
            #expect(response.body == "3")
        }
    }

    struct Reset: Sendable, CustomTestStringConvertible {
        var method: HTTPRequest.Method
        var isRepeated: Bool
        var testDescription: String { "\(method)" }
    }

    static let resets = [
        Reset(method: .get, isRepeated: true), Reset(method: .head, isRepeated: true),
        Reset(method: .put, isRepeated: true), Reset(method: .delete, isRepeated: true),
        Reset(method: .options, isRepeated: true), Reset(method: .post, isRepeated: false),
        Reset(method: .patch, isRepeated: false),
    ]

    @Test("what may have been acted on is sent again only when its method is idempotent", arguments: resets)
    func reset(row: Reset) async throws {
        let broken = ScriptedUpstream { $0.reset() }
        let client = TestClient(LoadBalancer(Self.cluster()), origins: Self.origins([1: broken, 2: broken, 3: broken]))
        let response = try await client.send(Request(row.method, "/"))
        #expect(response.status == .badGateway)
        #expect(broken.requests.count == (row.isRepeated ? 3 : 1))
    }

    @Test("statuses are tried again on other endpoints, and the last answer passes as it is")
    func statuses() async throws {
        let sick = Self.answers([.serviceUnavailable])
        let one = TestClient(LoadBalancer(Self.cluster()), origins: Self.origins([1: sick, 2: sick]))
        for _ in 0..<3 { #expect(try await one.get("/").body == "3") }
        let all = TestClient(LoadBalancer(Self.cluster()), origins: Self.origins([1: sick, 2: sick, 3: sick]))
        let response = try await all.get("/")
        #expect(response.status == .serviceUnavailable)
        #expect(response.body == "sick")
    }

    @Test("a status that is not listed passes at once")
    func otherStatus() async throws {
        let sick = Self.answers([.internalServerError])
        let client = TestClient(LoadBalancer(Self.cluster()), origins: Self.origins([1: sick, 2: sick, 3: sick]))
        #expect(try await client.get("/").status == .internalServerError)
        #expect(sick.requests.count == 1)
    }

    @Test("a POST that was answered is never sent again")
    func answeredPost() async throws {
        let sick = Self.answers([.serviceUnavailable])
        let client = TestClient(LoadBalancer(Self.cluster()), origins: Self.origins([1: sick, 2: sick, 3: sick]))
        #expect(try await client.post("/", body: "once").status == .serviceUnavailable)
        #expect(sick.requests.count == 1)
    }

    @Test("without an endpoint the answer is 503 with Retry-After, at once")
    func empty() async throws {
        let cluster = Self.cluster()
        for name in Self.names { cluster.drain(name) }
        let client = TestClient(LoadBalancer(cluster), origins: Self.origins())
        let response = try await client.get("/")
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == "1")
    }

    @Test("a drained endpoint gets nothing new, and comes back")
    func drain() async throws {
        let cluster = Self.cluster()
        let client = TestClient(LoadBalancer(cluster), origins: Self.origins())
        #expect(cluster.drain("10.0.0.1:80"))
        for _ in 0..<6 { #expect(try await client.get("/").body != "1") }
        #expect(cluster.resume("10.0.0.1:80"))
        var bodies: Set<String> = []
        for _ in 0..<6 { bodies.insert(try await client.get("/").body) }
        #expect(bodies == ["1", "2", "3"])
    }

    @Test("endpoints join and leave without a request being lost, and those that stay keep their state")
    func membership() async throws {
        let cluster = Self.cluster()
        let client = TestClient(LoadBalancer(cluster), origins: Self.origins())
        let before = cluster.endpoints
        try cluster.replaceEndpoints(["10.0.0.2:80", "10.0.0.3:80"])
        for _ in 0..<6 { #expect(try await client.get("/").body != "1") }
        #expect(cluster.endpoints.first === before[1])
        try cluster.add("10.0.0.1:80")
        var bodies: Set<String> = []
        for _ in 0..<6 { bodies.insert(try await client.get("/").body) }
        #expect(bodies == ["1", "2", "3"])
    }

    @Test("what is in flight counts to the last byte of the answer")
    func inFlight() async throws {
        let cluster = Cluster("one", endpoints: ["10.0.0.1:80"], passiveHealth: nil)
        let gate = AsyncStream.makeStream(of: Void.self)
        let origin = ScriptedUpstream { exchange in
            exchange.start(.ok)
            try await exchange.send("a")
            for await _ in gate.stream { break }
            exchange.finish()
        }
        let client = TestClient(LoadBalancer(cluster), origins: ["10.0.0.1:80": origin])
        let stream = try await client.stream(.get, "/")
        _ = try await stream.read()
        #expect(cluster.endpoints[0].inFlight == 1)
        gate.continuation.yield()
        while try await stream.read() != nil {}
        #expect(cluster.endpoints[0].inFlight == 0)
    }

    @Test("a client that goes away in the middle is counted out")
    func abandoned() async throws {
        let cluster = Cluster("one", endpoints: ["10.0.0.1:80"], passiveHealth: nil)
        let origin = ScriptedUpstream { exchange in
            exchange.start(.ok)
            try await exchange.send("a")
            exchange.hang()
        }
        let client = TestClient(LoadBalancer(cluster), origins: ["10.0.0.1:80": origin])
        do {
            let stream = try await client.stream(.get, "/")
            _ = try await stream.read()
            stream.leave()
        }
        await origin.waitForClosedConnections()
        #expect(cluster.endpoints[0].inFlight == 0)
    }

    @Test("an endpoint whose requests fail in a row is put out, and its share goes to the others")
    func ejection() async throws {
        let sick = Self.answers([.serviceUnavailable])
        var passive = PassiveHealth()
        passive.consecutiveFailures = 3
        var configuration = LoadBalancer.Configuration()
        configuration.retries = .none
        let client = TestClient(
            LoadBalancer(Self.cluster(passive), configuration), origins: Self.origins([1: sick]))
        var failures = 0
        for _ in 0..<60 where try await client.get("/").status != .ok { failures += 1 }
        #expect(failures == 3)
        #expect(sick.requests.count == 3)
    }

    @Test("a full endpoint is passed over, a full cluster answers 503")
    func limits() async throws {
        var configuration = Cluster.Configuration()
        configuration.limits.requestsPerEndpoint = 1
        let cluster = Self.cluster(nil, configuration)
        let hanging = ScriptedUpstream { exchange in
            exchange.start(.ok)
            try await exchange.send("a")
            exchange.hang()
        }
        let client = TestClient(
            LoadBalancer(cluster), origins: Self.origins([1: hanging, 2: hanging, 3: hanging]))
        var streams: [TestStream] = []
        for _ in 0..<3 {
            let stream = try await client.stream(.get, "/")
            _ = try await stream.read()
            streams.append(stream)
        }
        #expect(cluster.endpoints.map(\.inFlight) == [1, 1, 1])
        #expect(try await client.get("/").status == .serviceUnavailable)
        for stream in streams { stream.leave() }
    }

    @Test("a try that takes too long is given up, and the next endpoint answers")
    func tryTimeout() async throws {
        var configuration = LoadBalancer.Configuration()
        configuration.retries.tryTimeout = .seconds(2)
        let slow = ScriptedUpstream { $0.hang() }
        let client = TestClient(
            LoadBalancer(Self.cluster(), configuration), origins: Self.origins([1: slow, 2: slow, 3: slow]))
        async let response = client.get("/")
        for number in 1...3 {
            await slow.waitForRequests(number)
            client.time.advance(by: .seconds(2))
        }
        #expect(try await response.status == .gatewayTimeout)
    }

    @Test("a policy that points beside its candidates does no harm", arguments: [-1, 3, Int.max, Int.min])
    func badPolicy(position: Int) async throws {
        struct Beside: BalancingPolicy {
            struct Pointer: Balancer {
                let position: Int
                func choose(_ choice: inout BalancingChoice) -> Int { position }
            }
            let position: Int
            func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
                Pointer(position: position)
            }
        }
        let cluster = Cluster("users", endpoints: Self.names, balancing: Beside(position: position))
        let client = TestClient(LoadBalancer(cluster), origins: Self.origins())
        #expect(try await client.get("/").status == .ok)
    }

    @Test("it does what every handler does")
    func conformance() async {
        let client = TestClient(LoadBalancer(Self.cluster(PassiveHealth())), origins: Self.origins())
        #expect(await HandlerConformance(client).check() == [])
    }

    @Test("labels that no endpoint has are reported")
    func labels() {
        var configuration = LoadBalancer.Configuration()
        configuration.labels = ["version": "9"]
        let problems = LoadBalancer(Self.cluster(), configuration).blueprint.validate().map(\.description)
        #expect(problems.contains { $0.contains("version=9") }, "\(problems)")
    }

    @Test("bad configurations are reported together")
    func problems() {
        var configuration = Cluster.Configuration()
        configuration.zone = "nowhere"
        configuration.panicThreshold = 2
        let cluster = Cluster(
            "users", endpoints: ["10.0.0.1:80", "10.0.0.1:80", Endpoint("10.0.0.2:80", weight: 0), "::"],
            activeHealth: .http(path: "healthz", every: .seconds(5)), configuration)
        let problems = LoadBalancer(cluster).blueprint.validate().map(\.description)
        for part in ["twice", "weight of 0", "is no endpoint", "nowhere", "panic threshold of 2", "healthz"] {
            #expect(problems.contains { $0.contains(part) }, "\(part) in \(problems)")
        }
        let empty = LoadBalancer(Cluster("none", endpoints: [])).blueprint.validate().map(\.description)
        #expect(empty.contains { $0.contains("no endpoint") })
    }
}
