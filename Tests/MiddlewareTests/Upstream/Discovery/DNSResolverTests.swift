import Middleware
import MiddlewareTesting
import NIOCore
import NIOPosix
import Testing

@Suite("DNS resolver", .timeLimit(.minutes(1)))
struct DNSResolverTests {
    private let time = ManualTime()

    private func resolver(_ dns: ScriptedDNS, servers: Int = 1, attempts: Int = 1) throws -> DNSResolver {
        var settings = NameServers.Settings()
        settings.servers = try (1...servers).map { try SocketAddress(ipAddress: "10.0.0.\($0)", port: 53) }
        settings.attempts = attempts
        let runtime = Runtime(
            time: time, logger: TestClient.silentLogger, randomness: SeededRandomness(),
            group: MultiThreadedEventLoopGroup.singleton)
        return DNSResolver(settings, transport: dns, runtime: runtime)
    }

    private func name(_ text: String) throws -> DNSName { try #require(DNSName(text)) }

    @Test("records of the type come with the shortest of their lifetimes")
    func records() async throws {
        let zone = ScriptedDNS.Reply.zone("a.test 60 A 10.1.0.1", "a.test 30 A 10.1.0.2", "b.test 1 A 10.9.0.9")
        let dns = ScriptedDNS(["a.test A": zone])
        let answer = try await resolver(dns).resolve(name("a.test"), .a)
        #expect(try answer.records == [DNSRecord("a.test 60 A 10.1.0.1"), DNSRecord("a.test 30 A 10.1.0.2")])
        #expect(answer.lifetime == 30)
    }

    @Test(
        "answers that there is nothing are told from failures, and nobody else is asked",
        arguments: [
            (ScriptedDNS.Reply.code(.noSuchName), DNSFailure.noSuchName, 1), (.answer([]), .noRecords, 1),
            (.zone("b.test 1 A 10.0.0.1"), .noRecords, 1), (.code(.serverFailure), .refused(.serverFailure), 4),
            (.code(.refused), .refused(.refused), 4), (.failure(.timedOut), .timedOut, 4),
            (.failure(.unreachable("x")), .unreachable("x"), 4),
        ]
    )
    func failures(reply: ScriptedDNS.Reply, failure: DNSFailure, queries: Int) async throws {
        let dns = ScriptedDNS(["a.test A": reply])
        await #expect(throws: failure) { try await resolver(dns, servers: 2, attempts: 2).resolve(name("a.test"), .a) }
        #expect(dns.asked.count == queries)
    }

    @Test("a server that fails is followed by the next, and after the last comes the first")
    func order() async throws {
        let dns = ScriptedDNS { asked in
            asked.server.ipAddress == "10.0.0.2" && asked.query.usesEDNS ? .code(.serverFailure) : .failure(.timedOut)
        }
        await #expect(throws: DNSFailure.timedOut) {
            try await resolver(dns, servers: 3, attempts: 2).resolve(name("a"), .a)
        }
        #expect(dns.texts == ["1 a A", "2 a A", "3 a A", "1 a A", "2 a A", "3 a A"])
        #expect(Set(dns.asked.map(\.query.id)).count == 6, "each query has a number of its own")
    }

    @Test("a server that does not answer in time is given up")
    func silence() async throws {
        let dns = ScriptedDNS { $0.server.ipAddress == "10.0.0.1" ? .silence : .zone("a 9 A 10.1.1.1") }
        let resolver = try resolver(dns, servers: 2)
        async let answer = resolver.resolve(name("a"), .a)
        await time.waitForTimers()
        time.advance(by: .seconds(5))
        #expect(try await answer.lifetime == 9)
        #expect(dns.texts == ["1 a A", "2 a A"])
    }

    @Test("an answer that is cut is asked for over a connection")
    func truncated() async throws {
        let dns = ScriptedDNS { $0.carrier == .udp ? .truncated : .zone("a 9 A 10.1.1.1") }
        #expect(try await resolver(dns).resolve(name("a"), .a).records.count == 1)
        #expect(dns.texts == ["1 a A", "1 a A tcp"])
        let always = ScriptedDNS { _ in .truncated }
        await #expect(throws: DNSFailure.truncated) { try await resolver(always).resolve(name("a"), .a) }
    }

    @Test("when somebody guesses answers, a connection is asked")
    func mistrusted() async throws {
        let dns = ScriptedDNS { $0.carrier == .udp ? .failure(.mistrusted) : .zone("a 9 A 10.1.1.1") }
        #expect(try await resolver(dns).resolve(name("a"), .a).records.count == 1)
        #expect(dns.texts == ["1 a A", "1 a A tcp"])
    }

    @Test("who does not know EDNS is asked without it", arguments: [DNSMessage.Code.formatError, .notImplemented])
    func withoutEDNS(code: DNSMessage.Code) async throws {
        let dns = ScriptedDNS { asked in
            if asked.query.usesEDNS { return .code(code, hasEDNS: false) }
            return asked.carrier == .udp ? .truncated : .zone("a 9 A 10.1.1.1")
        }
        #expect(try await resolver(dns).resolve(name("a"), .a).records.count == 1)
        #expect(dns.texts == ["1 a A", "1 a A plain", "1 a A tcp plain"])
    }

    @Test("aliases are followed within an answer and beyond it, and hold for as long as the shortest")
    func aliases() async throws {
        let dns = ScriptedDNS([
            "a A": .zone("c 50 CNAME d", "a 60 CNAME b", "b 20 CNAME c"),
            "d A": .zone("d 40 CNAME e", "e 30 A 10.1.1.1"),
        ])
        let answer = try await resolver(dns).resolve(name("a"), .a)
        #expect(answer.records.count == 1 && answer.lifetime == 20)
        #expect(dns.texts == ["1 a A", "1 d A"])
    }

    @Test("an alias of nothing is nothing")
    func aliasOfNothing() async throws {
        let dns = ScriptedDNS(["a A": .zone("a 60 CNAME b"), "b A": .answer([])])
        await #expect(throws: DNSFailure.noRecords) { try await resolver(dns).resolve(name("a"), .a) }
        let gone = ScriptedDNS(["a A": .zone("a 60 CNAME b")])
        await #expect(throws: DNSFailure.noSuchName) { try await resolver(gone).resolve(name("a"), .a) }
    }

    @Test("aliases that go round are left")
    func rings() async throws {
        for zone in [
            ["a A": ScriptedDNS.Reply.zone("a 60 CNAME a")],
            ["a A": .zone("a 60 CNAME b", "b 60 CNAME a")],
            ["a A": .zone("a 60 CNAME b"), "b A": .zone("b 60 CNAME a")],
        ] {
            let dns = ScriptedDNS(zone)
            await #expect(throws: DNSFailure.tooManyAliases) { try await resolver(dns).resolve(name("a"), .a) }
            #expect(dns.asked.count <= DNSResolver.aliasLimit + 1)
        }
    }
}
