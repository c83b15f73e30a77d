package import NIOCore

extension ByteBuffer {
    /// Puts bytes that were read behind those that wait, and gives up the memory of what was taken off the front: a
    /// buffer that is appended to and read from in turn would otherwise keep every byte it ever held.
    @inline(__always)
    package mutating func join(_ more: consuming ByteBuffer) {
        if readableBytes > 0 { append(more) } else { self = more }
    }

    private mutating func append(_ more: ByteBuffer) {
        if readerIndex >= readableBytes {
            var rest = ByteBuffer()
            rest.reserveCapacity(readableBytes + more.readableBytes)
            rest.writeImmutableBuffer(self)
            self = rest
        }
        writeImmutableBuffer(more)
    }
}
