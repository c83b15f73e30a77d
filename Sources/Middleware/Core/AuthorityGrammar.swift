/// What may be the authority of a request.
enum AuthorityGrammar {
    /// Whether the bytes are `host[:port]`: an IPv6 address in brackets, or a name or IPv4 address of letters, digits
    /// and `-._~`. Stricter than `reg-name` (RFC 3986 section 3.2.2): percent-encodings and sub-delims have no place in
    /// a host that is believed from a header.
    static func isAuthority(_ text: Span<UInt8>) -> Bool {
        var end = 0
        if !text.isEmpty, text[0] == UInt8(ascii: "[") {
            guard let (_, close) = bracketed(text) else { return false }
            end = close
        } else {
            while end < text.count, ByteSet.unreserved.contains(text[end]) { end += 1 }
            guard end > 0 else { return false }
        }
        guard end < text.count else { return true }
        guard text[end] == UInt8(ascii: ":") else { return false }
        return port(text.extracting((end + 1)..<text.count)) != nil
    }

    /// The IPv6 address in the brackets that the text begins with, and the offset behind them.
    static func bracketed(_ text: Span<UInt8>) -> (IPAddress, end: Int)? {
        var end = 0
        var hasColon = false
        while end < text.count, text[end] != UInt8(ascii: "]") {
            if text[end] == UInt8(ascii: ":") { hasColon = true }
            end += 1
        }
        guard hasColon, end < text.count, let address = IPAddress(text.extracting(1..<end)) else { return nil }
        return (address, end + 1)
    }

    /// `1*5DIGIT` up to 65535.
    static func port(_ text: Span<UInt8>) -> UInt16? {
        guard text.count <= 5, let number = FieldGrammar.decimal(text) else { return nil }
        return UInt16(exactly: number)
    }
}
