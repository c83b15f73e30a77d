import HTTPTypes
import MiddlewareTesting
import NIOCore
import NIOPosix

@testable import Middleware

/// A forwarder on one loop and on manual time, with the far end of every connection in the hands of the test.
///
/// Unchecked because everything is touched on its loop only.
final class UpstreamRig: @unchecked Sendable {
    let time = ManualTime()
    let dialer = HandDialer()
    let endpoint: Endpoint = "origin:80"
    let configuration: Forwarder.Configuration
    let runtime: Runtime
    let worker: Worker
    private let forwarder: Forwarder
    private var exchanges: [RigExchange] = []

    init(_ configuration: Forwarder.Configuration) {
        self.configuration = configuration
        forwarder = Forwarder(configuration)
        runtime = Runtime(
            time: time,
            logger: TestClient.silentLogger,
            randomness: SeededRandomness(),
            group: MultiThreadedEventLoopGroup.singleton.next(),
            dialer: dialer
        )
        worker = runtime.workers.current
    }

    /// The origins' ends of the connections, in the order in which they were opened.
    var origins: [HandOrigin] { dialer.origins }

    /// The pool under test.
    var pool: ConnectionPool { UpstreamPools.of(makeContext()).pool(endpoint, configuration.connections, of: self) }

    /// The pools of the loop.
    var poolCount: Int { UpstreamPools.of(makeContext()).count }

    /// Idle, busy and waiting.
    var counts: [Int] { [pool.idleCount, pool.busyCount, pool.waiterCount] }

    func makeContext(watchesTask: Bool = false) -> RequestContext {
        RequestContext(runtime: runtime, worker: worker, peer: TestClient.defaultPeer, watchesTask: watchesTask)
    }

    /// Starts to forward a request.
    ///
    /// - Parameters:
    ///   - reads: whether the body of the answer is read as it comes.
    ///   - watchesTask: whether the exchange is that of a bare task, which is cancelled; else it is like a server's.
    ///   - limit: a deadline of the context.
    func send(
        _ request: Request,
        to endpoint: Endpoint? = nil,
        reads: Bool = true,
        watchesTask: Bool = false,
        limit: Duration? = nil,
        version: String? = nil
    ) -> RigExchange {
        let context = makeContext(watchesTask: watchesTask)
        if let version { context[ProtocolKey.self] = version }
        let exchange = RigExchange(context, request, limit: limit)
        exchanges.append(exchange)
        let target = endpoint ?? self.endpoint
        exchange.task = Task(executorPreference: worker.executor) { [forwarder] in
            await exchange.run(forwarder, to: target)
            if reads { await exchange.read() }
        }
        return exchange
    }

    func get(_ path: String = "/", reads: Bool = true) -> RigExchange { send(Request(.get, path), reads: reads) }

    /// A request that was sent and has reached an origin.
    func sent(_ request: Request, reads: Bool = true) async -> RigExchange {
        let exchange = send(request, reads: reads)
        await settle()
        return exchange
    }

    /// Lets everything happen that can.
    func settle(turns: Int = 60) async {
        for _ in 0..<turns {
            await withCheckedContinuation { continuation in
                worker.eventLoop.execute { continuation.resume() }
            }
        }
    }

    /// Moves the clock once everything has happened that can.
    func advance(_ duration: Duration) async {
        await settle()
        time.advance(by: duration)
        await settle()
    }

    /// Ends what a test left behind, so that no continuation is lost.
    func end() async {
        for exchange in exchanges { exchange.leave() }
        dialer.failPending()
        await settle()
    }
}

extension Forwarder.Configuration {
    /// Sends neither `Via` nor forwarding fields unless it is told.
    static func quiet(_ configure: (inout Forwarder.Configuration) -> Void = { _ in }) -> Forwarder.Configuration {
        var configuration = Forwarder.Configuration()
        configuration.via = .none
        configuration.forwarded = .untouched
        configure(&configuration)
        return configuration
    }
}

