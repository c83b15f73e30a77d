package import NIOCore

/// Finds the first message of a TLS client at the beginning of a connection, put together from however many records
/// (RFC 8446 section 5.1), and reads it.
///
/// Stricter than a server must be wherever the server behind might read another host than the router did: one name at
/// most, no dot at its end, no literal address, no repeated extension.
///
/// It is given all that has come each time, and remembers how far it has looked.
package struct TLSClientHelloReader: Sendable {
    /// What the bytes are so far.
    package enum Reading: Hashable, Sendable {
        case needsMore
        case hello(TLSClientHello)
        case malformed(TLSClientHelloProblem)
    }

    /// The most bytes that are looked at, the heads of records included: what one record can hold (RFC 8446 section
    /// 5.1). Clients send 200 to 2000.
    package static let limit = 16 << 10

    private var offset = 0
    private var message = ByteBuffer()

    package init() {}

    /// Reads on.
    ///
    /// - Parameter received: every byte since the connection began.
    package mutating func read(_ received: ByteBuffer) -> Reading {
        do {
            while try !isComplete {
                guard try appendRecord(received) else {
                    return received.readableBytes < Self.limit ? .needsMore : .malformed(.length)
                }
            }
            return .hello(try TLSClientHello(message.readableBytesUInt8Span.extracting(droppingFirst: 4)))
        } catch {
            return .malformed(error)
        }
    }

    /// Whether all of the message is there, and no more.
    private var isComplete: Bool {
        get throws(TLSClientHelloProblem) {
            let bytes = message.readableBytesUInt8Span
            // RFC 8446 section 4: client_hello(1), and a length of 24 bits.
            guard bytes.isEmpty || bytes[0] == 1 else { throw .notTLS }
            guard bytes.count >= 4 else { return false }
            let length = 4 + Int(bytes[1]) << 16 + Int(bytes[2]) << 8 + Int(bytes[3])
            guard length <= Self.limit else { throw .length }
            // The keys may change behind it, so it ends where its record does (section 5.1).
            guard bytes.count <= length else { throw .record }
            return bytes.count == length
        }
    }

    /// Takes what has come of the next record; `false` when that has not ended.
    ///
    /// A record is taken as a whole. The first bytes of its head are looked at as soon as they come, so that whoever
    /// speaks something else is not waited for.
    private mutating func appendRecord(_ received: ByteBuffer) throws(TLSClientHelloProblem) -> Bool {
        let bytes = received.readableBytesUInt8Span
        let isFirst = offset == 0
        guard bytes.count > offset else { return false }
        // handshake(22); nothing may come in between the records of a message.
        guard bytes[offset] == 22 else { throw isFirst ? .notTLS : .record }
        guard bytes.count > offset + 1 else { return false }
        // The minor version is of no consequence (section 5.1).
        guard bytes[offset + 1] == 3 else { throw isFirst ? .notTLS : .record }
        guard bytes.count >= offset + 5 else { return false }
        let length = Int(bytes[offset + 3]) << 8 + Int(bytes[offset + 4])
        guard length > 0, length <= 1 << 14 else { throw .record }
        let end = offset + 5 + length
        guard end <= Self.limit else { throw .length }
        let start = received.readerIndex + offset + 5
        guard let content = received.getSlice(at: start, length: length) else { return false }
        message.writeImmutableBuffer(content)
        offset = end
        return true
    }
}
