import HTTPTypes
import NIOCore

/// A few known fields as one word, so that leaving them out of a head costs one test a field.
struct KnownFieldSet: Sendable {
    private let bits: UInt32

    private init(bits: UInt32) { self.bits = bits }

    @inline(__always)
    func contains(_ field: KnownField) -> Bool { bits & (1 << UInt32(field.rawValue)) != 0 }

    /// What the encoders own: framing and the connection (RFC 9110 section 7.6.1, RFC 9112 sections 6 and 9).
    static var ownedByEncoders: KnownFieldSet {
        KnownFieldSet(
            bits: 1 << UInt32(KnownField.connection.rawValue) | 1 << UInt32(KnownField.contentLength.rawValue)
                | 1 << UInt32(KnownField.keepAlive.rawValue) | 1 << UInt32(KnownField.proxyConnection.rawValue)
                | 1 << UInt32(KnownField.transferEncoding.rawValue) | 1 << UInt32(KnownField.upgrade.rawValue)
        )
    }
}

extension ByteBuffer {
    /// Appends a number that is not negative in decimal digits.
    mutating func writeDecimal(_ number: Int) {
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

    /// Appends a `Content-Length` line.
    mutating func writeContentLength(_ length: Int) {
        writeStaticString("Content-Length: ")
        writeDecimal(length)
        writeStaticString("\r\n")
    }
}
