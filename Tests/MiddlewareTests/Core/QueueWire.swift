import Middleware
import NIOCore

/// One end of a connection in memory. Unchecked because it is touched on its loop only.
///
/// What is flushed reaches the other end on a later turn of the loop, while that end reads and the line is not held.
final class QueueWire: Wire, @unchecked Sendable {
    struct Reset: Error {}

    var handler: (any WireHandler)?
    /// While it is set, nothing that was flushed leaves: the bytes wait as they do for a slow socket.
    var isHeld = false { didSet { scheduleDelivery() } }
    private(set) var isReading = true
    private(set) var isClosed = false
    private let eventLoop: any EventLoop
    private let capacity: Int
    private weak var peer: QueueWire?
    private var written: [ByteBuffer] = []
    private var flushed: [ByteBuffer] = []
    private var isEnding = false
    private var hasEnded = false
    private var wasWritable = true

    private init(_ eventLoop: any EventLoop, capacity: Int) {
        self.eventLoop = eventLoop
        self.capacity = capacity
    }

    /// Two ends, each of which takes `capacity` bytes before it is no longer writable.
    static func pair(on eventLoop: any EventLoop, capacity: Int) -> (QueueWire, QueueWire) {
        let (one, other) = (QueueWire(eventLoop, capacity: capacity), QueueWire(eventLoop, capacity: capacity))
        one.peer = other
        other.peer = one
        return (one, other)
    }

    /// Who is told once everything has left.
    private var waiting: [(Result<Void, any Error>) -> Void] = []

    var bufferedBytes: Int { (written + flushed).reduce(0) { $0 + $1.readableBytes } }
    var isWritable: Bool { bufferedBytes < capacity }

    /// Lets so many bytes leave although the line is held.
    func pass(_ count: Int) {
        var count = count
        while count > 0, !flushed.isEmpty, let part = flushed[0].readSlice(length: min(count, flushed[0].readableBytes))
        {
            if flushed[0].readableBytes == 0 { flushed.removeFirst() }
            count -= part.readableBytes
            if part.readableBytes > 0 { peer?.handler?.received(part) }
        }
    }

    func write(_ bytes: ByteBuffer) {
        guard !isClosed, !isEnding else { return }
        written.append(bytes)
        wasWritable = isWritable
    }

    func write(_ bytes: ByteBuffer, _ done: @escaping (Result<Void, any Error>) -> Void) {
        write(bytes)
        waiting.append(done)
    }

    func flush() {
        flushed += written
        written.removeAll()
        scheduleDelivery()
    }

    func setReading(_ isReading: Bool) {
        self.isReading = isReading
        peer?.scheduleDelivery()
    }

    func closeOutput() {
        flush()
        isEnding = true
        scheduleDelivery()
    }

    func close() { close(nil) }

    func reset() { close(Reset()) }

    private func close(_ error: (any Error)?) {
        guard !isClosed else { return }
        isClosed = true
        flushed.removeAll()
        let peer = peer
        eventLoop.execute {
            self.handler?.closed(nil)
            self.handler = nil
            peer?.peerClosed(error)
        }
    }

    private func peerClosed(_ error: (any Error)?) {
        guard !isClosed else { return }
        isClosed = true
        handler?.closed(error)
        handler = nil
    }

    private func scheduleDelivery() {
        eventLoop.execute { self.deliver() }
    }

    private func deliver() {
        guard let peer, !isClosed, !peer.isClosed, !isHeld else { return }
        while peer.isReading, !flushed.isEmpty {
            let part = flushed.removeFirst()
            if part.readableBytes > 0 { peer.handler?.received(part) }
        }
        if flushed.isEmpty {
            let left = waiting
            waiting.removeAll()
            for done in left { done(.success(())) }
        }
        peer.handler?.receivedAll()
        if flushed.isEmpty, isEnding, !hasEnded {
            hasEnded = true
            peer.handler?.inputClosed()
        }
        guard isWritable, !wasWritable else { return }
        wasWritable = true
        handler?.writabilityChanged()
    }
}

/// What arrives at one end. Unchecked because it is touched on its loop only.
final class FarEnd: WireHandler, @unchecked Sendable {
    let wire: QueueWire
    private(set) var text = ""
    private(set) var hasEnded = false
    private(set) var isClosed = false
    private(set) var error: (any Error)?

    init(_ wire: QueueWire) {
        self.wire = wire
        wire.handler = self
    }

    func send(_ text: String) {
        wire.write(ByteBuffer(string: text))
        wire.flush()
    }

    func received(_ bytes: ByteBuffer) { text += String(buffer: bytes) }
    func receivedAll() {}
    func inputClosed() { hasEnded = true }
    func writabilityChanged() {}

    func closed(_ error: (any Error)?) {
        isClosed = true
        self.error = error
    }
}
