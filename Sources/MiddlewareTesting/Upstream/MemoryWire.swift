package import Middleware
package import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// One end of a connection in memory.
///
/// ```swift
/// let (client, origin) = MemoryWire.pair(on: worker)
/// ```
///
/// It behaves as a socket does: bytes arrive on a later turn of the loop, in pieces; what is not read fills a bounded
/// buffer and makes the writer unwritable; bytes that were flushed arrive before an end or a reset that follows them; a
/// write to an end that has closed ends in a reset. Both ends live on one loop and are touched there only.
package final class MemoryWire: Wire {
    private struct Write {
        var bytes: ByteBuffer
        let done: ((Result<Void, any Error>) -> Void)?
    }

    /// What follows the bytes that are on their way.
    private enum Ending {
        case none
        case end
        case reset
        case delivered
    }

    private let worker: Worker
    private let capacity: Int
    private let pieceBytes: Int
    private let allowsHalfClosure: Bool
    private var peer: MemoryWire?
    private var handler: (any WireHandler)?
    private var queued: [Write] = []
    private var inTransit = CircularBuffer<Write>()
    private var waitingBytes = 0
    private var ending = Ending.none
    private var isReading = true
    private var inputEnded = false
    private var isPumpScheduled = false
    package private(set) var isWritable = true
    /// Whether this end is closed in both directions.
    package private(set) var isClosed = false

    private init(on worker: Worker, capacity: Int, pieceBytes: Int, allowsHalfClosure: Bool) {
        self.worker = worker
        self.capacity = capacity
        self.pieceBytes = max(1, pieceBytes)
        self.allowsHalfClosure = allowsHalfClosure
    }

    /// Two ends that are connected.
    ///
    /// - Parameters:
    ///   - worker: the loop of both.
    ///   - capacity: the bytes that may wait in each direction before the writer is told to stop.
    ///   - pieceBytes: the most bytes that arrive at once.
    ///   - clientHalfCloses: whether the first end stays open for writing when the second sends no more. The library's
    ///     own client sockets do not.
    package static func pair(
        on worker: Worker,
        capacity: Int = 64 << 10,
        pieceBytes: Int = 16 << 10,
        clientHalfCloses: Bool = false
    ) -> (client: MemoryWire, origin: MemoryWire) {
        let client = MemoryWire(
            on: worker, capacity: capacity, pieceBytes: pieceBytes, allowsHalfClosure: clientHalfCloses
        )
        let origin = MemoryWire(on: worker, capacity: capacity, pieceBytes: pieceBytes, allowsHalfClosure: true)
        client.peer = origin
        origin.peer = client
        return (client, origin)
    }

    /// Gives the events to `handler` from here on. What came before waits for this call.
    package func start(_ handler: any WireHandler) {
        self.handler = handler
        peer?.schedulePump()
    }

    // MARK: Wire

    package var bufferedBytes: Int { waitingBytes }

    package func write(_ bytes: ByteBuffer) { append(Write(bytes: bytes, done: nil)) }

    package func write(_ bytes: ByteBuffer, _ done: @escaping (Result<Void, any Error>) -> Void) {
        append(Write(bytes: bytes, done: done))
    }

    package func flush() {
        guard !queued.isEmpty else { return }
        inTransit.append(contentsOf: queued)
        queued.removeAll()
        schedulePump()
    }

    package func setReading(_ isReading: Bool) {
        guard self.isReading != isReading else { return }
        self.isReading = isReading
        if isReading { peer?.schedulePump() }
    }

    package func closeOutput() {
        guard !isClosed, case .none = ending else { return }
        flush()
        ending = .end
        schedulePump()
    }

    package func close() { closeAll(.end, error: nil) }

    package func reset() { closeAll(.reset, error: nil) }

    private func append(_ write: Write) {
        guard !isClosed, case .none = ending else {
            write.done?(.failure(isClosed ? ChannelError.ioOnClosedChannel : ChannelError.outputClosed))
            return
        }
        waitingBytes += write.bytes.readableBytes
        if waitingBytes >= capacity { isWritable = false }
        queued.append(write)
    }

    private func closeAll(_ ending: Ending, error: (any Error)?) {
        guard !isClosed else { return }
        isClosed = true
        let unsent = queued
        queued.removeAll()
        for write in unsent { write.done?(.failure(ChannelError.ioOnClosedChannel)) }
        switch self.ending {
        case .none: self.ending = ending
        case .end: if case .reset = ending { self.ending = .reset }
        case .reset, .delivered: break
        }
        // A reset reaches a far side that has seen the end of what is sent, and one that does not read.
        if case .reset = ending, case .delivered = self.ending { later { $0.peer?.fail() } }
        schedulePump()
        later { $0.tellClosed(error) }
    }

    // MARK: Passing on

    private func schedulePump() {
        guard !isPumpScheduled else { return }
        isPumpScheduled = true
        later { wire in
            wire.isPumpScheduled = false
            wire.pump()
        }
    }

    private func later(_ action: @escaping (MemoryWire) -> Void) {
        worker.eventLoop.assumeIsolated().execute { action(self) }
    }

    private func pump() {
        guard let peer else { return }
        if peer.isClosed {
            let isLost = !inTransit.isEmpty
            dropInTransit()
            if case .end = ending { ending = .delivered }
            if isLost { fail() }
            unlinkIfOver()
            return
        }
        guard peer.handler != nil else { return }
        if case .reset = ending, !peer.isReading { dropInTransit() }
        if inTransit.isEmpty {
            passEnding(to: peer)
            return
        }
        guard peer.isReading else { return }
        let (piece, done) = takePiece()
        peer.event {
            $0.received(piece)
            $0.receivedAll()
        }
        for done in done { done(.success(())) }
        if !isWritable, waitingBytes <= capacity / 2 {
            isWritable = true
            event { $0.writabilityChanged() }
        }
        schedulePump()
    }

    private func takePiece() -> (ByteBuffer, [(Result<Void, any Error>) -> Void]) {
        var piece = ByteBuffer()
        var done: [(Result<Void, any Error>) -> Void] = []
        while var write = inTransit.popFirst() {
            let room = pieceBytes - piece.readableBytes
            if var part = write.bytes.readSlice(length: min(room, write.bytes.readableBytes)) {
                piece.writeBuffer(&part)
            }
            guard write.bytes.readableBytes == 0 else {
                inTransit.prepend(write)
                break
            }
            if let callback = write.done { done.append(callback) }
            if piece.readableBytes == pieceBytes { break }
        }
        waitingBytes -= piece.readableBytes
        return (piece, done)
    }

    private func passEnding(to peer: MemoryWire) {
        switch ending {
        case .none, .delivered:
            return
        case .reset:
            ending = .delivered
            peer.fail()
        case .end:
            guard peer.isReading else { return }
            ending = .delivered
            peer.endInput()
            if inputEnded { closeAll(.end, error: nil) }
        }
        unlinkIfOver()
    }

    private func endInput() {
        inputEnded = true
        guard allowsHalfClosure else {
            closeAll(.end, error: nil)
            return
        }
        event { $0.inputClosed() }
        if case .delivered = ending { closeAll(.end, error: nil) }
    }

    /// The far side is gone, in spite of what was still to be sent.
    private func fail() {
        closeAll(.delivered, error: IOError(errnoCode: ECONNRESET, reason: "the far side has closed"))
        dropInTransit()
    }

    private func dropInTransit() {
        let dropped = inTransit
        inTransit.removeAll()
        for write in dropped { write.done?(.failure(ChannelError.ioOnClosedChannel)) }
    }

    private func unlinkIfOver() {
        guard let peer, isClosed, peer.isClosed, inTransit.isEmpty, peer.inTransit.isEmpty else { return }
        self.peer = nil
        peer.peer = nil
    }

    private func tellClosed(_ error: (any Error)?) {
        event { $0.closed(error) }
        handler = nil
        unlinkIfOver()
    }

    private func event(_ body: (any WireHandler) -> Void) {
        guard let handler else { return }
        worker.executor.beginEvent()
        body(handler)
        worker.executor.endEvent()
    }
}
