import MiddlewareTesting
import NIOCore
import NIOPosix
import Synchronization

@testable import Middleware

/// One event loop of a server without sockets: its connections are in memory, and its time is moved by the test.
///
/// ```swift
/// let stand = ServerStand(handler) { $0.timeouts.head = .seconds(5) }
/// let client = try await stand.connect()
/// try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
/// #expect(try await client.answer().status == 200)
/// ```
final class ServerStand: Sendable {
    let time = ManualTime()
    let runtime: Runtime
    let worker: Worker
    let server: ServerWorker

    init(_ handler: any Handler, _ configure: (inout Server.Configuration) -> Void = { _ in }) {
        var configuration = Server.Configuration()
        configure(&configuration)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        runtime = Runtime(time: time, logger: TestClient.silentLogger, randomness: SeededRandomness(), group: loop)
        worker = runtime.workers.all[0]
        server = ServerWorker(
            worker,
            runtime: runtime,
            configuration: configuration,
            census: ConnectionCensus(limit: .max, limitPerAddress: .max),
            root: handler
        )
    }

    /// A client of the server, connected in memory.
    ///
    /// - Parameters:
    ///   - capacity: the bytes that may be on their way before the writer is told to stop.
    ///   - pieceBytes: the most bytes that arrive at once.
    func connect(
        capacity: Int = 64 << 10,
        pieceBytes: Int = 16 << 10,
        peer: Peer = Peer()
    ) async throws -> StandClient {
        try await onTurn { [self] in
            let (near, far) = MemoryWire.pair(
                on: worker, capacity: capacity, pieceBytes: pieceBytes, clientHalfCloses: true
            )
            let connection = ServerConnection(far, server: server, peer: peer)
            let tap = Tap(connection)
            far.start(tap)
            let client = StandClient(near, on: self, to: connection, through: tap)
            near.start(client)
            connection.start()
            return client
        }
    }

    /// A client behind a line that the test can hold: what the server flushed waits there, and is lost when the server
    /// closes at once, as it is in a socket's queue.
    func connectHeld(capacity: Int = 64 << 10) async throws -> HeldClient {
        try await onTurn { [self] in
            let (near, far) = QueueWire.pair(on: worker.eventLoop, capacity: capacity)
            let connection = ServerConnection(far, server: server, peer: Peer())
            far.handler = connection
            let client = HeldClient(FarEnd(near), line: far, on: self)
            connection.start()
            return client
        }
    }

    // MARK: The loop

    /// Runs a piece of work as a turn of the loop.
    func onTurn<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await worker.eventLoop.submit(work).get()
    }

    /// Lets the loop do what is ready, and what that makes ready.
    func settle(turns: Int = 24) async throws {
        for _ in 0..<turns { try await onTurn {} }
    }

    /// Lets the loop go on until something holds, which is looked at on the loop; `false` when it never does.
    func until(_ condition: @escaping @Sendable () -> Bool) async throws -> Bool {
        let patience = Patience()
        repeat { if try await onTurn(condition) { return true } } while patience.lasts()
        return false
    }

    /// Moves time in small steps, after each of which the loop acts.
    func pass(_ duration: Duration, step: Duration = .milliseconds(250)) async throws {
        var left = duration
        while left > .zero {
            time.advance(by: min(step, left))
            left -= step
            try await settle(turns: 4)
        }
    }

    // MARK: The server

    func replace(_ handler: any Handler) async throws {
        try await onTurn { [server] in server.root = ServerWorker.Root(handler) }
    }

    /// Starts a drain; the notes say `drained` when nothing is left.
    func drain(_ notes: Notes) async throws {
        try await onTurn { [server] in server.drain { notes.add("drained") } }
    }

    func abort() async throws {
        try await onTurn { [server] in server.abort() }
    }
}

/// How long a test waits for what should come at once: so many turns of a loop, and on a busy machine some seconds
/// more. Real time passes for what does not come, and for nothing else.
final class Patience {
    private let end = ContinuousClock.now.advanced(by: .seconds(3))
    private var turns = 5000

    func lasts() -> Bool {
        turns -= 1
        return turns > 0 || ContinuousClock.now < end
    }
}

/// A client on a ``ServerStand`` whose line can be held. Unchecked because it is touched on its loop only.
final class HeldClient: @unchecked Sendable {
    private let end: FarEnd
    private let line: QueueWire
    private let stand: ServerStand

    init(_ end: FarEnd, line: QueueWire, on stand: ServerStand) {
        self.end = end
        self.line = line
        self.stand = stand
    }

    func send(_ text: String) async throws { try await stand.onTurn { [end] in end.send(text) } }

    func finishSending() async throws { try await stand.onTurn { [end] in end.wire.closeOutput() } }

    /// Holds and frees what the server has sent.
    func hold(_ isHeld: Bool) async throws { try await stand.onTurn { [line] in line.isHeld = isHeld } }

    /// Lets some of what is held come.
    func pass(_ count: Int) async throws { try await stand.onTurn { [line] in line.pass(count) } }

    /// What has come so far.
    func text() async throws -> String { try await stand.onTurn { [end] in end.text } }

    /// Whether the server has closed, in order or not.
    func isOver() async throws -> Bool {
        try await stand.onTurn { [end] in end.hasEnded || end.isClosed }
    }
}
