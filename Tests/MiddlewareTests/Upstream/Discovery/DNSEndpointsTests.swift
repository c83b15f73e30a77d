import Middleware
import MiddlewareTesting
import NIOPosix
import Testing

@Suite("Endpoints of DNS", .timeLimit(.minutes(1)))
struct DNSEndpointsTests {
    private let time = ManualTime()

    private var runtime: Runtime {
        Runtime(
            time: time, logger: TestClient.silentLogger, randomness: SeededRandomness(),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    private func source(_ dns: ScriptedDNS) -> DNSEndpoints {
        var configuration = DNSEndpoints.Configuration()
        configuration.nameServers = NameServers(["10.0.0.1"], attempts: 1, search: [])
        return DNSEndpoints("a.test", port: 80, configuration).carried(by: dns)
    }

    @Test("the set is told at once, and the next when the records have run out")
    func refresh() async throws {
        let dns = ScriptedDNS(["a.test A": .zone("a.test 60 A 10.0.0.1")])
        var sets = source(dns).endpoints(runtime).makeAsyncIterator()
        #expect(try await sets.next() == ["10.0.0.1:80"])
        await time.waitForTimers()
        dns.set(["a.test A": .zone("a.test 60 A 10.0.0.2")])
        time.advance(by: .seconds(59))
        #expect(dns.asked.count == 1)
        time.advance(by: .seconds(1))
        #expect(try await sets.next() == ["10.0.0.2:80"])
        #expect(dns.asked.count == 2)
    }

    @Test("nothing is asked any more once nobody listens")
    func end() async throws {
        let dns = ScriptedDNS(["a.test A": .zone("a.test 60 A 10.0.0.1")])
        let (source, runtime) = (source(dns), runtime)
        let task = Task {
            for try await _ in source.endpoints(runtime) {}
        }
        await time.waitForTimers()
        task.cancel()
        try await task.value
        time.advance(by: .seconds(3_600))
        #expect(dns.asked.count == 1)
    }

    @Test(
        "a lifetime is kept between the floor and the ceiling",
        arguments: [(0, 5), (4, 5), (5, 5), (60, 60), (300, 300), (301, 300), (.max, 300)] as [(UInt32, Int)]
    )
    func lifetimes(seconds: UInt32, wait: Int) {
        var schedule = DNSSchedule(DNSEndpoints.Configuration())
        #expect(schedule.afterAnswer(holdingFor: seconds) == .seconds(wait))
    }

    @Test("failures in a row wait longer each, by chance, and an answer ends the row", arguments: 1...20)
    func retries(seed: Int) {
        let chance = SeededRandomness(seed: UInt64(seed))
        var configuration = DNSEndpoints.Configuration()
        configuration.firstRetry = .milliseconds(100)
        configuration.maximumRetry = .seconds(1)
        var schedule = DNSSchedule(configuration)
        for whole in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = schedule.afterFailure(chance)
            #expect((.milliseconds(whole / 2) ... .milliseconds(whole)).contains(wait))
        }
        for _ in 0..<200 { #expect(schedule.afterFailure(chance) <= .seconds(1)) }
        _ = schedule.afterAnswer(holdingFor: 1)
        #expect(schedule.failureCount == 0 && schedule.afterFailure(chance) <= .milliseconds(100))
    }

    // MARK: - Bad input

    @Test(
        "a name or a port that is none is a problem",
        arguments: [
            (DNSEndpoints("", port: 80), "an empty name"), (DNSEndpoints("10.0.0.1", port: 80), "looks up 10.0.0.1"),
            (DNSEndpoints("::1", port: 80), "looks up ::1"), (DNSEndpoints("a b", port: 80), "looks up a b"),
            (DNSEndpoints(".", port: 80), "looks up ."), (DNSEndpoints("a.test", port: 0), "port 0"),
            (DNSEndpoints("a.test", port: 65_536), "port 65536"), (DNSEndpoints(service: "_http..test"), "_http..test"),
        ]
    )
    func badTarget(source: DNSEndpoints, text: String) throws {
        let problems = problems(of: source)
        #expect(problems.count == 1 && problems.first?.description.contains(text) == true, "\(problems)")
    }

    @Test("every bad number and server is named")
    func badConfiguration() {
        var configuration = DNSEndpoints.Configuration()
        configuration.minimumLifetime = .zero
        configuration.maximumLifetime = .seconds(-1)
        configuration.firstRetry = .zero
        configuration.maximumRetry = .seconds(-1)
        configuration.nameServers = NameServers(
            ["ns.test", "10.0.0.1:0"], timeout: .zero, attempts: 0, search: ["a b"], dots: -1)
        #expect(problems(of: DNSEndpoints("a.test", port: 80, configuration)).count == 10)
        configuration = DNSEndpoints.Configuration()
        configuration.nameServers = NameServers([])
        #expect(problems(of: DNSEndpoints("a.test", port: 80, configuration)).count == 1)
        configuration.nameServers = .file("resolv.conf")
        #expect(problems(of: DNSEndpoints("a.test", port: 80, configuration)).count == 1)
        #expect(problems(of: DNSEndpoints(service: "_http._tcp.a.test")).isEmpty)
    }

    private func problems(of source: some EndpointSource) -> [CompositionProblem] {
        var blueprint = Blueprint("source")
        source.check(&blueprint)
        return blueprint.validate()
    }
}
