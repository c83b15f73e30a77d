package import NIOCore

/// What heads are written into: a growing buffer, or memory that is known to suffice (``HeadWriter``).
package protocol ByteSink {
    /// The number of bytes written so far, or an index that grows with it.
    var writerIndex: Int { get }
    mutating func write(_ bytes: Span<UInt8>)
    mutating func write(_ text: StaticString)
    /// Takes back what was written behind `index`.
    mutating func moveWriterIndex(to index: Int)
}

extension ByteSink {
    /// Writes text that is made at run time. A literal goes through `write(_:)`, which copies it as it stands.
    package mutating func write(text: String) {
        // A copy that is contiguous gives its bytes without another one.
        var text = text
        text.withUTF8 { write($0.span) }
    }

    package mutating func write(_ bytes: [UInt8]) { write(bytes.span) }

    /// Writes a number that is not negative in decimal digits.
    package mutating func write(decimal number: Int) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = digits.count
        var rest = UInt(max(number, 0))
        repeat {
            first -= 1
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            digits[first] = 0x30 + UInt8(truncatingIfNeeded: remainder)
            rest = quotient
        } while rest != 0
        write(digits.span.extracting(first..<digits.count))
    }
}

extension ByteBuffer: ByteSink {
    /// Appends borrowed bytes.
    package mutating func write(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { _ = writeBytes($0) }
    }

    package mutating func write(_ text: StaticString) { writeStaticString(text) }

    /// Appends a head through a cursor over memory of its own, which spares each of its many small pieces the checks of
    /// a buffer.
    ///
    /// - Parameters:
    ///   - bound: how many bytes it will have at the most; when it has more, it is written again with more room.
    ///   - body: writes the head; it may be called more than once.
    package mutating func writeHead(reserving bound: Int, _ body: (inout HeadWriter) -> Void) {
        var bound = max(bound, 128)
        while true {
            var isWhole = true
            writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { memory in
                var writer = HeadWriter(memory)
                body(&writer)
                isWhole = !writer.isFull
                return isWhole ? writer.writerIndex : 0
            }
            if isWhole { return }
            bound *= 2
        }
    }
}

/// A cursor over writable memory. A piece for which there is no room is left out and noted.
package struct HeadWriter: ByteSink {
    private let memory: UnsafeMutableRawBufferPointer
    package private(set) var writerIndex = 0
    /// Whether there was too little room.
    package private(set) var isFull = false

    fileprivate init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    @inline(__always)
    package mutating func write(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { write($0) }
    }

    @inline(__always)
    package mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { write(UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    private mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, let target = memory.baseAddress else { return }
        guard bytes.count <= memory.count - writerIndex else {
            isFull = true
            return
        }
        (target + writerIndex).copyMemory(from: source, byteCount: bytes.count)
        writerIndex += bytes.count
    }

    package mutating func moveWriterIndex(to index: Int) { writerIndex = min(max(index, 0), memory.count) }
}
