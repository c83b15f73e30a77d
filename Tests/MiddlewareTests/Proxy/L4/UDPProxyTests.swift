import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

@Suite("UDPProxy", .timeLimit(.minutes(2)))
struct UDPProxyTests {
    private func listener(_ handler: some DatagramHandler) -> Listener {
        .udp(host: "127.0.0.1", port: 0) { handler }
    }

    private func proxied(
        to origin: DatagramFunction,
        _ configuration: UDPProxy.Configuration = UDPProxy.Configuration(),
        _ body: nonisolated(nonsending) (ServingListeners, ScriptedChooser) async throws -> Void
    ) async throws {
        try await ServingListeners.with([listener(origin)]) { origins in
            let chooser = ScriptedChooser([origins.endpoint()])
            let proxy = UDPProxy(choosing: chooser, configuration)
            try await ServingListeners.with([listener(proxy)]) { proxies in try await body(proxies, chooser) }
            await chooser.rest()
        }
    }

    @Test("datagrams pass both ways, whole, from none to the most bytes", arguments: [0, 1, 1500, 9000, 65_507])
    func sizes(count: Int) async throws {
        try await proxied(to: .echo) { proxies, chooser in
            let client = try await DatagramClient(to: proxies.addresses[0])
            let bytes = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            for _ in 0..<3 {
                try await client.send(bytes)
                #expect(await client.receive() == bytes)
            }
            #expect(chooser.evidence == [.connected(nanoseconds: 0)])
            #expect(chooser.inFlight == [1])
        }
    }

    @Test("each client's port is a session with a port of its own towards the endpoint")
    func sessions() async throws {
        let origin = DatagramFunction { session, context in
            while try await session.receive() != nil {
                session.send(ByteBuffer(string: "\(context.peer.remote?.port ?? 0)"))
            }
        }
        try await proxied(to: origin) { proxies, chooser in
            var ports: Set<String> = []
            for _ in 0..<5 {
                let client = try await DatagramClient(to: proxies.addresses[0])
                try await client.send("?")
                let first = await client.text()
                try await client.send("?")
                #expect(await client.text() == first)
                ports.insert(first)
            }
            #expect(ports.count == 5)
            #expect(chooser.inFlight == [5])
        }
    }

    @Test("a session may end with its answer")
    func answers() async throws {
        var configuration = UDPProxy.Configuration()
        configuration.answers = 1
        try await proxied(to: .echo, configuration) { proxies, chooser in
            let client = try await DatagramClient(to: proxies.addresses[0])
            for text in ["one", "two", "three"] {
                try await client.send(text)
                #expect(await client.text() == text)
            }
            #expect(chooser.evidence.count == 3)
        }
    }

    @Test("a silent session ends")
    func idle() async throws {
        let time = ManualTime()
        let over = Told<Void>()
        var limits = DatagramLimits()
        limits.idleTimeout = .seconds(10)
        let origin = DatagramFunction(limits) { session, _ in
            while let bytes = try await session.receive() { session.send(bytes) }
            over.tell(())
        }
        let runtime = Runtime(time: time, logger: TestClient.silentLogger)
        try await ServingListeners.with([listener(origin)], runtime: runtime) { server in
            let client = try await DatagramClient(to: server.addresses[0])
            try await client.send("x")
            #expect(await client.text() == "x")
            time.advance(by: .seconds(10))
            await over.next
            try await client.send("again")
            #expect(await client.text() == "again")
        }
    }

    @Test("an endpoint at whose port nobody listens is reported, and the next datagram begins anew")
    func nobodyListens() async throws {
        let free = try await DatagramClient.freePort()
        let chooser = ScriptedChooser([Endpoint("127.0.0.1:\(free)")])
        try await ServingListeners.with([listener(UDPProxy(choosing: chooser))]) { proxies in
            let client = try await DatagramClient(to: proxies.addresses[0])
            while chooser.evidence.isEmpty { try await client.send("x") }
            #expect(chooser.evidence.first == .notConnected)
        }
        await chooser.rest()
    }

    @Test("there are no more sessions than the limit, and who is refused by a filter has none")
    func limits() async throws {
        var limits = DatagramLimits()
        limits.sessions = 2
        let begun = Atomic<Int>(0)
        let handler = DatagramFunction(limits) { session, _ in
            begun.add(1, ordering: .relaxed)
            while let bytes = try await session.receive() { session.send(bytes) }
        }
        try await ServingListeners.with([
            listener(handler),
            .udp(host: "127.0.0.1", port: 0) {
                IPFilter(deny: ["127.0.0.0/8"])
                handler
            },
        ]) { server in
            let clients = [
                try await DatagramClient(to: server.addresses[0]), try await DatagramClient(to: server.addresses[0]),
            ]
            for client in clients {
                try await client.send("in")
                #expect(await client.text() == "in")
            }
            let third = try await DatagramClient(to: server.addresses[0])
            let denied = try await DatagramClient(to: server.addresses[1])
            try await third.send("out")
            try await denied.send("out")
            // Whoever is in goes on, and nobody else has come in.
            for client in clients {
                try await client.send("still")
                #expect(await client.text() == "still")
            }
            #expect(begun.load(ordering: .relaxed) == 2)
        }
    }

    @Test("bad values are composition problems")
    func problems() async {
        var configuration = UDPProxy.Configuration()
        configuration.limits.sessions = 0
        configuration.limits.idleTimeout = .zero
        configuration.limits.queuedDatagrams = 0
        configuration.answers = 0
        let server = Server(
            HandlerFunction { _, _ in Response(.ok) },
            listeners: [.udp(host: "127.0.0.1", port: 0) { UDPProxy(to: "nonsense:", configuration) }])
        let error = await #expect(throws: CompositionError.self) { try await server.run() }
        #expect(error?.problems.count == 5)
    }
}
