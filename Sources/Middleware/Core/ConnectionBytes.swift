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

    let wire: any Wire
    let worker: Worker
    private var incoming: ByteBuffer?
    private var reader: UnsafeContinuation<ByteBuffer?, any Error>?
    private var writer: UnsafeContinuation<Void, any Error>?
    private(set) var inputEnded = false
    private var outputEnded = false
    private var outputLeft = false
    private var closeTimer: LoopTimer?
    private var isClosed = false
    private(set) var failure: (any Error)?
    /// Where what comes goes straight to, and who joined the two.
    @exclusivity(unchecked) private var partner: ConnectionBytes?
    private var relay: ConnectionRelay?
    private var counter: MetricCounter?
    @exclusivity(unchecked) private var uncounted = 0
    /// When something was read or written last, by the worker's clock.
    let lastActivity: Atomic<Int64>
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
            self.whenWritten { self.endOutput() }
        }
    }

    private func endOutput() {
        outputLeft = true
        if inputEnded { wire.close() } else { wire.closeOutput() }
    }

    /// Nobody uses the connection any more: it closes on the next turn of the loop, so that whoever lets go of it by
    /// throwing can still reset it.
    func letGo() {
        worker.eventLoop.execute {
            self.worker.executor.beginEvent()
            self.close()
            self.worker.executor.endEvent()
        }
    }

    /// Ends the connection so that the far side sees a reset.
    package func reset() { worker.perform { self.fail(ChannelError.ioOnClosedChannel) } }

    /// Puts bytes that were read in front of those that come.
    package func unread(_ bytes: ByteBuffer) {
        worker.perform {
            guard bytes.readableBytes > 0 else { return }
            var bytes = bytes
            if var rest = self.incoming { bytes.writeBuffer(&rest) }
            self.incoming = bytes
        }
    }

    /// Closes once what was written has left; resets when nothing of it leaves for too long, since an orderly end would
    /// make what was cut look whole.
    package func close() {
        worker.perform {
            guard self.failure == nil, !self.isClosed, self.closeTimer == nil else { return }
            self.outputEnded = true
            // A partner's bytes count as written in time for as long as they leave.
            self.closeWhenLeft(self.wire.bufferedBytes)
            self.whenWritten { self.wire.close() }
        }
    }

    private func closeWhenLeft(_ waiting: Int) {
        let timer = LoopTimer(on: worker.timers) { [weak self] in
            guard let self else { return }
            let left = wire.bufferedBytes
            if left < waiting { closeWhenLeft(left) } else { wire.reset() }
        }
        closeTimer?.invalidate()
        closeTimer = timer
        timer.set(worker.now + Self.closeTimeout)
    }

    /// Runs `action` once what was written has left. What could not leave has broken the connection.
    private func whenWritten(_ action: @escaping () -> Void) {
        wire.write(ByteBuffer()) { result in
            switch result {
            case .success: action()
            case .failure(let error): self.fail(error)
            }
        }
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
        lastActivity.store(worker.eventNow, ordering: .relaxed)
        if let partner {
            uncounted &+= bytes.readableBytes
            partner.wire.write(bytes)
            return
        }
        if let reader {
            self.reader = nil
            reader.resume(returning: bytes)
            return
        }
        var bytes = bytes
        if incoming == nil { incoming = bytes } else { incoming?.writeBuffer(&bytes) }
        if let waiting = incoming?.readableBytes, waiting >= Self.readAheadBytes { wire.setReading(false) }
    }

    package func receivedAll() {
        guard let partner else { return }
        partner.wire.flush()
        counter?.increment(by: uncounted)
        uncounted = 0
        if !partner.wire.isWritable { wire.setReading(false) }
    }

    package func inputClosed() {
        endInput()
        if outputLeft { wire.close() }
    }

    private func endInput() {
        guard !inputEnded else { return }
        inputEnded = true
        reader?.resume(returning: nil)
        reader = nil
        partner?.finish()
        relay?.sideEnded()
    }

    package func writabilityChanged() {
        guard wire.isWritable else { return }
        if let partner {
            lastActivity.store(worker.eventNow, ordering: .relaxed)
            partner.wire.setReading(true)
        }
        writer?.resume()
        writer = nil
    }

    package func closed(_ error: (any Error)?) {
        if error != nil || !outputEnded { fail(error ?? ChannelError.ioOnClosedChannel) }
        endInput()
        writer?.resume(throwing: ChannelError.ioOnClosedChannel)
        writer = nil
        isClosed = true
        closeTimer?.invalidate()
        closeTimer = nil
        onClose()
    }

    /// Ends both directions at once. The far side sees a reset: an orderly end would make what was cut look whole.
    func fail(_ error: any Error) {
        guard failure == nil else { return }
        failure = error
        reader?.resume(throwing: error)
        reader = nil
        writer?.resume(throwing: error)
        writer = nil
        relay?.fail(error)
        wire.reset()
    }

    // MARK: Relay

    /// From here on everything that comes, and came, goes straight to `partner`.
    func join(_ partner: ConnectionBytes, by relay: ConnectionRelay, counting counter: MetricCounter?) {
        self.partner = partner
        self.relay = relay
        self.counter = counter
        if let bytes = incoming {
            incoming = nil
            received(bytes)
            receivedAll()
        }
        if inputEnded { partner.finish() } else { wire.setReading(partner.wire.isWritable) }
    }

    /// Goes on alone.
    func part() {
        partner = nil
        relay = nil
        counter = nil
    }
}
