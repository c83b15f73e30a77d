import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// The PROXY protocol through a server's own sockets.
@Suite("PROXY protocol over sockets", .timeLimit(.minutes(1)))
struct ProxyProtocolSocketTests {
    private static let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let line = "PROXY TCP4 192.0.2.1 198.51.100.7 1024 443\r\n"

    /// Answers with the address of the client, and that of the socket's far end.
    private static let handler = HandlerFunction { _, context in
        let peer = context.peer
        return Response(
            .ok, body: .text("\(peer.remote?.ipAddress ?? "-") \(peer.socketRemote?.ipAddress ?? "-")"))
    }

    /// Runs a server on one listener while `body` talks to it.
    private func serve(
        _ listener: Listener, perAddress: Int = 100, _ body: (SocketAddress) async throws -> Void
    ) async throws {
        var configuration = Server.Configuration()
        configuration.shutdownSignals = []
        configuration.drainTimeout = .seconds(5)
        configuration.limits.connectionsPerAddress = perAddress
        let runtime = Runtime(logger: TestClient.silentLogger)
        let server = Server(Self.handler, listeners: [listener], configuration: configuration, runtime: runtime)
        let run = Task { try await server.run() }
        try await body(try #require(try await server.addresses().first))
        run.cancel()
        try await run.value
    }

    @Test("requests have the address of the header, in the same packet or behind it")
    func http() async throws {
        let trusting = ProxyProtocol.accepted(from: ["127.0.0.0/8"], timeout: .seconds(60))
        try await serve(.http(host: "127.0.0.1", port: 0, proxyProtocol: trusting)) { address in
            for parts in [[Self.line + Self.head], [Self.line, Self.head]] {
                let client = try await RawClient.connect(to: address)
                for part in parts { try await client.send(part) }
                #expect(try await client.readResponse().body == "192.0.2.1 127.0.0.1")
                // The header counts for the connection, not for one request.
                try await client.send(Self.head)
                #expect(try await client.readResponse().body == "192.0.2.1 127.0.0.1")
            }
        }
    }

    @Test("who may not send a header gets no answer", arguments: [line + head, head])
    func untrusted(text: String) async throws {
        let trusting = ProxyProtocol.accepted(from: ["10.0.0.0/24"])
        try await serve(.http(host: "127.0.0.1", port: 0, proxyProtocol: trusting)) { address in
            // The reset may come before anything can be said.
            let answer = try? await RawClient.connect(to: address).exchange(text)
            #expect(answer?.isEmpty ?? true)
        }
    }

    @Test("the limit for each address counts the client of the header")
    func limit() async throws {
        let trusting = ProxyProtocol.accepted(from: ["127.0.0.0/8"], timeout: .seconds(60))
        try await serve(.http(host: "127.0.0.1", port: 0, proxyProtocol: trusting), perAddress: 1) { address in
            let first = try await RawClient.connect(to: address)
            try await first.send(Self.line + Self.head)
            #expect(try await first.readResponse().status == .ok)
            let other = try await RawClient.connect(to: address)
            try await other.send("PROXY TCP4 192.0.2.2 198.51.100.7 1024 443\r\n" + Self.head)
            #expect(try await other.readResponse().status == .ok)
            let second = try await RawClient.connect(to: address)
            try await second.send(Self.line + Self.head)
            #expect(try await second.readResponse().status == .tooManyRequests)
        }
    }

    @Test("a listener of another protocol takes headers too")
    func raw() async throws {
        struct Greeting: ConnectionHandler {
            func handle(_ connection: consuming Connection, context: RequestContext) async throws {
                let (inbound, outbound) = connection.halves()
                let first = try await inbound.read().map { String(buffer: $0) } ?? ""
                let port = context.peer.remote?.port ?? 0
                try await outbound.write(ByteBuffer(string: "\(port) \(first)"))
            }
        }
        let listener = Listener.tcp(
            host: "127.0.0.1", port: 0, proxyProtocol: .accepted(from: ["127.0.0.1"], timeout: .seconds(60))
        ) {
            Greeting()
        }
        try await serve(listener) { address in
            let answer = try await RawClient.connect(to: address).exchange(Self.line + "hello")
            #expect(answer == "1024 hello")
        }
    }
}

extension RawClient {
    /// Sends text and reads to the end.
    fileprivate func exchange(_ text: String) async throws -> String {
        try await send(text)
        return try await readUntilClose()
    }
}
