/// The scanning steps of the codec: each runs forward from an index and says where the first byte of another kind lies,
/// or `end` when there is none. All of them read through bounds-checked spans.
extension Span<UInt8> {
    /// Past the `tchar` bytes (RFC 9110 section 5.6.2).
    func endOfToken(from start: Int, to end: Int) -> Int {
        var at = start
        while end - at >= 8 {
            let stops = word(at: at).bytesButLettersAndHyphens
            guard stops != 0 else {
                at += 8
                continue
            }
            at += stops.trailingZeroBitCount >> 3
            guard self[at].isTokenByte else { return at }
            at += 1
        }
        while at < end, self[at].isTokenByte { at += 1 }
        return at
    }

    /// Past the bytes of a field value or a reason phrase: HTAB, SP, VCHAR and obs-text (RFC 9110 section 5.5).
    func endOfText(from start: Int, to end: Int) -> Int {
        var at = start
        while end - at >= 8 {
            let word = word(at: at)
            let stops = word.bytes(below: 0x20) | word.bytes(equalTo: 0x7F)
            guard stops != 0 else {
                at += 8
                continue
            }
            at += stops.trailingZeroBitCount >> 3
            guard self[at] == Octet.tab else { return at }
            at += 1
        }
        while at < end, FieldGrammar.isFieldValueByte(self[at]) { at += 1 }
        return at
    }

    /// Past the bytes that cannot end a request-target: all but controls, SP and DEL. Which of them may stand in it is
    /// for ``RequestTarget`` to say.
    func endOfTarget(from start: Int, to end: Int) -> Int {
        var at = start
        while end - at >= 8 {
            let word = word(at: at)
            let stops = word.bytes(below: 0x21) | word.bytes(equalTo: 0x7F)
            guard stops == 0 else { return at + (stops.trailingZeroBitCount >> 3) }
            at += 8
        }
        while at < end, self[at].isTargetByte { at += 1 }
        return at
    }

    /// Past spaces and tabs (OWS and BWS, RFC 9110 section 5.6.3).
    @inline(__always)
    func endOfBlank(from start: Int, to end: Int) -> Int {
        var at = start
        while at < end, FieldGrammar.isBlank(self[at]) { at += 1 }
        return at
    }

    /// Whether the range spells `lowercase` in any case.
    func spells(_ lowercase: StaticString, in range: Range<Int>) -> Bool {
        guard range.count == lowercase.utf8CodeUnitCount else { return false }
        return lowercase.withUTF8Buffer { equalIgnoringCase(extracting(range), lowercase: $0.span) }
    }
}

/// Bytes that the grammar gives a name to.
enum Octet {
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    static var space: UInt8 { 0x20 }
    static var comma: UInt8 { 0x2C }
    static var colon: UInt8 { 0x3A }
    static var semicolon: UInt8 { 0x3B }
}

extension UInt8 {
    /// RFC 9110 section 5.6.2, `tchar`.
    @inline(__always)
    var isTokenByte: Bool {
        // Letters and the hyphen are nearly all of a field name; what is left takes a look into a bit set.
        if (self | 0x20) &- 0x61 < 26 || self == 0x2D { return true }
        return ByteSet.token.contains(self)
    }

    @inline(__always)
    var isTargetByte: Bool { self > 0x20 && self != 0x7F }

    @inline(__always)
    var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }
}

extension UInt64 {
    @inline(__always)
    static var highBits: UInt64 { 0x8080_8080_8080_8080 }

    /// The high bit of every byte less than `limit` (at most 0x80). Only the lowest bit that is set is exact, for a
    /// borrow runs upwards; the scans use no other.
    @inline(__always)
    func bytes(below limit: UInt8) -> UInt64 {
        (self &- UInt64(limit) &* 0x0101_0101_0101_0101) & ~self & UInt64.highBits
    }

    /// The high bit of every byte that is neither an ASCII letter nor a hyphen, which is nearly none of a field name.
    @inline(__always)
    var bytesButLettersAndHyphens: UInt64 {
        let low = self & ~UInt64.highBits
        let lowercase = low | 0x2020_2020_2020_2020
        // Each sum stays within its byte: at most 0x7F + 0x1F.
        let fromA = lowercase &+ 0x1F1F_1F1F_1F1F_1F1F
        let pastZ = lowercase &+ 0x0505_0505_0505_0505
        let notHyphen = (low ^ 0x2D2D_2D2D_2D2D_2D2D) &+ 0x7F7F_7F7F_7F7F_7F7F
        return (~fromA | pastZ) & notHyphen & UInt64.highBits | self & UInt64.highBits
    }

    /// The high bit of every byte equal to `byte`; the same restriction.
    @inline(__always)
    func bytes(equalTo byte: UInt8) -> UInt64 {
        let difference = self ^ UInt64(byte) &* 0x0101_0101_0101_0101
        return (difference &- 0x0101_0101_0101_0101) & ~difference & UInt64.highBits
    }
}
