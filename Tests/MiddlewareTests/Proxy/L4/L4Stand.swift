import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import NIOPosix
import Synchronization

/// A handler of raw connections made of a closure.
struct ConnectionFunction: ConnectionHandler {
    let body: nonisolated(nonsending) @Sendable (consuming Connection, RequestContext) async throws -> Void

    init(
        _ body: nonisolated(nonsending) @escaping @Sendable (consuming Connection, RequestContext) async throws -> Void
    ) {
        self.body = body
    }

    func handle(_ connection: consuming Connection, context: RequestContext) async throws {
        try await body(connection, context)
    }

    /// Sends back what comes, and ends when the other side does.
    static var echo: ConnectionFunction {
        ConnectionFunction { connection, _ in
            let (inbound, outbound) = connection.halves()
            while let bytes = try await inbound.read() { try await outbound.write(bytes) }
            outbound.finish()
        }
    }
}

/// Takes sessions by a closure.
struct DatagramFunction: DatagramHandler {
    var limits = DatagramLimits()
    let body: nonisolated(nonsending) @Sendable (DatagramSession, RequestContext) async throws -> Void

    init(
        _ limits: DatagramLimits = DatagramLimits(),
        _ body: nonisolated(nonsending) @escaping @Sendable (DatagramSession, RequestContext) async throws -> Void
    ) {
        self.limits = limits
        self.body = body
    }

    func handle(_ session: DatagramSession, context: RequestContext) async throws {
        try await body(session, context)
    }

    /// Sends back what comes.
    static var echo: DatagramFunction {
        DatagramFunction { session, _ in while let bytes = try await session.receive() { session.send(bytes) } }
    }
}

/// Listeners that run while a test does.
struct ServingListeners: Sendable {
    let addresses: [SocketAddress]
    private let run: Task<Void, any Error>

    /// Runs `body` while a server listens there; drains behind it.
    static func with<Value>(
        _ listeners: [Listener],
        drainTimeout: Duration = .zero,
        connections: Int = 1000,
        runtime: Runtime = Runtime(logger: TestClient.silentLogger),
        _ body: nonisolated(nonsending) (ServingListeners) async throws -> Value
    ) async throws -> Value {
        var configuration = Server.Configuration()
        configuration.shutdownSignals = []
        configuration.drainTimeout = drainTimeout
        configuration.limits.connections = connections
        let server = Server(
            HandlerFunction { _, _ in Response(.ok) }, listeners: listeners, configuration: configuration,
            runtime: runtime)
        let run = Task { try await server.run() }
        do {
            let value = try await body(ServingListeners(addresses: try await server.addresses(), run: run))
            run.cancel()
            try await run.value
            return value
        } catch {
            run.cancel()
            _ = await run.result
            throw error
        }
    }

    /// Begins the drain.
    func stop() { run.cancel() }

    /// Waits until the server has stopped.
    func wait() async throws { try await run.value }

    func connect(_ index: Int = 0) async throws -> RawClient { try await RawClient.connect(to: addresses[index]) }

    /// Whether a connection is reset, however soon.
    func resets(_ index: Int = 0) async -> Bool {
        do { return try await connect(index).waitForEnd() != nil } catch { return true }
    }

    func endpoint(_ index: Int = 0) -> Endpoint { Endpoint("127.0.0.1:\(addresses[index].port ?? 0)") }
}

/// Endpoints in the order in which they are to be chosen, and what was reported of them.
final class ScriptedChooser: EndpointChooser {
    private struct State {
        var evidence: [Evidence] = []
    }

    let name = "scripted"
    let states: [EndpointState]
    private let state = Mutex(State())

    init(_ endpoints: [Endpoint]) { states = endpoints.map { EndpointState($0) } }

    var evidence: [Evidence] { state.withLock { $0.evidence } }
    var inFlight: [Int] { states.map(\.inFlight) }

    /// Waits until nothing is in flight: tasks that a server broke off end behind it.
    func rest() async { while inFlight.contains(where: { $0 != 0 }) { await Task.yield() } }

    func chooseEndpoint(
        hash: UInt64?, excluding tried: [EndpointState], context: RequestContext
    ) throws(ProxyFailure) -> EndpointChoice {
        guard let next = states.first(where: { state in !tried.contains { $0 === state } }) else {
            throw ProxyFailure(.pool, .gateway, .unavailable)
        }
        next.begin()
        return EndpointChoice(next)
    }

    func report(_ evidence: Evidence, of choice: EndpointChoice, at nanoseconds: Int64) {
        state.withLock { $0.evidence.append(evidence.untimed) }
    }

    func abandon(_ choice: EndpointChoice) {}

    func describe(in blueprint: inout Blueprint) {}
}

extension Evidence {
    /// The same without how long it took.
    var untimed: Evidence {
        switch self {
        case .answered(let status, _): .answered(status: status, nanoseconds: 0)
        case .connected: .connected(nanoseconds: 0)
        case .notConnected, .brokeOff, .timedOut, .malformed: self
        }
    }
}

/// A value that a test waits for.
final class Told<Value: Sendable>: Sendable {
    private struct State {
        var values: [Value] = []
        var waiters: [CheckedContinuation<Value, Never>] = []
    }

    private let state = Mutex(State())

    func tell(_ value: Value) {
        let waiter = state.withLock { state in
            if state.waiters.isEmpty { state.values.append(value) }
            return state.waiters.isEmpty ? nil : state.waiters.removeFirst()
        }
        waiter?.resume(returning: value)
    }

    var next: Value {
        get async {
            await withCheckedContinuation { continuation in
                let value = state.withLock { state in
                    if state.values.isEmpty { state.waiters.append(continuation) }
                    return state.values.isEmpty ? nil : state.values.removeFirst()
                }
                if let value { continuation.resume(returning: value) }
            }
        }
    }
}

/// A UDP socket of a client.
final class DatagramClient: Sendable {
    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>

        private let told: Told<ByteBuffer>

        init(_ told: Told<ByteBuffer>) { self.told = told }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { told.tell(unwrapInboundIn(data).data) }
    }

    private let channel: any Channel
    private let told: Told<ByteBuffer>
    private let server: SocketAddress

    init(to server: SocketAddress) async throws {
        let told = Told<ByteBuffer>()
        self.told = told
        self.server = server
        channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65_536))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Inbox(told))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    deinit { channel.close(promise: nil) }

    /// A port of this machine that nobody listens at.
    static func freePort() async throws -> Int {
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        defer { channel.close(promise: nil) }
        return channel.localAddress?.port ?? 0
    }

    func send(_ bytes: ByteBuffer) async throws {
        try await channel.writeAndFlush(AddressedEnvelope(remoteAddress: server, data: bytes)).get()
    }

    func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }

    func receive() async -> ByteBuffer { await told.next }

    func text() async -> String { String(buffer: await receive()) }
}
