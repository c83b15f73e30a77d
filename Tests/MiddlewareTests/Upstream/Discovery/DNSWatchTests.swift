import Middleware
import MiddlewareTesting
import NIOPosix
import Testing

@Suite("What DNS tells, look by look", .timeLimit(.minutes(1)))
struct DNSWatchTests {
    private static func runtime() -> Runtime {
        Runtime(
            time: ManualTime(), logger: TestClient.silentLogger, randomness: SeededRandomness(),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    private static func watch(
        _ target: DNSEndpoints.Target,
        _ dns: ScriptedDNS,
        _ families: DNSEndpoints.Families = .preferringIPv4,
        attributes: Endpoint.Attributes = Endpoint.Attributes(),
        search: [String] = []
    ) -> DNSWatch {
        var configuration = DNSEndpoints.Configuration()
        configuration.families = families
        configuration.attributes = attributes
        configuration.nameServers = NameServers(["10.0.0.1"], attempts: 1, search: search)
        return DNSWatch(target, configuration, transport: dns, runtime: runtime())
    }

    private static let host = DNSEndpoints.Target.host("a.test", port: 8080)
    private static let service = DNSEndpoints.Target.service("_http._tcp.test")

    @Test(
        "the families that are wanted are asked for, and no others",
        arguments: [
            (DNSEndpoints.Families.preferringIPv4, ["10.0.0.1:8080"], ["a.test A"]),
            (.preferringIPv6, ["[2001:db8::1]:8080"], ["a.test AAAA"]), (.ipv4, ["10.0.0.1:8080"], ["a.test A"]),
            (.ipv6, ["[2001:db8::1]:8080"], ["a.test AAAA"]),
            (.all, ["10.0.0.1:8080", "[2001:db8::1]:8080"], ["a.test A", "a.test AAAA"]),
        ]
    )
    func families(families: DNSEndpoints.Families, endpoints: [String], asked: [String]) async {
        let dns = ScriptedDNS([
            "a.test A": .zone("a.test 60 A 10.0.0.1"), "a.test AAAA": .zone("a.test 60 AAAA 2001:db8::1"),
        ])
        var watch = Self.watch(Self.host, dns, families)
        #expect(await watch.turn().endpoints?.map(\.text) == endpoints)
        #expect(dns.texts == asked.map { "1 \($0)" })
    }

    @Test("the other family takes the place of one that there is none of, and not of one that fails")
    func preference() async {
        let dns = ScriptedDNS(["a.test A": .answer([]), "a.test AAAA": .zone("a.test 60 AAAA 2001:db8::1")])
        var watch = Self.watch(Self.host, dns)
        #expect(await watch.turn().endpoints?.map(\.text) == ["[2001:db8::1]:8080"])
        let failing = ScriptedDNS([
            "a.test A": .failure(.timedOut), "a.test AAAA": .zone("a.test 60 AAAA 2001:db8::1"),
        ])
        var other = Self.watch(Self.host, failing)
        #expect(await other.turn().endpoints == nil)
        #expect(failing.texts == ["1 a.test A"])
    }

    @Test("the set is sorted and without duplicates, so that another order is no news")
    func order() async {
        let dns = ScriptedDNS([
            "a.test A": .zone("a.test 60 A 10.0.0.10", "a.test 60 A 10.0.0.9", "a.test 60 A 10.0.0.10")
        ])
        var watch = Self.watch(Self.host, dns)
        #expect(await watch.turn().endpoints == ["10.0.0.9:8080", "10.0.0.10:8080"])
        dns.set(["a.test A": .zone("a.test 7 A 10.0.0.9", "a.test 60 A 10.0.0.10")])
        let turn = await watch.turn()
        #expect(turn.endpoints == nil && turn.wait == .seconds(7))
        dns.set(["a.test A": .zone("a.test 60 A 10.0.0.9", "a.test 60 A 10.0.0.8")])
        #expect(await watch.turn().endpoints == ["10.0.0.8:8080", "10.0.0.9:8080"])
    }

    @Test(
        "the last set stays when there is none",
        arguments: [
            ScriptedDNS.Reply.code(.noSuchName), .answer([]), .code(.serverFailure), .failure(.timedOut),
            .zone("a.test 60 A 0.0.0.0"), .zone("a.test 60 CNAME a.test"),
        ]
    )
    func failure(reply: ScriptedDNS.Reply) async {
        let dns = ScriptedDNS(["a.test A": .zone("a.test 60 A 10.0.0.1")])
        var watch = Self.watch(Self.host, dns)
        #expect(await watch.turn().endpoints == ["10.0.0.1:8080"])
        dns.set(["a.test A": reply])
        var waits: [Duration] = []
        for _ in 0..<7 {
            let turn = await watch.turn()
            #expect(turn.endpoints == nil)
            waits.append(turn.wait)
        }
        for (wait, whole) in zip(waits, [1, 2, 4, 8, 16, 30, 30]) {
            #expect((.milliseconds(whole * 500) ... .seconds(whole)).contains(wait))
        }
        dns.set(["a.test A": .zone("a.test 60 A 10.0.0.1")])
        let turn = await watch.turn()
        #expect(turn.endpoints == nil && turn.wait == .seconds(60), "the same set is no news after a failure either")
    }

    @Test("a family that fails keeps what it had, one that is gone does not")
    func halves() async {
        let v4 = ScriptedDNS.Reply.zone("a.test 60 A 10.0.0.1")
        let dns = ScriptedDNS(["a.test A": v4, "a.test AAAA": .zone("a.test 60 AAAA 2001:db8::1")])
        var watch = Self.watch(Self.host, dns, .all)
        #expect(await watch.turn().endpoints?.count == 2)
        dns.set(["a.test A": v4, "a.test AAAA": .failure(.timedOut)])
        let turn = await watch.turn()
        #expect(turn.endpoints == nil && turn.wait <= .seconds(1), "and is asked for again soon")
        dns.set(["a.test A": v4, "a.test AAAA": .answer([])])
        #expect(await watch.turn().endpoints == ["10.0.0.1:8080"])
    }

    @Test("a family that fails at first is left out until it answers")
    func halfAtFirst() async {
        let v4 = ScriptedDNS.Reply.zone("a.test 60 A 10.0.0.1")
        let dns = ScriptedDNS(["a.test A": v4, "a.test AAAA": .failure(.timedOut)])
        var watch = Self.watch(Self.host, dns, .all)
        let turn = await watch.turn()
        #expect(turn.endpoints == ["10.0.0.1:8080"] && turn.wait <= .seconds(1))
    }

    // MARK: - Services

    @Test("a service gives port, weight and priority, and its targets come with it or are asked for")
    func services() async {
        let dns = ScriptedDNS([
            "_http._tcp.test SRV": .zone(
                "_http._tcp.test 60 SRV 1 5 8080 b.test", "_http._tcp.test 60 SRV 0 0 80 a.test",
                "_http._tcp.test 60 SRV 0 10 81 a.test", "_http._tcp.test 60 SRV 0 1 0 a.test",
                also: ["a.test 20 A 10.0.0.1", "a.test 20 A 10.0.0.2", "evil.test 1 A 10.9.9.9"]),
            "b.test A": .zone("b.test 40 CNAME c.test", "c.test 40 A 10.0.0.3"),
        ])
        var watch = Self.watch(Self.service, dns, attributes: Endpoint.Attributes(zone: "z"))
        let turn = await watch.turn()
        let zone = Endpoint.Attributes(zone: "z")
        #expect(
            turn.endpoints == [
                Endpoint("10.0.0.1:80", weight: 1, zone), Endpoint("10.0.0.1:81", weight: 10, zone),
                Endpoint("10.0.0.2:80", weight: 1, zone), Endpoint("10.0.0.2:81", weight: 10, zone),
                Endpoint("10.0.0.3:8080", weight: 5, Endpoint.Attributes(priority: 1, zone: "z")),
            ])
        #expect(turn.wait == .seconds(20))
        #expect(dns.texts == ["1 _http._tcp.test SRV", "1 b.test A"])
    }

    @Test("one place named twice has the better priority, or both shares")
    func twice() async {
        let dns = ScriptedDNS([
            "_http._tcp.test SRV": .zone(
                "_http._tcp.test 60 SRV 0 3 80 a.test", "_http._tcp.test 60 SRV 0 4 80 b.test",
                "_http._tcp.test 60 SRV 1 9 80 c.test",
                also: ["a.test 9 A 10.0.0.1", "b.test 9 A 10.0.0.1", "c.test 9 A 10.0.0.1"])
        ])
        var watch = Self.watch(Self.service, dns)
        #expect(await watch.turn().endpoints == [Endpoint("10.0.0.1:80", weight: 7)])
    }

    @Test(
        "a target that does not resolve keeps what it had",
        arguments: [ScriptedDNS.Reply.failure(.timedOut), .code(.noSuchName), .answer([])]
    )
    func lostTarget(reply: ScriptedDNS.Reply) async {
        let service = ScriptedDNS.Reply.zone(
            "_http._tcp.test 60 SRV 0 1 80 a.test", "_http._tcp.test 60 SRV 0 1 80 b.test")
        let first = ScriptedDNS.Reply.zone("a.test 60 A 10.0.0.1")
        let dns = ScriptedDNS([
            "_http._tcp.test SRV": service, "a.test A": first, "b.test A": .zone("b.test 60 A 10.0.0.2"),
        ])
        var watch = Self.watch(Self.service, dns)
        #expect(await watch.turn().endpoints == ["10.0.0.1:80", "10.0.0.2:80"])
        dns.set(["_http._tcp.test SRV": service, "a.test A": .zone("a.test 60 A 10.0.0.7"), "b.test A": reply])
        let turn = await watch.turn()
        #expect(turn.endpoints == ["10.0.0.2:80", "10.0.0.7:80"] && turn.wait <= .seconds(1))
        dns.set(["_http._tcp.test SRV": .zone("_http._tcp.test 60 SRV 0 1 80 a.test"), "a.test A": first])
        #expect(await watch.turn().endpoints == ["10.0.0.1:80"], "a target that is not named any more is gone")
    }

    @Test("a service that says that there is none takes nothing away")
    func noService() async {
        let dns = ScriptedDNS(["_http._tcp.test SRV": .zone("_http._tcp.test 60 SRV 0 0 0 .")])
        var watch = Self.watch(Self.service, dns)
        #expect(await watch.turn().endpoints == nil)
        #expect(dns.asked.count == 1)
    }

    @Test("a set has a bound")
    func bound() async throws {
        let records = (0..<1_500).map { "a.test 60 A 10.0.\($0 / 256).\($0 % 256)" }
        let dns = ScriptedDNS(["a.test A": .answer(try records.map { try DNSRecord($0) })])
        var watch = Self.watch(Self.host, dns)
        #expect(await watch.turn().endpoints?.count == 1_000)
    }

    @Test("many targets are asked for, each once")
    func manyTargets() async throws {
        let names = (0..<50).map { "t\($0).test" }
        var zone = Dictionary(
            uniqueKeysWithValues: names.enumerated().map { index, name in
                ("\(name) A", ScriptedDNS.Reply.zone("\(name) 60 A 10.0.0.\(index)"))
            })
        zone["_http._tcp.test SRV"] = .answer(
            try names.map { try DNSRecord("_http._tcp.test 60 SRV 0 1 80 \($0)") })
        let dns = ScriptedDNS(zone)
        var watch = Self.watch(Self.service, dns)
        #expect(await watch.turn().endpoints?.count == 50)
        #expect(dns.asked.count == 51)
    }

    // MARK: - Completion

    @Test("a short name is completed, and a completion that fails leads nowhere else")
    func completion() async {
        let short = DNSEndpoints.Target.host("users", port: 80)
        let dns = ScriptedDNS(["users.b A": .zone("users.b 60 A 10.0.0.1"), "users.a A": .code(.noSuchName)])
        var watch = Self.watch(short, dns, .ipv4, search: ["a", "b"])
        #expect(await watch.turn().endpoints == ["10.0.0.1:80"])
        #expect(dns.texts == ["1 users.a A", "1 users.b A"])
        let failing = ScriptedDNS(["users.b A": .zone("users.b 60 A 10.0.0.1"), "users.a A": .failure(.timedOut)])
        var other = Self.watch(short, failing, .ipv4, search: ["a", "b"])
        #expect(await other.turn().endpoints == nil)
        #expect(failing.texts == ["1 users.a A"])
    }
}