/// Runs a test on the loop of a rig.
@concurrent func withRig(
    _ configuration: Forwarder.Configuration = .quiet(),
    _ body: nonisolated(nonsending) @Sendable (UpstreamRig) async throws -> Void
) async throws {
    let rig = UpstreamRig(configuration)
    try await withTaskExecutorPreference(rig.worker.executor) {
        do {
            try await body(rig)
        } catch {
            await rig.end()
            throw error
        }
        await rig.end()
    }
}

/// One request on its way through a ``UpstreamRig``. Unchecked because it is touched on the rig's loop only.
final class RigExchange: @unchecked Sendable {
    private(set) var context: RequestContext?
    private(set) var status: Int?
    private(set) var headers = Headers()
    private(set) var failure: (any Error)?
    private(set) var informational: [Int] = []
    private(set) var body = ""
    private(set) var trailers: Headers?
    private(set) var isWhole = false
    /// Set for as long as the body is not read to its end.
    private(set) var source: (any BodySource)?
    var task: Task<Void, Never>?
    private var request: Request?
    private let limit: Duration?

    init(_ context: RequestContext, _ request: Request, limit: Duration?) {
        self.context = context
        self.request = request
        self.limit = limit
        context.informational = { [weak self] status, _ in self?.informational.append(status.code) }
    }

    /// Everything that became of it: `200 content`, `200 half, broken: closedInBody`, `failed: connect.origin.refused`.
    var outcome: String {
        guard let status else { return failure.map { "failed: \(Self.code($0))" } ?? "waiting" }
        if let failure { return "\(status) \(body), broken: \(Self.code(failure))" }
        return isWhole ? "\(status) \(body)" : "\(status) \(body)…"
    }

    func run(_ forwarder: Forwarder, to endpoint: Endpoint) async {
        guard let context, let request else { return }
        self.request = nil
        do {
            let scope = limit.map { ScopeBox(context.limit(to: $0)) }
            let response = try await forwarder.forward(request, to: endpoint, context: context)
            status = response.status.code
            headers = response.headers
            source = try response.body.open()
            withExtendedLifetime(scope) {}
            self.scope = scope
        } catch {
            failure = error
        }
    }

    /// Reads the body to its end.
    func read() async {
        while source != nil { await readPart() }
    }

    /// Reads once.
    @discardableResult
    func readPart() async -> ByteBuffer? {
        guard let source else { return nil }
        do {
            switch try await source.read() {
            case .bytes(let part):
                body += String(buffer: part)
                return part
            case .end(let trailers):
                self.trailers = trailers
                isWhole = true
            }
        } catch {
            failure = error
        }
        self.source = nil
        return nil
    }

    /// The client goes away.
    func leave() {
        context?.cancellation.fail(CancellationError())
        task?.cancel()
    }

    /// Drops the answer without reading it.
    func drop() { source = nil }

    private var scope: ScopeBox?

    private static func code(_ error: any Error) -> String {
        switch error {
        case let failure as ProxyFailure: failure.code
        case let failure as UpstreamFailure: "\(failure.kind)"
        default: "\(type(of: error))"
        }
    }
}

/// Holds a deadline.
private final class ScopeBox {
    private let scope: DeadlineScope

    init(_ scope: consuming DeadlineScope) { self.scope = scope }
}

/// Opens connections as a test says. Unchecked because it is touched on its loop only.
final class HandDialer: Dialer, @unchecked Sendable {
    /// What becomes of an attempt.
    enum Behaviour {
        case accepts
        case refuses
        /// It waits for ``Attempt/accept()`` or ``Attempt/fail(_:)``.
        case waits
    }

    var behaviour = Behaviour.accepts
    /// The bytes that a wire takes before its writer is told to stop.
    var capacity = 64 << 10
    var pieceBytes = 16 << 10
    /// Called with every write of the gateway's side.
    var onWrite: (String) -> Void = { _ in }
    private(set) var attempts: [Attempt] = []
    private(set) var origins: [HandOrigin] = []

    /// The attempts that have come to no end.
    var pending: [Attempt] { attempts.filter { !$0.isOver } }

    func failPending() {
        behaviour = .refuses
        for attempt in pending { attempt.fail() }
    }

