public import NIOCore
import Synchronization

/// The datagrams between one client and one address of this server. Safe to use from any thread.
///
/// Unchecked because it is touched on its worker's loop only: calls from elsewhere are moved there.
public final class DatagramSession: @unchecked Sendable {
    /// How long a session may be silent while its server stops.
    private static let drainIdle: Int64 = 1_000_000_000
    private static let copiedBytes = 8192

    private let worker: Worker
    private let queueLimit: Int
    private var idle: Int64
    private let firstIdle: Int64
    private var datagrams = 0
    private let line: any DatagramLine
    private var waiting: [ByteBuffer] = []
    private var reader: UnsafeContinuation<ByteBuffer?, any Error>?
    private var sink: (any DatagramSink)?
    private var timer: LoopTimer?
    @exclusivity(unchecked) private var lastActivity: Int64
    private var end: Result<Void, any Error>?

    /// - Parameter line: where what is sent goes, and who is told of the end.
    package init(_ line: any DatagramLine, limits: DatagramLimits, on worker: Worker) {
        self.line = line
        queueLimit = limits.queuedDatagrams
        idle = limits.idleTimeout.nanoseconds
        firstIdle = limits.firstIdleTimeout.nanoseconds
        self.worker = worker
        lastActivity = worker.eventNow
    }

    // MARK: For handlers

    /// The next datagram of the client; `nil` when the session is over. One reader. The handler's task is cancelled with
    /// the end of its session, so that what it awaits behind it may throw.
    ///
    /// Throws `CancellationError` when its task is cancelled, which ends the session.
    public nonisolated(nonsending) func receive() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                worker.perform { self.take(continuation) }
            }
        } onCancel: {
            worker.perform { self.finish(.failure(CancellationError())) }
        }
    }

    /// Sends a datagram to the client, of at most 65,507 bytes. It is dropped when the socket takes no more just now, as
    /// the network might drop it too.
    public func send(_ bytes: ByteBuffer) {
        worker.perform {
            self.write(bytes)
            self.flush()
        }
    }

    private func take(_ continuation: UnsafeContinuation<ByteBuffer?, any Error>) {
        if !waiting.isEmpty {
            continuation.resume(returning: waiting.removeFirst())
        } else if case .failure(let error) = end {
            continuation.resume(throwing: error)
        } else if end != nil || reader != nil {
            continuation.resume(returning: nil)
        } else {
            reader = continuation
        }
    }

    // MARK: For the listener, on the loop

    /// Starts to watch for silence.
    package func start() { checkIdle() }

    /// The server stops: a moment of silence is enough.
    package func drain() {
        idle = min(idle, Self.drainIdle)
        if end == nil { checkIdle() }
    }

    /// A datagram of the client came.
    package func received(_ bytes: ByteBuffer) {
        guard end == nil else { return }
        lastActivity = worker.eventNow
        datagrams &+= 1
        if let sink {
            sink.received(bytes)
        } else if let reader {
            self.reader = nil
            reader.resume(returning: bytes)
        } else if waiting.count < queueLimit {
            // A small one would keep the whole buffer that it was read into.
            let isSmall = bytes.readableBytes <= Self.copiedBytes
            waiting.append(isSmall ? ByteBuffer(bytes: bytes.readableBytesView) : bytes)
        } else {
            line.dropped()
        }
    }

    /// The batch is over.
    package func receivedAll() { sink?.receivedAll() }

    /// Ends it, once. Its task is cancelled by whoever listens.
    package func finish(_ result: Result<Void, any Error>) {
        guard end == nil else { return }
        end = result
        timer?.invalidate()
        timer = nil
        switch result {
        case .success: reader?.resume(returning: nil)
        case .failure(let error): reader?.resume(throwing: error)
        }
        reader = nil
        let sink = sink
        self.sink = nil
        sink?.ended(result)
        line.ended()
    }

    private func checkIdle() {
        let idle = datagrams > 1 ? idle : min(idle, firstIdle)
        let (instant, overflow) = lastActivity.addingReportingOverflow(idle)
        guard !overflow else { return }
        guard instant > worker.now else {
            finish(.success(()))
            return
        }
        let timer = self.timer ?? LoopTimer(on: worker.timers) { [weak self] in self?.checkIdle() }
        self.timer = timer
        timer.set(instant)
    }

    // MARK: For relays, on the loop

    /// Gives what comes, and came, to `sink` from here on.
    package func join(_ sink: any DatagramSink) {
        if let end {
            sink.ended(end)
            return
        }
        self.sink = sink
        for bytes in waiting { sink.received(bytes) }
        waiting.removeAll()
        sink.receivedAll()
    }

    /// Queues a datagram for the client.
    package func write(_ bytes: ByteBuffer) {
        guard end == nil else { return }
        lastActivity = worker.eventNow
        line.write(bytes)
    }

    /// Sends what is queued.
    package func flush() { line.flush() }
}

/// The way from a session to its client. On the loop only.
package protocol DatagramLine: AnyObject {
    /// Queues a datagram, or drops it.
    func write(_ bytes: ByteBuffer)
    /// Sends what is queued.
    func flush()
    /// A datagram of the client was dropped for want of room.
    func dropped()
    /// The session is over.
    func ended()
}

/// Who gets the datagrams of a session in place of its reader. On the loop only.
package protocol DatagramSink: AnyObject {
    /// A datagram came.
    func received(_ bytes: ByteBuffer)
    /// The batch is over.
    func receivedAll()
    /// The session is over: orderly by silence, or broken off.
    func ended(_ result: Result<Void, any Error>)
}
