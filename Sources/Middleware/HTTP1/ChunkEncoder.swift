/// Writes the chunked transfer coding (RFC 9112 section 7.1).
///
/// ```swift
/// ChunkEncoder.writeChunkHead(size: part.readableBytes, into: &head)      // then part itself, untouched
/// ChunkEncoder.writeChunkEnd(into: &tail)                                 // may share a buffer with the next head
/// ChunkEncoder.writeLastChunk(trailers: nil, into: &tail)
/// ```
package enum ChunkEncoder {
    /// Appends the size line of a chunk. A size that is not positive appends nothing, for `0` would end the content.
    package static func writeChunkHead(size: Int, into buffer: inout some ByteSink) {
        guard size > 0 else { return }
        var digits = InlineArray<16, UInt8>(repeating: 0)
        var first = digits.count
        var rest = UInt(size)
        while rest != 0 {
            first -= 1
            let digit = UInt8(truncatingIfNeeded: rest & 0xF)
            digits[first] = digit < 10 ? 0x30 + digit : 0x57 + digit
            rest >>= 4
        }
        buffer.write(digits.span.extracting(first..<digits.count))
        buffer.write("\r\n")
    }

    /// Appends the CR LF behind the bytes of a chunk.
    package static func writeChunkEnd(into buffer: inout some ByteSink) {
        buffer.write("\r\n")
    }

    /// Appends the last chunk and the trailer section. Fields that frame, route or concern the connection are left out
    /// (RFC 9110 section 6.5.1).
    package static func writeLastChunk(trailers: Headers?, into buffer: inout some ByteSink) {
        guard let trailers, !trailers.isEmpty else {
            buffer.write("0\r\n\r\n")
            return
        }
        buffer.write("0\r\n")
        trailers.write(into: &buffer, skip: { !$0.known.mayStandInTrailers })
        buffer.write("\r\n")
    }
}

extension KnownField {
    /// RFC 9110 section 6.5.1: fields about framing, routing, the connection, authentication or expectations mean
    /// nothing behind the content.
    var mayStandInTrailers: Bool {
        switch self {
        case .connection, .contentLength, .expect, .forwarded, .host, .keepAlive, .proxyAuthenticate,
            .proxyAuthorization, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade, .via, .xForwardedFor,
            .xForwardedHost, .xForwardedProto:
            false
        default:
            true
        }
    }
}
