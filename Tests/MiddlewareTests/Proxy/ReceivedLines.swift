import Middleware
import NIOCore

/// Fields over received bytes, one for each `name: value`.
func received(lines: [String]) -> Headers {
    var buffer = ByteBuffer()
    var entries: [Headers.Entry] = []
    for line in lines {
        let bytes = Array(line.utf8)
        let offset = buffer.readableBytes
        let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        entries.append(
            Headers.Entry(
                name: offset..<offset + colon,
                value: offset + colon + 2..<offset + bytes.count,
                known: KnownField(name: Array(bytes[..<colon]).span),
                origin: .receivedLine
            )
        )
        buffer.writeBytes(bytes + [0x0D, 0x0A])
    }
    return Headers(received: buffer, entries: entries)
}

/// The lines that a writer appends.
func lines(_ write: (inout ByteBuffer) -> Void) -> [String] {
    var buffer = ByteBuffer()
    write(&buffer)
    return String(buffer: buffer).components(by: "\r\n")
}

extension String {
    /// The parts before each `end`; what is left over when the text does not end with it is a part too.
    fileprivate func components(by end: String) -> [String] {
        var parts = split(separator: end, omittingEmptySubsequences: false).map(String.init)
        if parts.last == "" { parts.removeLast() }
        return parts
    }
}
