import Middleware
import NIOCore

/// Fields over received bytes, as a codec would make them: one line each, CR LF between.
///
/// The bytes do not begin at the buffer's own start, and the buffer is larger than the head.
func received(_ lines: String...) -> Headers {
    var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\n")
    let start = buffer.readableBytes
    var entries: [Headers.Entry] = []
    for line in lines {
        let bytes = Array(line.utf8)
        let offset = buffer.readableBytes - start
        let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        var (from, to) = (min(colon + 1, bytes.endIndex), bytes.endIndex)
        while from < to, bytes[from] == 0x20 { from += 1 }
        while to > from, bytes[to - 1] == 0x20 { to -= 1 }
        entries.append(
            Headers.Entry(
                name: offset..<offset + colon,
                value: offset + from..<offset + to,
                known: KnownField(name: Array(bytes[..<colon]).span),
                origin: from == colon + 2 && to == bytes.count ? .receivedLine : .received))
        buffer.writeBytes(bytes + [0x0D, 0x0A])
    }
    buffer.writeRepeatingByte(0, count: 4096)
    buffer.moveReaderIndex(forwardBy: start)
    return Headers(received: buffer, entries: entries)
}

/// What goes over the wire.
func wire(_ headers: Headers, skip: (Headers.Entry) -> Bool = { _ in false }) -> String {
    var buffer = ByteBuffer()
    headers.write(into: &buffer, skip: skip)
    return String(buffer: buffer)
}
