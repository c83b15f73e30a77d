import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("TCPProxy", .timeLimit(.minutes(2)))
struct TCPProxyTests {
    /// An origin with that handler, a proxy in front of it, and a client's view of the proxy.
    private func proxied(
        to origin: ConnectionFunction,
        _ configuration: TCPProxy.Configuration = TCPProxy.Configuration(),
        _ body: nonisolated(nonsending) (ServingListeners, ScriptedChooser) async throws -> Void
    ) async throws {
        try await ServingListeners.with([.tcp(host: "127.0.0.1", port: 0) { origin }]) { origins in
            let chooser = ScriptedChooser([origins.endpoint()])
            let proxy = TCPProxy(choosing: chooser, configuration)
            try await ServingListeners.with([.tcp(host: "127.0.0.1", port: 0) { proxy }]) { proxies in
                try await body(proxies, chooser)
            }
            await chooser.rest()
        }
    }

    private let drain = ConnectionFunction { connection, _ in
        let (inbound, outbound) = connection.halves()
        var text = ""
        while let bytes = try await inbound.read() { text += String(buffer: bytes) }
        try await outbound.write(ByteBuffer(string: "got \(text)"))
        outbound.finish()
    }

    @Test("a client that sends no more still gets the answer")
    func clientHalfCloses() async throws {
        try await proxied(to: drain) { proxies, chooser in
            let client = try await proxies.connect()
            try await client.send("ping")
            try await client.finishSending()
            #expect(try await client.readUntilClose() == "got ping")
            #expect(try await client.waitForEnd() == nil)
            #expect(chooser.evidence == [.connected(nanoseconds: 0)])
        }
    }

    @Test("an endpoint that sends no more still gets what the client sends")
    func endpointHalfCloses() async throws {
        let told = Told<String>()
        let origin = ConnectionFunction { connection, _ in
            let (inbound, outbound) = connection.halves()
            try await outbound.write(ByteBuffer(string: "hello"))
            outbound.finish()
            var text = ""
            while let bytes = try await inbound.read() { text += String(buffer: bytes) }
            told.tell(text)
        }
        try await proxied(to: origin) { proxies, _ in
            let client = try await proxies.connect()
            #expect(try await client.readUntilClose() == "hello")
            try await client.send("still here")
            try await client.finishSending()
            #expect(await told.next == "still here")
        }
    }

    @Test("megabytes pass whole in both directions at once, to readers that are slow at first")
    func bulk() async throws {
        try await proxied(to: .echo) { proxies, _ in
            let client = try await proxies.connect()
            let count = 8 << 20
            let bytes = ByteBuffer(bytes: (0..<count).map { number -> UInt8 in 0x20 + UInt8((number &* 31) % 95) })
            try await client.setReading(false)
            async let sent: Void = client.send(bytes)
            try await client.setReading(true)
            let echo = try await client.read(count)
            try await sent
            #expect(ByteBuffer(string: echo) == bytes)
            try await client.finishSending()
            #expect(try await client.waitForEnd() == nil)
        }
    }

    @Test("a reset of either side resets the other")
    func resets() async throws {
        let ended = Told<Bool>()
        let origin = ConnectionFunction { connection, _ in
            let (inbound, outbound) = connection.halves()
            do {
                while let bytes = try await inbound.read() {
                    if String(buffer: bytes) == "break" { throw ProxyFailure(.connect, .origin, .other) }
                    try await outbound.write(bytes)
                }
                ended.tell(false)
            } catch let error as ProxyFailure {
                throw error
            } catch {
                ended.tell(true)
            }
        }
        try await proxied(to: origin) { proxies, _ in
            let client = try await proxies.connect()
            try await client.send("break")
            #expect(try await client.waitForEnd() != nil)
            let other = try await proxies.connect()
            try await other.send("x")
            #expect(try await other.read(1) == "x")
            try await other.reset()
            #expect(await ended.next)
        }
    }

    @Test("the next endpoint is tried when one refuses, and the refusal is reported")
    func retries() async throws {
        try await ServingListeners.with([.tcp(host: "127.0.0.1", port: 0) { ConnectionFunction.echo }]) { origins in
            let chooser = ScriptedChooser(["127.0.0.1:1", origins.endpoint()])
            let proxy = TCPProxy(choosing: chooser)
            try await ServingListeners.with([.tcp(host: "127.0.0.1", port: 0) { proxy }]) { proxies in
                let client = try await proxies.connect()
                try await client.send("early")
                #expect(try await client.read(5) == "early")
                #expect(chooser.evidence == [.notConnected, .connected(nanoseconds: 0)])
                #expect(chooser.inFlight == [0, 1])
                try await client.finishSending()
                _ = try await client.waitForEnd()
            }
            await chooser.rest()
        }
    }

