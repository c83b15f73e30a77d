/// An address as forwarding fields write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:80` (RFC 7239 section 6, and what `X-Forwarded-For` has come to hold).
///
/// Nothing else: no names, no `unknown`, no white space.
struct ForwardedNode {
    let address: IPAddress
    /// 0 when none is said or it is obfuscated.
    let port: UInt16

    init?(_ text: Span<UInt8>) {
        guard !text.isEmpty else { return nil }
        var end = 0
        if text[0] == UInt8(ascii: "[") {
            guard let (address, close) = AuthorityGrammar.bracketed(text) else { return nil }
            self.address = address
            end = close
        } else {
            var colons = 0
            for index in text.indices where text[index] == UInt8(ascii: ":") {
                if colons == 0 { end = index }
                colons += 1
            }
            if colons != 1 { end = text.count }
            guard let address = IPAddress(text.extracting(0..<end)) else { return nil }
            self.address = address
        }
        guard end < text.count else {
            port = 0
            return
        }
        guard text[end] == UInt8(ascii: ":") else { return nil }
        guard let port = Self.port(text.extracting((end + 1)..<text.count)) else { return nil }
        self.port = port
    }

    /// A number, or `_` and a name, which says that there is one (RFC 7239 section 6.2).
    private static func port(_ text: Span<UInt8>) -> UInt16? {
        if text.count > 1, text[0] == UInt8(ascii: "_"), FieldGrammar.isToken(text) { return 0 }
        return AuthorityGrammar.port(text)
    }
}

/// Finds the members of a list from its end, without copying: call ``next(in:)`` with the same bytes until it returns
/// `nil`.
///
/// The end of a forwarding field was written by the nearest proxy, its beginning perhaps by an attacker. Read from the
/// front, an open quote there would swallow everything behind it; read from the end, it can only spoil what is left of
/// the attacker's own entry. A comma inside a quoted string does not separate. Empty members are passed over (RFC 9110
/// section 5.6.1.2).
struct BackwardListReader {
    private var end: Int

    init(_ bytes: Span<UInt8>) { end = bytes.count }

    /// Where the last member lies that has not been returned yet, without the white space around it.
    mutating func next(in bytes: Span<UInt8>) -> Range<Int>? {
        while end > 0 {
            var start = end
            var isQuoted = false
            while start > 0 {
                let byte = bytes[start - 1]
                if byte == UInt8(ascii: ",") && !isQuoted { break }
                if byte == UInt8(ascii: "\""), !Self.isEscaped(start - 1, in: bytes) { isQuoted.toggle() }
                start -= 1
            }
            let member = FieldGrammar.trimmed(start..<end, in: bytes)
            end = start - 1
            if !member.isEmpty { return member }
        }
        return nil
    }

    /// Whether an odd number of backslashes stands in front.
    private static func isEscaped(_ index: Int, in bytes: Span<UInt8>) -> Bool {
        var start = index
        while start > 0, bytes[start - 1] == UInt8(ascii: "\\") { start -= 1 }
        return (index - start) % 2 == 1
    }
}
