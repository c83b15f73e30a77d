import NIOCore

/// Parts of a body that wait for their reader.
struct PartQueue {
    private var parts: [ByteBuffer] = []
    private var first = 0
    private(set) var byteCount = 0

    var count: Int { parts.count - first }

    mutating func append(_ part: ByteBuffer) {
        parts.append(part)
        byteCount += part.readableBytes
    }

    mutating func popFirst() -> ByteBuffer? {
        guard first < parts.count else { return nil }
        let part = parts[first]
        byteCount -= part.readableBytes
        first += 1
        if first == parts.count {
            parts.removeAll(keepingCapacity: true)
            first = 0
        }
        return part
    }
}
