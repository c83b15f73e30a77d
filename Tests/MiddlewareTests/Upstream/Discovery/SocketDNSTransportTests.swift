import Middleware
import MiddlewareTesting
import NIOCore
import NIOPosix
import Testing

@Suite("DNS over sockets", .timeLimit(.minutes(1)))
struct SocketDNSTransportTests {
    private static let question = DNSQuestion(DNSName("a.test") ?? .root, .a)

    private static func runtime() -> Runtime {
        Runtime(
            time: ManualTime(), logger: TestClient.silentLogger, randomness: SeededRandomness(),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    private static func exchange(
        with address: SocketAddress, over carrier: DNSCarrier = .udp
    ) async throws(DNSFailure) -> DNSMessage {
        try await SocketDNSTransport().exchange(
            DNSQuery(question, id: 77), with: address, over: carrier, on: runtime())
    }

    private static func answer(to query: DNSMessage, _ text: String = "a.test 60 A 10.0.0.1") -> DNSMessage {
        DNSMessage(id: query.id, question: query.question, answers: (try? DNSRecord(text)).map { [$0] } ?? [])
    }

    @Test("an answer comes back by datagram and by connection", arguments: [DNSCarrier.udp, .tcp])
    func answers(carrier: DNSCarrier) async throws {
        try await LoopbackNameServer.run { query, _ in
            [.message(Self.answer(to: query))]
        } _: { server in
            let message = try await Self.exchange(with: server.address, over: carrier)
            #expect(try message.answers == [DNSRecord("a.test 60 A 10.0.0.1")])
        }
    }

    @Test("what is no answer is passed over, and what comes from elsewhere is not seen at all")
    func strays() async throws {
        try await LoopbackNameServer.run { query, _ in
            let forged = Self.answer(to: query, "a.test 60 A 10.6.6.6")
            var numbered = forged
            numbered.id &+= 1
            var named = forged
            named.question = DNSQuestion(.root, .a)
            let elsewhere = Array(repeating: LoopbackNameServer.Piece.elsewhere(DNSWire(forged).bytes), count: 20)
            let strays: [LoopbackNameServer.Piece] = [
                .bytes([]), .bytes([1, 2, 3]), .message(numbered), .message(named),
            ]
            return elsewhere + strays + [.message(Self.answer(to: query))]
        } _: { server in
            let message = try await Self.exchange(with: server.address)
            #expect(try message.answers == [DNSRecord("a.test 60 A 10.0.0.1")])
        }
    }

    @Test("too many that are no answer end the exchange", arguments: [DNSCarrier.udp, .tcp])
    func guesses(carrier: DNSCarrier) async throws {
        try await LoopbackNameServer.run { query, _ in
            (1...UInt16(SocketDNSTransport.tolerance + 1)).map { step in
                var guess = Self.answer(to: query)
                guess.id &+= step
                return .message(guess)
            }
        } _: { server in
            _ = await #expect(throws: DNSFailure.mistrusted) {
                try await Self.exchange(with: server.address, over: carrier)
            }
        }
    }

    @Test("an answer over a connection may be as long as its length can say")
    func long() async throws {
        let records = try (0..<4_000).map { try DNSRecord("a.test 60 A 10.0.\($0 / 256).\($0 % 256)") }
        try await LoopbackNameServer.run { query, carrier in
            var message = Self.answer(to: query)
            message.answers = records
            message.isTruncated = carrier == .udp
            return carrier == .tcp ? [.message(message)] : [.bytes(Array(DNSWire(message).bytes.prefix(1_232)))]
        } _: { server in
            var settings = NameServers.Settings()
            settings.servers = [server.address]
            let resolver = DNSResolver(settings, transport: SocketDNSTransport(), runtime: Self.runtime())
            let answer = try await resolver.resolve(Self.question.name, .a)
            #expect(answer.records.count == 4_000)
        }
    }

    @Test("a port that nobody listens on is an error and not a wait", arguments: [DNSCarrier.udp, .tcp])
    func refused(carrier: DNSCarrier) async throws {
        let address = try await LoopbackNameServer.run { _, _ in
            []
        } _: { server in
            server.address
        }
        let failure = await #expect(throws: DNSFailure.self) {
            try await Self.exchange(with: address, over: carrier)
        }
        guard case .unreachable = failure else {
            Issue.record("\(failure as Any)")
            return
        }
    }

    @Test("a connection that closes without an answer is an error")
    func closed() async throws {
        try await LoopbackNameServer.run { _, _ in
            [.bytes([]), .close]
        } _: { server in
            let failure = await #expect(throws: DNSFailure.self) {
                try await Self.exchange(with: server.address, over: .tcp)
            }
            #expect(failure == .unreachable("the server closed the connection"))
        }
    }

    @Test("a task that is cancelled waits no longer", arguments: [DNSCarrier.udp, .tcp])
    func cancelled(carrier: DNSCarrier) async throws {
        let (asked, continuation) = AsyncStream<Void>.makeStream()
        try await LoopbackNameServer.run { _, _ in
            continuation.finish()
            return []
        } _: { server in
            let address = server.address
            let task = Task { try await Self.exchange(with: address, over: carrier) }
            for await _ in asked {}
            task.cancel()
            await #expect(throws: DNSFailure.cancelled) { try await task.value }
            let early = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await Self.exchange(with: address, over: carrier)
            }
            _ = await #expect(throws: DNSFailure.cancelled) { try await early.value }
        }
    }

    @Test("a source finds its endpoints by sockets")
    func source() async throws {
        try await LoopbackNameServer.run { query, carrier in
            [.message(Self.answer(to: query))]
        } _: { server in
            var configuration = DNSEndpoints.Configuration()
            configuration.nameServers = NameServers(["127.0.0.1:\(server.address.port ?? 0)"])
            let source = DNSEndpoints("a.test", port: 80, configuration)
            for try await set in source.endpoints(Self.runtime()) {
                #expect(set == ["10.0.0.1:80"])
                break
            }
        }
    }
}
