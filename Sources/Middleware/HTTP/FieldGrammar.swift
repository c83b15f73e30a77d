/// The small grammars that field lines are made of, RFC 9110 sections 5.5 and 5.6, over bytes.
///
/// Text is read through `text.utf8.span`. Everything here is strict, runs in linear time, and never traps; what
/// recipients have to tolerate is tolerated one level up, in ``FieldList`` and ``FieldParameters``.
package enum FieldGrammar {
    /// Whether the bytes are a `token`: at least one `tchar` and nothing else (RFC 9110 section 5.6.2).
    package static func isToken(_ bytes: Span<UInt8>) -> Bool {
        guard !bytes.isEmpty else { return false }
        let token = ByteSet.token
        for index in bytes.indices where !token.contains(bytes[index]) { return false }
        return true
    }

    /// Whether a byte may stand in a field value: visible ASCII, SP, HTAB or `obs-text` (RFC 9110 section 5.5).
    @inline(__always)
    package static func isFieldValueByte(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7F : byte == 0x09
    }

    /// Whether every byte may stand in a field value. Empty is a value; white space around it is not looked for.
    package static func isFieldValue(_ bytes: Span<UInt8>) -> Bool {
        for index in bytes.indices where !isFieldValueByte(bytes[index]) { return false }
        return true
    }

    /// SP or HTAB, what `OWS` is made of (RFC 9110 section 5.6.3).
    @inline(__always)
    package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// The part of `range` that is left without the white space at both ends.
    package static func trimmed(_ range: Range<Int>, in bytes: Span<UInt8>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isBlank(bytes[start]) { start += 1 }
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    /// The end of the run of token bytes that begins at `start`; `start` itself when there is none.
    package static func endOfToken(in bytes: Span<UInt8>, from start: Int) -> Int {
        let token = ByteSet.token
        var end = start
        while end < bytes.count, token.contains(bytes[end]) { end += 1 }
        return end
    }

    /// `1*DIGIT` as a number: no sign, no white space, not empty; `nil` too when it does not fit.
    package static func decimal(_ bytes: Span<UInt8>) -> Int? {
        guard !bytes.isEmpty else { return nil }
        var value = 0
        // So few digits fit, and nearly every number has no more.
        let safe = min(bytes.count, 18)
        for index in 0..<safe {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int(digit)
        }
        for index in safe..<bytes.count {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            let (shifted, tooLong) = value.multipliedReportingOverflow(by: 10)
            let (sum, tooLarge) = shifted.addingReportingOverflow(Int(digit))
            if tooLong || tooLarge { return nil }
            value = sum
        }
        return value
    }

    /// `1*HEXDIG` in either case as a number: no sign, no prefix, not empty; `nil` too when it does not fit.
    package static func hexadecimal(_ bytes: Span<UInt8>) -> Int? {
        guard !bytes.isEmpty else { return nil }
        var value = 0
        for index in bytes.indices {
            guard let digit = hexDigit(bytes[index]), value <= Int.max >> 4 else { return nil }
            value = value << 4 | Int(digit)
        }
        return value
    }

    /// The value of one `HEXDIG`.
    @inline(__always)
    package static func hexDigit(_ byte: UInt8) -> UInt8? {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}

extension String {
    /// The text of borrowed bytes; what is not UTF-8 reads as U+FFFD.
    package init(decoding bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
