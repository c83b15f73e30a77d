package import NIOCore

/// Parts of a body that wait for their reader. One part, the usual number, needs no memory of its own.
package struct PartQueue {
    private var next: ByteBuffer?
    private var rest: [ByteBuffer] = []
    private var taken = 0
    /// The bytes of all parts.
    package private(set) var byteCount = 0

    package init() {}

    /// The number of parts.
    package var count: Int { next == nil ? 0 : 1 + rest.count - taken }

    package mutating func append(_ part: ByteBuffer) {
        byteCount += part.readableBytes
        // Small parts are copied together: each would keep the whole buffer alive that it was read into.
        if next != nil, part.readableBytes < 1024, taken < rest.count, rest[rest.count - 1].readableBytes < 16 << 10 {
            rest[rest.count - 1].writeImmutableBuffer(part)
            return
        }
        if next == nil { next = part } else { rest.append(part) }
    }

    package mutating func popFirst() -> ByteBuffer? {
        guard let part = next else { return nil }
        byteCount -= part.readableBytes
        if taken < rest.count {
            next = rest[taken]
            taken += 1
        } else {
            next = nil
        }
        if taken > 0, taken == rest.count {
            rest.removeAll(keepingCapacity: true)
            taken = 0
        }
        return part
    }
}
