/// Quoted strings in field values, RFC 9110 section 5.6.4.
///
/// ```swift
/// QuotedString.decoded("\"a \\\"b\\\"\"")         // a "b"
/// QuotedString.tokenOrEncoded("text/html")        // "text/html" in quotes, because `/` is no token byte
/// ```
public enum QuotedString {
    /// The text inside a quoted string, escapes resolved; `nil` unless the whole of `text` is one quoted string.
    public static func decoded(_ text: String) -> String? {
        let bytes = text.utf8.span
        guard let (value, end) = read(bytes, at: 0), end == bytes.count else { return nil }
        return value
    }

    /// The text as a quoted string; `nil` when it holds a control other than HTAB, which no quoted string can carry.
    public static func encoded(_ text: String) -> String? {
        let bytes = text.utf8.span
        guard FieldGrammar.isFieldValue(bytes) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 2)
        result.append(UInt8(ascii: "\""))
        for index in bytes.indices {
            if isEscaped(bytes[index]) { result.append(UInt8(ascii: "\\")) }
            result.append(bytes[index])
        }
        result.append(UInt8(ascii: "\""))
        return String(decoding: result.span)
    }

    /// The text as it stands when it is a token, else as a quoted string; `nil` as ``encoded(_:)`` says. The usual form
    /// of a parameter value.
    public static func tokenOrEncoded(_ text: String) -> String? {
        FieldGrammar.isToken(text.utf8.span) ? text : encoded(text)
    }

    /// Reads the quoted string that begins at `start`: its text and the offset behind its closing quote. `nil` when
    /// there is none, when it does not end, or when it holds a control other than HTAB.
    package static func read(_ bytes: Span<UInt8>, at start: Int) -> (text: String, end: Int)? {
        guard start < bytes.count, bytes[start] == UInt8(ascii: "\"") else { return nil }
        var text: [UInt8] = []
        var index = start + 1
        while index < bytes.count {
            var byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\"") { return (String(decoding: text.span), index) }
            if byte == UInt8(ascii: "\\") {
                guard index < bytes.count else { return nil }
                byte = bytes[index]
                index += 1
            }
            guard FieldGrammar.isFieldValueByte(byte) else { return nil }
            text.append(byte)
        }
        return nil
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
}