    @Test("when no endpoint can be connected to, the client sees a reset", arguments: [1, 2, 3])
    func nobodyThere(attempts: Int) async throws {
        let chooser = ScriptedChooser(["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4"])
        var configuration = TCPProxy.Configuration()
        configuration.attempts = attempts
        let proxy = TCPProxy(choosing: chooser, configuration)
        try await ServingListeners.with([.tcp(host: "127.0.0.1", port: 0) { proxy }]) { proxies in
            #expect(await proxies.resets())
            #expect(chooser.evidence == Array(repeating: .notConnected, count: attempts))
            #expect(chooser.inFlight == [0, 0, 0, 0])
        }
    }

    @Test("an endpoint that never reads holds the client back, until the idle limit resets both")
    func neverReads() async throws {
        let origin = ConnectionFunction { connection, context in
            let (inbound, outbound) = connection.halves()
            try? await context.sleep(for: .seconds(100))
            _ = (inbound, outbound)
        }
        var configuration = TCPProxy.Configuration()
        configuration.idleTimeout = .milliseconds(300)
        try await proxied(to: origin, configuration) { proxies, _ in
            // On a slow machine the limit can pass before the client knows that it is connected.
            await #expect(throws: (any Error).self) {
                try await proxies.connect().send(ByteBuffer(repeating: 0x78, count: 64 << 20))
            }
        }
    }

    @Test("a PROXY protocol header goes first when asked for", arguments: ProxyHeader.Version.allCases)
    func proxyHeader(version: ProxyHeader.Version) async throws {
        var configuration = TCPProxy.Configuration()
        configuration.proxyHeader = version
        try await proxied(to: .echo, configuration) { proxies, _ in
            let client = try await proxies.connect()
            try await client.send("data")
            let header = ProxyHeader(Peer(remote: client.localAddress, local: proxies.addresses[0])).bytes(version)
            // Bytes that are no text read alike on both sides.
            #expect(try await client.read(header.readableBytes) == String(buffer: header))
            #expect(try await client.read(4) == "data")
        }
    }

    @Test("clients that connect and leave at once, in order or not, leave nothing behind")
    func comeAndGo() async throws {
        try await proxied(to: .echo) { proxies, chooser in
            for number in 0..<100 {
                let client = try await proxies.connect()
                if number % 2 == 0 { try await client.close() } else { try await client.reset() }
            }
            let last = try await proxies.connect()
            try await last.send("x")
            #expect(try await last.read(1) == "x")
        }
    }

    @Test("a cluster spreads connections, counts them to their end and leaves out what refuses")
    func cluster() async throws {
        let echo = Listener.tcp(host: "127.0.0.1", port: 0) { ConnectionFunction.echo }
        try await ServingListeners.with([echo, echo]) { origins in
            let cluster = Cluster(
                "echo", endpoints: [origins.endpoint(0), origins.endpoint(1), "127.0.0.1:1"], balancing: .roundRobin)
            try await ServingListeners.with([.tcp(host: "127.0.0.1", port: 0) { TCPProxy(cluster) }]) { proxies in
                var clients: [RawClient] = []
                for _ in 0..<6 {
                    let client = try await proxies.connect()
                    try await client.send("x")
                    #expect(try await client.read(1) == "x")
                    clients.append(client)
                }
                let inFlight = cluster.endpoints.map(\.inFlight)
                #expect(inFlight[0] + inFlight[1] == 6 && inFlight[2] == 0)
                #expect(inFlight[0] > 0 && inFlight[1] > 0)
                for client in clients {
                    try await client.finishSending()
                    #expect(try await client.waitForEnd() == nil)
                }
                while cluster.endpoints.contains(where: { $0.inFlight != 0 }) { await Task.yield() }
            }
        }
    }

    @Test("bad values are composition problems")
    func problems() {
        var configuration = TCPProxy.Configuration()
        configuration.attempts = 0
        configuration.idleTimeout = .zero
        configuration.connectTimeout = .seconds(-1)
        let problems = TCPProxy(to: "127.0.0.1:99999", configuration).blueprint.validate()
        #expect(problems.count == 4)
    }
}
