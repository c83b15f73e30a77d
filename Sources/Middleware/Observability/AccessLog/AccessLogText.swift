import NIOCore

/// Writing what a stranger has sent so that it can neither end a line nor a value, nor steer a terminal.
extension ByteBuffer {
    mutating func writeLogText(_ bytes: Span<UInt8>, isJSON: Bool) {
        var start = 0
        for index in bytes.indices where bytes[index].needsCare {
            if isJSON, bytes[index] >= 0x80 {
                // The slow way for the rest: it has to be taken apart into characters.
                write(bytes.extracting(start..<index))
                writeJSONText(String(decoding: bytes.extracting(index..<bytes.count)))
                return
            }
            write(bytes.extracting(start..<index))
            writeEscape(bytes[index], isJSON: isJSON)
            start = index + 1
        }
        write(bytes.extracting(start..<bytes.count))
    }

    private mutating func writeJSONText(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0..<0x80 where UInt8(truncatingIfNeeded: scalar.value).needsCare:
                writeEscape(UInt8(truncatingIfNeeded: scalar.value), isJSON: true)
            case 0x80..<0xA0:
                writeEscape(UInt8(truncatingIfNeeded: scalar.value), isJSON: true)
            // Line separators: some readers end a line at them.
            case 0x2028: writeStaticString("\\u2028")
            case 0x2029: writeStaticString("\\u2029")
            default: writeString(String(scalar))
            }
        }
    }

    private mutating func writeEscape(_ byte: UInt8, isJSON: Bool) {
        writeStaticString("\\")
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            writeInteger(byte)
            return
        }
        if isJSON { writeStaticString("u00") } else { writeStaticString("x") }
        writeInteger(Self.hexDigit(byte >> 4))
        writeInteger(Self.hexDigit(byte & 0x0F))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}

extension UInt8 {
    /// Whether a byte cannot stand as it is, in either format.
    fileprivate var needsCare: Bool {
        self < 0x20 || self >= 0x7F || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
    }
}
