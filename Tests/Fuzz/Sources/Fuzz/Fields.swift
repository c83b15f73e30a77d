import Codec

/// Reads a field value in all the ways there are: nothing traps, and what is written from what was read reads the same.
func fuzzFields(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    fuzzNumbers(bytes)
    fuzzDates(bytes)

    let members = Array(FieldList(text))
    require(members.allSatisfy { !$0.isEmpty }, "a member is empty")
    // A quoted string that does not end takes the rest of the line, so only what ends can be joined again.
    if members.dropLast().allSatisfy({ $0.filter { $0 == "\"" }.count.isMultiple(of: 2) && !$0.contains("\\") }) {
        let again = Array(FieldList(members.joined(separator: ",")))
        require(again == members, "\(members) read again is \(again)")
    }

    for member in WeightedList(text) {
        require((0...1000).contains(member.quality.thousandths), "a weight of \(member.quality.thousandths)")
    }
    if let decoded = QuotedString.decoded(text) {
        let encoded = QuotedString.encoded(decoded)
        require(encoded.flatMap { QuotedString.decoded($0) } == decoded, "\(text) does not survive being quoted")
    }
    if let encoded = QuotedString.tokenOrEncoded(text), encoded != text {
        require(QuotedString.decoded(encoded) == text, "\(text) does not survive being quoted as \(encoded)")
    }
}

private func fuzzNumbers(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let isDecimal = !bytes.isEmpty && bytes.allSatisfy { $0 &- 0x30 < 10 }
    require(FieldGrammar.decimal(bytes.span) == (isDecimal ? Int(text) : nil), "\(text) is another number")
    let isHexadecimal =
        !bytes.isEmpty && bytes.allSatisfy { $0 &- 0x30 < 10 || ($0 | 0x20) &- 0x61 < 6 }
    let hexadecimal = isHexadecimal ? Int(text, radix: 16) : nil
    require(FieldGrammar.hexadecimal(bytes.span) == hexadecimal, "\(text) is another hexadecimal number")
}

private func fuzzDates(_ bytes: [UInt8]) {
    for now in [0, 784_111_777, 4_102_444_800, -62_167_219_200, 253_402_300_799] {
        guard let date = HTTPDate(bytes: bytes.span, now: HTTPDate(secondsSince1970: now)) else { continue }
        let text = "\(date)"
        let again = HTTPDate(text, now: HTTPDate(secondsSince1970: 0))
        require(again == date, "\(String(decoding: bytes, as: UTF8.self)) is written as \(text)")
    }
}
