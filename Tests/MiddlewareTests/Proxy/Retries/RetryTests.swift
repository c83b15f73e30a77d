import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// What is tried again, how often and when.
@Suite("Retries")
struct RetryTests {
    static func client(
        _ origins: [ScriptedUpstream], time: ManualTime = ManualTime(),
        _ configure: (inout LoadBalancer.Configuration) -> Void = { _ in }
    ) -> TestClient {
        var configuration = LoadBalancer.Configuration()
        configure(&configuration)
        let endpoints = origins.indices.map { Endpoint("10.0.0.\($0 + 1):80") }
        let cluster = Cluster("c", endpoints: endpoints, balancing: .roundRobin, passiveHealth: nil)
        return TestClient(
            LoadBalancer(cluster, configuration), time: time,
            origins: Dictionary(uniqueKeysWithValues: zip(endpoints, origins)))
    }

    static func streamed(_ method: HTTPRequest.Method) -> sending Request {
        var request = Request(method, "/")
        request.body = .stream(ScriptedSource([.bytes("ab"), .bytes("cd"), .end(trailers: nil)]))
        return request
    }

    @Test("a streamed body of an idempotent request is sent again from its start")
    func streamedPut() async throws {
        let broken = ScriptedUpstream { $0.reset() }
        let well = ScriptedUpstream { $0.answer(.ok, $0.request.body) }
        let client = Self.client([broken, well])
        for _ in 0..<2 {
            let response = try await client.send(Self.streamed(.put))
            #expect(response.status == .ok)
            #expect(response.body == "abcd")
        }
        #expect(broken.requests.count > 0)
    }

    @Test("a body that is longer than what is recorded is not sent again")
    func longPut() async throws {
        let broken = ScriptedUpstream { $0.reset() }
        let client = Self.client([broken, broken]) { $0.retries.recordedBytes = 3 }
        let response = try await client.send(Self.streamed(.put))
        #expect(response.status == .badGateway)
        #expect(broken.requests.count == 1)
    }

    @Test("a streamed POST that reached nobody goes to the next endpoint whole")
    func undeliveredPost() async throws {
        let well = ScriptedUpstream { $0.answer(.ok, $0.request.body) }
        let client = Self.client([.refusing, well])
        for _ in 0..<2 {
            let response = try await client.send(Self.streamed(.post))
            #expect(response.body == "abcd")
        }
    }

    @Test("a single endpoint is tried again after a wait that chance decides")
    func backoff() async throws {
        let flaky = ScriptedUpstream { exchange in
            if exchange.number == 1 { exchange.reset() } else { exchange.answer(.ok, "well") }
        }
        let client = Self.client([flaky]) { $0.retries.backoff = Backoff(base: .seconds(1), longest: .seconds(1)) }
        async let response = client.get("/")
        await HedgingTests.advance(client.time) { flaky.requests.count == 2 }
        #expect(try await response.body == "well")
    }

    @Test("the waits grow, with chance, up to their bound")
    func waits() {
        var random = SplitMix64(seed: 7)
        let backoff = Backoff(base: .milliseconds(10), longest: .milliseconds(50))
        for (number, bound) in [(1, 10), (2, 20), (3, 40), (4, 50), (5, 50), (400, 50)] {
            let waits = (0..<200).map { _ in backoff.wait(before: number, random: &random) }
            #expect(waits.allSatisfy { $0 >= .zero && $0 <= .milliseconds(bound) })
            #expect(waits.contains { $0 > .milliseconds(bound) / 2 })
        }
    }

    @Test("Retry-After is waited for when every endpoint was tried, up to a limit")
    func retryAfter() async throws {
        let busy = ScriptedUpstream { exchange in
            if exchange.number == 1 {
                exchange.answer(.serviceUnavailable, headers: [.retryAfter: "1"])
            } else {
                exchange.answer(.ok, "well")
            }
        }
        let client = Self.client([busy])
        async let response = client.get("/")
        await HedgingTests.advance(client.time) { busy.requests.count == 2 }
        #expect(client.time.elapsed >= .seconds(1))
        #expect(try await response.body == "well")
    }

