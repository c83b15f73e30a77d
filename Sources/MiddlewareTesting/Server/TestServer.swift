public import Middleware
public import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Runs a real server on loopback while `body` runs, then drains it.
///
/// ```swift
/// try await withServer(gateway) { server in
///     let client = try await server.connect()
///     try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
///     #expect(try await client.readResponse().status == .ok)
/// }
/// ```
///
/// For what bytes on a wire decide: framing, pipelining, timeouts of the listener, half-closed connections. What a
/// gateway does with requests is tested faster with ``TestClient``. The server takes no signals of the process. Whoever
/// returns from `body` with a request still in flight waits for it, up to the drain timeout of the configuration: 5
/// seconds unless one is given.
///
/// Throws what `run` of the server throws, such as `CompositionError`, and what `body` throws.
///
/// - Parameters:
///   - handler: the root.
///   - listener: where it listens; ``TestListener/loopback`` unless given.
///   - configuration: timeouts and limits; one event loop and the defaults unless given.
///   - runtime: event loops, time and so on; real ones on NIO's shared group, without a log, unless given.
///   - body: the test.
public nonisolated(nonsending) func withServer<Result>(
    _ handler: any Handler,
    on listener: TestListener = .loopback,
    configuration: Server.Configuration? = nil,
    runtime: Runtime? = nil,
    _ body: nonisolated(nonsending) (RunningServer) async throws -> Result
) async throws -> Result {
    var configuration = configuration ?? RunningServer.defaultConfiguration
    configuration.shutdownSignals = []
    let path = listener == .unix ? RunningServer.socketPath() : nil
    defer { if let path { unlink(path) } }
    let place: Listener =
        switch listener {
        case .loopback: .http(host: "127.0.0.1", port: 0)
        case .loopbackIPv6: .http(host: "::1", port: 0)
        case .unix: .unix(path ?? "")
        }
    let server = Server(
        handler,
        listeners: [place],
        configuration: configuration,
        runtime: runtime ?? RunningServer.defaultRuntime()
    )
    let run = Task { try await server.run() }
    do {
        let addresses = try await server.addresses()
        guard let address = addresses.first else { throw ChannelError.unknownLocalAddress }
        let result = try await body(RunningServer(server, address: address))
        run.cancel()
        try await run.value
        return result
    } catch {
        run.cancel()
        _ = await run.result
        throw error
    }
}

/// A server that runs while a test does; see ``withServer(_:on:configuration:runtime:_:)``.
public struct RunningServer: Sendable {
    /// The server, for `replace`.
    public let server: Server
    /// The address that it listens on.
    public let address: SocketAddress

    init(_ server: Server, address: SocketAddress) {
        self.server = server
        self.address = address
    }

    /// The port that it listens on; 0 for a Unix-domain socket.
    public var port: Int { address.port ?? 0 }

    /// A new connection to it.
    ///
    /// - Parameter receiveBufferBytes: the size of the kernel's buffer for what the server sends, for a client that
    ///   does not read; the kernel's own choice unless given.
    public func connect(receiveBufferBytes: Int? = nil) async throws -> RawClient {
        try await RawClient.connect(to: address, receiveBufferBytes: receiveBufferBytes)
    }

    static var defaultConfiguration: Server.Configuration {
        var configuration = Server.Configuration()
        configuration.threads = 1
        configuration.drainTimeout = .seconds(5)
        return configuration
    }

    static func defaultRuntime() -> Runtime { Runtime(logger: TestClient.silentLogger) }

    /// A path that no other test uses, short enough for every system.
    static func socketPath() -> String {
        var generator = SystemRandomNumberGenerator()
        return "/tmp/middleware-\(getpid())-\(String(generator.next(), radix: 36)).sock"
    }
}
