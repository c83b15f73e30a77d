package import NIOCore

/// What waits to leave a datagram socket: a bounded number, of which the rest is dropped. On the socket's loop only.
package final class DatagramOutbox {
    /// The datagrams that may wait; the kernel's own buffer stands behind it.
    private static let limit = 256
    /// Above it a datagram keeps the buffer that it was read into; below, that buffer is worth more than a copy costs.
    private static let copiedBytes = 8192

    private let channel: any Channel
    private let dropped: () -> Void
    private var waiting = 0

    /// - Parameter dropped: called for each datagram that did not leave.
    package init(_ channel: any Channel, dropped: @escaping () -> Void) {
        self.channel = channel
        self.dropped = dropped
    }

    /// Queues a datagram; to the socket's own far end unless an address is given.
    package func write(_ bytes: ByteBuffer, to address: SocketAddress? = nil) {
        guard waiting < Self.limit, channel.isWritable, let target = address ?? channel.remoteAddress else {
            dropped()
            return
        }
        waiting += 1
        let promise = channel.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] result in
            waiting -= 1
            if case .failure = result { dropped() }
        }
        let small = bytes.readableBytes <= Self.copiedBytes
        let data = small ? ByteBuffer(bytes: bytes.readableBytesView) : bytes
        channel.pipeline.syncOperations.write(
            NIOAny(AddressedEnvelope(remoteAddress: target, data: data)), promise: promise)
    }

    /// Sends what is queued.
    package func flush() { channel.pipeline.syncOperations.flush() }

    /// Closes the socket.
    package func close() { channel.close(promise: nil) }
}
