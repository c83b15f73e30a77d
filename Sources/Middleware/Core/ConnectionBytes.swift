import HTTPTypes
package import NIOCore
import Synchronization

/// The event side of a raw connection: a wire handler that feeds one reader and paces one writer.
///
/// Unchecked because it is touched on its worker's loop only: reads and writes from elsewhere are moved there.
package final class ConnectionBytes: WireHandler, @unchecked Sendable {
    /// How many bytes may wait for the reader before the wire is no longer read.
    private static let readAheadBytes = 64 << 10
    /// How long a closing connection has to send what was written.
    private static let closeTimeout: Int64 = 30_000_000_000

    private let wire: any Wire
    private let worker: Worker
    private var incoming: ByteBuffer?
    private var reader: UnsafeContinuation<ByteBuffer?, any Error>?
    private var writer: UnsafeContinuation<Void, any Error>?
    private var inputEnded = false
    private var outputEnded = false
    private var outputLeft = false
    private var closeTimer: LoopTimer?
    private var isClosed = false
    private var failure: (any Error)?
    /// When something was read or written last, by the worker's clock.
    fileprivate let lastActivity: Atomic<Int64>
    private let onClose: () -> Void

    /// - Parameters:
    ///   - early: bytes that were read before the connection became raw.
    ///   - onClose: called once when both directions are over.
    package init(_ wire: any Wire, on worker: Worker, early: ByteBuffer?, onClose: @escaping () -> Void) {
        self.wire = wire
        self.worker = worker
        self.incoming = early
        self.onClose = onClose
        lastActivity = Atomic(worker.now)
    }

    // MARK: Reader and writer

    func read() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                worker.perform { self.take(continuation) }
            }
        } onCancel: {
            worker.perform { self.fail(CancellationError()) }
        }
    }

    func write(_ buffer: ByteBuffer) async throws {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                worker.perform { self.send(buffer, continuation) }
            }
        } onCancel: {
            worker.perform { self.fail(CancellationError()) }
        }
    }

    func finish() {
        worker.perform {
            guard !self.outputEnded, self.failure == nil else { return }
            self.outputEnded = true
            self.whenWritten {
                self.outputLeft = true
                if self.inputEnded { self.wire.close() } else { self.wire.closeOutput() }
            }
        }
    }

    /// Closes once what was written has left, or when that takes too long.
    package func close() {
        worker.perform {
            guard self.failure == nil, !self.isClosed, self.closeTimer == nil else { return }
            self.outputEnded = true
            let timer = LoopTimer(on: self.worker.timers) { self.wire.close() }
            timer.set(self.worker.now + Self.closeTimeout)
            self.closeTimer = timer
            self.whenWritten { self.wire.close() }
        }
    }

    private func whenWritten(_ action: @escaping () -> Void) {
        wire.write(ByteBuffer()) { _ in action() }
        wire.flush()
    }

    private func take(_ continuation: UnsafeContinuation<ByteBuffer?, any Error>) {
        if let bytes = incoming {
            incoming = nil
            wire.setReading(true)
            continuation.resume(returning: bytes)
        } else if let failure {
            continuation.resume(throwing: failure)
        } else if inputEnded || reader != nil {
            continuation.resume(returning: nil)
        } else {
            reader = continuation
        }
    }

    private func send(_ buffer: ByteBuffer, _ continuation: UnsafeContinuation<Void, any Error>) {
        if let failure {
            continuation.resume(throwing: failure)
            return
        }
        guard !outputEnded, writer == nil else {
            continuation.resume(throwing: ChannelError.outputClosed)
            return
        }
        lastActivity.store(worker.now, ordering: .relaxed)
        wire.write(buffer)
        wire.flush()
        if wire.isWritable { continuation.resume() } else { writer = continuation }
    }

    // MARK: Events

    package func received(_ bytes: ByteBuffer) {
        lastActivity.store(worker.now, ordering: .relaxed)
        if let reader {
            self.reader = nil
            reader.resume(returning: bytes)
            return
        }
        var bytes = bytes
        if incoming == nil { incoming = bytes } else { incoming?.writeBuffer(&bytes) }
        if let waiting = incoming?.readableBytes, waiting >= Self.readAheadBytes { wire.setReading(false) }
    }

    package func receivedAll() {}

    package func inputClosed() {
        inputEnded = true
        reader?.resume(returning: nil)
        reader = nil
        if outputLeft { wire.close() }
    }

    package func writabilityChanged() {
        guard wire.isWritable else { return }
        writer?.resume()
        writer = nil
    }

    package func closed(_ error: (any Error)?) {
        if error != nil || !outputEnded { fail(error ?? ChannelError.ioOnClosedChannel) }
        inputEnded = true
        reader?.resume(returning: nil)
        reader = nil
        writer?.resume(throwing: ChannelError.ioOnClosedChannel)
        writer = nil
        isClosed = true
        closeTimer?.invalidate()
        closeTimer = nil
        onClose()
    }

    private func fail(_ error: any Error) {
        guard failure == nil else { return }
        failure = error
        reader?.resume(throwing: error)
        reader = nil
        writer?.resume(throwing: error)
        writer = nil
        wire.close()
    }

    // MARK: Relay

    static func relay(
        _ one: (Connection.Inbound, Connection.Outbound),
        _ other: (Connection.Inbound, Connection.Outbound),
        idle: Duration
    ) async throws {
        let first = one.0.bytes
        let watch = IdleWatch([first, other.0.bytes], on: first.worker, idle: idle)
        defer { watch.stop() }
        async let forward: Void = copy(one.0, other.1)
        async let backward: Void = copy(other.0, one.1)
        _ = try await (forward, backward)
    }

    /// Copies one direction. Whichever fails first ends both connections, so that the other direction ends as well.
    private static func copy(_ from: Connection.Inbound, _ to: Connection.Outbound) async throws {
        do {
            while let bytes = try await from.read() { try await to.write(bytes) }
            to.finish()
        } catch {
            for side in [from.bytes, to.bytes] { side.worker.perform { side.fail(error) } }
            throw error
        }
    }

    /// Fails connections among which nothing has moved for a while. Unchecked: on its worker's loop only.
    private final class IdleWatch: @unchecked Sendable {
        private let connections: [ConnectionBytes]
        private let worker: Worker
        private let idle: Int64
        private var timer: LoopTimer?

        init(_ connections: [ConnectionBytes], on worker: Worker, idle: Duration) {
            self.connections = connections
            self.worker = worker
            self.idle = idle.nanoseconds
            worker.perform { self.check() }
        }

        func stop() {
            worker.perform {
                self.timer?.invalidate()
                self.timer = nil
            }
        }

        private func check() {
            // By the clock of each connection's own loop: those of two runtimes need not have the same time.
            let silent = connections.reduce(Int64.max) { silent, connection in
                min(silent, connection.worker.now - connection.lastActivity.load(ordering: .relaxed))
            }
            guard silent < idle else {
                for connection in connections { connection.worker.perform { connection.fail(DeadlineExceeded()) } }
                return
            }
            let (end, overflow) = worker.now.addingReportingOverflow(idle - silent)
            guard !overflow else { return }
            let timer = self.timer ?? LoopTimer(on: worker.timers) { [weak self] in self?.check() }
            self.timer = timer
            timer.set(end)
        }
    }
}
