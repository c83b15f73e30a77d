package import NIOCore

extension ByteBuffer {
    /// Puts bytes that were read behind those that wait, and gives up the memory of what was taken off the front: a
    /// buffer that is appended to and read from in turn would otherwise keep every byte it ever held.
    package mutating func join(_ more: ByteBuffer) {
        guard readableBytes > 0 else {
            self = more
            return
        }
        if readerIndex >= readableBytes {
            var rest = ByteBuffer()
            rest.reserveCapacity(readableBytes + more.readableBytes)
            rest.writeImmutableBuffer(self)
            self = rest
        }
        writeImmutableBuffer(more)
    }
}
