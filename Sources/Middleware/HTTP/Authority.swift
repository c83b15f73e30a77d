package import NIOCore

/// The authority of a request: `host[:port]`, over the received bytes until somebody asks for text.
package struct Authority: Sendable {
    private enum Storage {
        case received(ByteBuffer)
        case text(String)
    }

    private var storage: Storage

    /// Bytes that would end a line or a request target (controls, spaces) are left out, so that none can be smuggled
    /// in.
    package init(_ text: String) {
        let isLegal = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
        storage = .text(isLegal ? text : String(decoding: text.utf8.filter { $0 > 0x20 && $0 != 0x7F }, as: UTF8.self))
    }
    package init(received: ByteBuffer) { storage = .received(received) }

    package var text: String {
        switch storage {
        case .received(let buffer): String(buffer: buffer)
        case .text(let text): text
        }
    }

    package var isEmpty: Bool {
        switch storage {
        case .received(let buffer): buffer.readableBytes == 0
        case .text(let text): text.isEmpty
        }
    }

    /// The bytes that ``write(into:)`` writes.
    package var byteCount: Int {
        switch storage {
        case .received(let buffer): buffer.readableBytes
        case .text(let text): text.utf8.count
        }
    }

    /// Lends the bytes.
    @inline(__always)
    package func withBytes<R>(_ body: (Span<UInt8>) -> R) -> R {
        switch storage {
        case .received(let bytes): body(bytes.readableBytesUInt8Span)
        case .text(let text): body(text.utf8.span)
        }
    }

    package func write(into buffer: inout some ByteSink) {
        switch storage {
        case .received(let bytes): buffer.write(bytes.readableBytesUInt8Span)
        case .text(let text): buffer.write(text: text)
        }
    }
}
