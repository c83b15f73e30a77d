/// Percent-encoding, RFC 3986 section 2.1.
///
/// ```swift
/// PercentEncoding.encoded("a/b c")                // "a%2Fb%20c"
/// PercentEncoding.decoded("a%2Fb%20c")            // "a/b c"
/// ```
public enum PercentEncoding {
    /// The text with every byte encoded that is not a letter, a digit or one of `-._~`: fit for one path segment and
    /// for a name or a value in a query.
    public static func encoded(_ text: some StringProtocol) -> String {
        let text = String(text)
        let bytes = text.utf8.span
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for index in bytes.indices {
            if ByteSet.unreserved.contains(bytes[index]) {
                result.append(bytes[index])
            } else {
                append(bytes[index], to: &result)
            }
        }
        return String(decoding: result.span)
    }

    /// The text with its escapes decoded, once. A `%` that begins no escape stands for itself; bytes that are not UTF-8
    /// read as U+FFFD. The result can hold any character, line ends and NUL included.
    ///
    /// `plusIsSpace` is the rule of HTML forms, which holds in a query at most and never in a path.
    public static func decoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
        decoded(bytes: String(text).utf8.span, plusIsSpace: plusIsSpace)
    }

    /// Bytes with escapes in them as one segment, or one value: decoded once, and encoded again.
    package static func encodedAgain(_ bytes: Span<UInt8>) -> String {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let escaped = escape(in: bytes, at: index)
            let byte = escaped ?? bytes[index]
            if ByteSet.unreserved.contains(byte) { result.append(byte) } else { append(byte, to: &result) }
            index += escaped == nil ? 1 : 3
        }
        return String(decoding: result.span)
    }

    package static func decoded(bytes: Span<UInt8>, plusIsSpace: Bool) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let byte = escape(in: bytes, at: index) {
                result.append(byte)
                index += 3
                continue
            }
            let isSpace = plusIsSpace && bytes[index] == UInt8(ascii: "+")
            result.append(isSpace ? 0x20 : bytes[index])
            index += 1
        }
        return String(decoding: result.span)
    }

    /// The byte that the escape at `index` stands for; `nil` when there is no `%` followed by two hexadecimal digits.
    package static func escape(in bytes: Span<UInt8>, at index: Int) -> UInt8? {
        guard bytes[index] == UInt8(ascii: "%"), bytes.count - index >= 3,
            let high = FieldGrammar.hexDigit(bytes[index + 1]),
            let low = FieldGrammar.hexDigit(bytes[index + 2])
        else { return nil }
        return high << 4 | low
    }

    /// Appends the escape of a byte, its digits in upper case (RFC 3986 section 6.2.2.1).
    package static func append(_ byte: UInt8, to result: inout [UInt8]) {
        result.append(UInt8(ascii: "%"))
        result.append(hexDigit(byte >> 4))
        result.append(hexDigit(byte & 0x0F))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x37 + value
    }
}