    func dial(
        _ address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken {
        let attempt = Attempt(self, worker, completion)
        attempts.append(attempt)
        let behaviour = behaviour
        worker.eventLoop.assumeIsolated().execute {
            switch behaviour {
            case .accepts: attempt.accept()
            case .refuses: attempt.fail()
            case .waits: break
            }
        }
        return TimerToken { worker.perform { attempt.cancel() } }
    }

    /// One attempt. Unchecked because it is touched on its loop only.
    final class Attempt: @unchecked Sendable {
        private let dialer: HandDialer
        private let worker: Worker
        private let completion: (Result<any Wire, any Error>) -> (any WireHandler)?
        private(set) var isOver = false
        private(set) var isCancelled = false

        init(
            _ dialer: HandDialer,
            _ worker: Worker,
            _ completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
        ) {
            self.dialer = dialer
            self.worker = worker
            self.completion = completion
        }

        func accept() {
            guard !isOver else { return }
            isOver = true
            let (client, far) = MemoryWire.pair(on: worker, capacity: dialer.capacity, pieceBytes: dialer.pieceBytes)
            let origin = HandOrigin(far)
            dialer.origins.append(origin)
            far.start(origin)
            worker.executor.beginEvent()
            let wire = HookedWire(client) { [dialer] in dialer.onWrite($0) }
            if let handler = completion(.success(wire)) { client.start(handler) } else { client.close() }
            worker.executor.endEvent()
        }

        func fail(_ error: any Error = IOError(errnoCode: ECONNREFUSED, reason: "connect")) {
            guard !isOver else { return }
            isOver = true
            worker.executor.beginEvent()
            _ = completion(.failure(error))
            worker.executor.endEvent()
        }

        func cancel() {
            isCancelled = true
            fail(CancellationError())
        }
    }
}

/// The origin's end of a connection.
final class HandOrigin: WireHandler {
    let wire: MemoryWire
    /// What came and was not taken.
    private(set) var text = ""
    private(set) var hasEnded = false
    private var supply = 0
    private(set) var supplied = 0

    init(_ wire: MemoryWire) { self.wire = wire }

    func send(_ text: String) {
        wire.write(ByteBuffer(string: text))
        wire.flush()
    }

    /// Takes what came.
    func take() -> String {
        defer { text = "" }
        return text
    }

    /// Sends so many bytes as the far side takes them.
    func send(count: Int) {
        supply = count
        pump()
    }

    func received(_ bytes: ByteBuffer) { text += String(buffer: bytes) }
    func receivedAll() {}
    func closed(_ error: (any Error)?) { hasEnded = true }
    func writabilityChanged() { pump() }

    func inputClosed() {
        hasEnded = true
        wire.close()
    }

    private func pump() {
        while supplied < supply, wire.isWritable {
            let part = min(10_000, supply - supplied)
            supplied += part
            wire.write(ByteBuffer(repeating: 0x61, count: part))
            wire.flush()
        }
    }
}

/// A wire that tells of each write.
private final class HookedWire: Wire {
    private let wire: MemoryWire
    private let onWrite: (String) -> Void

    init(_ wire: MemoryWire, onWrite: @escaping (String) -> Void) {
        self.wire = wire
        self.onWrite = onWrite
    }

    var isWritable: Bool { wire.isWritable }
    var bufferedBytes: Int { wire.bufferedBytes }

    func write(_ bytes: ByteBuffer) {
        onWrite(String(buffer: bytes))
        wire.write(bytes)
    }

    func write(_ bytes: ByteBuffer, _ done: @escaping (Result<Void, any Error>) -> Void) {
        onWrite(String(buffer: bytes))
        wire.write(bytes, done)
    }

    func flush() { wire.flush() }
    func setReading(_ isReading: Bool) { wire.setReading(isReading) }
    func closeOutput() { wire.closeOutput() }
    func close() { wire.close() }
    func reset() { wire.reset() }
}

extension String {
    /// The first bytes of ASCII text, of which CR LF are two.
    func firstBytes(_ count: Int) -> String { String(decoding: utf8.prefix(count), as: UTF8.self) }

    /// What stands behind the first bytes of ASCII text.
    func droppingBytes(_ count: Int) -> String { String(decoding: utf8.dropFirst(count), as: UTF8.self) }
}
