/// How much of a message head, a chunk line and a trailer section the HTTP/1.1 decoders accept.
///
/// Each bound is reached by counting bytes as they arrive, so a decoder never holds more than the larger of
/// ``headBytes`` and ``trailerBytes`` of a message that it has not yet accepted. How long a peer may take is the
/// business of whoever reads the socket.
package struct ParserLimits: Sendable, Equatable {
    /// Bytes of a head: start line, fields and the empty line. A longer request head is answered 431. 32 KiB.
    package var headBytes: Int
    /// Field lines of a head, `Host` among them. More are answered 431. 100.
    package var fieldCount: Int
    /// Bytes of a request-target. A longer one is answered 414. 8 KiB.
    package var targetBytes: Int
    /// Bytes of a method. A longer one is answered 501. 32.
    package var methodBytes: Int
    /// Empty lines in front of a request line (RFC 9112 section 2.2 asks for at least one). 1.
    package var leadingEmptyLines: Int
    /// Bytes of content: of a `Content-Length`, or of all chunks together. More are answered 413. No bound by default,
    /// because the bound belongs to a route rather than to a listener.
    package var contentBytes: Int
    /// Bytes of one chunk line: size, extensions and CR LF. 256.
    package var chunkLineBytes: Int
    /// Bytes of all chunk extensions of one message, so that many small chunks cannot carry an unbounded amount of
    /// bytes that nobody reads (RFC 9112 section 7.1.1). 16 KiB.
    package var chunkExtensionBytes: Int
    /// Bytes of a trailer section with its empty line. More are answered 431. 8 KiB.
    package var trailerBytes: Int
    /// Field lines of a trailer section. More are answered 431. 32.
    package var trailerCount: Int

    package init(
        headBytes: Int = 32 << 10,
        fieldCount: Int = 100,
        targetBytes: Int = 8 << 10,
        methodBytes: Int = 32,
        leadingEmptyLines: Int = 1,
        contentBytes: Int = .max,
        chunkLineBytes: Int = 256,
        chunkExtensionBytes: Int = 16 << 10,
        trailerBytes: Int = 8 << 10,
        trailerCount: Int = 32
    ) {
        self.headBytes = headBytes
        self.fieldCount = fieldCount
        self.targetBytes = targetBytes
        self.methodBytes = methodBytes
        self.leadingEmptyLines = leadingEmptyLines
        self.contentBytes = contentBytes
        self.chunkLineBytes = chunkLineBytes
        self.chunkExtensionBytes = chunkExtensionBytes
        self.trailerBytes = trailerBytes
        self.trailerCount = trailerCount
    }
}
