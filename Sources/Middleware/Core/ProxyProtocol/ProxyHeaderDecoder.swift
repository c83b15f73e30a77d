package import NIOCore

/// Reads the PROXY protocol header at the beginning of a connection, of either version.
///
/// ```swift
/// switch ProxyHeaderDecoder.read(received) {
/// case .needsMore: …
/// case .header(let header, let length): received.moveReaderIndex(forwardBy: length)
/// case .malformed(let problem): …
/// }
/// ```
///
/// It is asked again with all that has come until it knows; nothing is kept in between. The two versions differ in
/// their first byte, and a connection that has no header is found out at the first byte that could not be one's. At most
/// ``limit`` bytes are waited for, so a caller holds no more than that besides its last read.
package enum ProxyHeaderDecoder {
    /// What the bytes are so far.
    package enum Reading: Hashable, Sendable {
        /// As far as it goes, a header.
        case needsMore
        /// A header of `length` bytes; what follows belongs to the connection.
        case header(ProxyHeader, length: Int)
        /// No header, or none that can be believed.
        case malformed(ProxyHeaderProblem)
    }

    /// The longest line, the two bytes at its end included (section 2.1).
    package static let lineLimit = 107
    /// The longest header that is read. Version 2 could announce 65,551 bytes, but means a header to fit one packet
    /// (section 2.2): this leaves room for attributes, and no peer can make us hold more.
    package static let limit = 4096

    /// Reads what `buffer` begins with.
    package static func read(_ buffer: ByteBuffer) -> Reading { read(buffer.readableBytesUInt8Span) }

    package static func read(_ bytes: Span<UInt8>) -> Reading {
        guard !bytes.isEmpty else { return .needsMore }
        do {
            return bytes[0] == textSignature[0] ? try readLine(bytes) : try readBinary(bytes)
        } catch {
            return .malformed(error)
        }
    }

    /// Whether bytes begin with all of a signature: what sends them means a header, however broken it is.
    package static func isSigned(_ buffer: ByteBuffer) -> Bool {
        [textSignature, binarySignature].contains { buffer.readableBytesView.starts(with: $0) }
    }

    /// `PROXY` and a space.
    static let textSignature: [UInt8] = [0x50, 0x52, 0x4F, 0x58, 0x59, 0x20]
    /// Two ends of lines, a zero and `QUIT`: what no text protocol begins with.
    static let binarySignature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    static func agrees(_ bytes: Span<UInt8>, with signature: [UInt8]) -> Bool {
        for index in 0..<min(bytes.count, signature.count) where bytes[index] != signature[index] { return false }
        return true
    }
}