    @Test("a longer Retry-After goes to the client", arguments: ["2", "3600", "Wed, 01 Jan 2025 00:00:09 GMT"])
    func longRetryAfter(value: String) async throws {
        let busy = ScriptedUpstream { $0.answer(.serviceUnavailable, headers: [.retryAfter: value]) }
        let response = try await Self.client([busy]).get("/")
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == value)
        #expect(busy.requests.count == 1)
    }

    @Test("a wait that a deadline would not outlast is not begun: the answer at hand goes to the client")
    func deadlineFirst() async throws {
        let busy = ScriptedUpstream { $0.answer(.serviceUnavailable, "busy", headers: [.retryAfter: "1"]) }
        let cluster = Cluster("c", endpoints: ["10.0.0.1:80"], passiveHealth: nil)
        let client = TestClient(origins: ["10.0.0.1:80": busy]) {
            Timeout(head: .milliseconds(500))
            LoadBalancer(cluster)
        }
        #expect(try await client.get("/").body == "busy")
    }

    @Test("the budget ends what would multiply an outage")
    func budget() async throws {
        let sick = ScriptedUpstream { $0.answer(.serviceUnavailable) }
        let client = Self.client([sick, sick, sick]) {
            $0.retries.budget = RetryBudget(share: 0.1, minimumPerSecond: 0)
        }
        for _ in 0..<100 { _ = try await client.get("/") }
        #expect((105...112).contains(sick.requests.count), "\(sick.requests.count)")
    }

    @Test("without retries the first failure is the answer")
    func none() async throws {
        let client = Self.client([.refusing, .refusing]) { $0.retries = .none }
        #expect(try await client.get("/").status == .badGateway)
    }

    @Test("conditions that are left out are not tried again")
    func conditions() async throws {
        let broken = ScriptedUpstream { $0.reset() }
        let client = Self.client([broken, broken]) { $0.retries.conditions = [.connectFailure] }
        #expect(try await client.get("/").status == .badGateway)
        #expect(broken.requests.count == 1)
    }

    @Test("the endpoint is told how much time is left, and never what the client says")
    func deadline() async throws {
        let field = HTTPField.Name("x-time-left-ms")!
        let origin = ScriptedUpstream { $0.answer(.ok) }
        var configuration = LoadBalancer.Configuration()
        configuration.deadlineField = field
        let cluster = Cluster("c", endpoints: ["10.0.0.1:80"])
        let limited = TestClient(origins: ["10.0.0.1:80": origin]) {
            Timeout(whole: .seconds(3))
            LoadBalancer(cluster, configuration)
        }
        _ = try await limited.get("/", headers: [field: "99999"])
        let free = TestClient(LoadBalancer(cluster, configuration), origins: ["10.0.0.1:80": origin])
        _ = try await free.get("/", headers: [field: "99999"])
        #expect(origin.requests.map { $0.headers[field] } == ["3000", nil])
    }

    @Test(
        "bad values are reported",
        arguments: [
            "retries", "status of 200", "Retry-After", "records -1", "first wait", "for each try", "hedges after",
            "hedges with",
        ])
    func problems(part: String) {
        var configuration = LoadBalancer.Configuration()
        configuration.retries.retries = -1
        configuration.retries.statuses = [200]
        configuration.retries.longestRetryAfter = .seconds(-1)
        configuration.retries.recordedBytes = -1
        configuration.retries.backoff.base = .seconds(-1)
        configuration.retries.tryTimeout = .zero
        configuration.hedging = Hedging(after: .zero, tries: 1)
        let cluster = Cluster("c", endpoints: ["10.0.0.1:80"])
        let problems = LoadBalancer(cluster, configuration).blueprint.validate().map(\.description)
        #expect(problems.contains { $0.contains(part) }, "\(problems)")
    }
}
