/// The members of a list-valued field such as `Accept-Encoding`, `Via` or `Vary`.
///
/// ```swift
/// for member in FieldList(response.headers[values: .vary]) { … }      // a Substring each
/// Array(FieldList("gzip, , \"a, b\";x=1"))                            // ["gzip", "\"a, b\";x=1"]
/// ```
///
/// Members keep their order, come without the white space around them, and are otherwise as received. Empty members
/// are passed over, as RFC 9110 section 5.6.1.2 asks of recipients. A comma inside a quoted string does not separate; a
/// quoted string that does not end takes the rest of its own field line and nothing of the next.
///
/// It does not know comments: a comma in a `(comment)` of `Via` or `User-Agent` separates.
public struct FieldList: Sequence, Sendable {
    private let values: [String]

    /// The members of one field line.
    public init(_ value: String) { self.init([value]) }

    /// The members of several field lines of one name, as if they had been combined (RFC 9110 section 5.3).
    public init(_ values: [String]) {
        self.values = values
    }

    /// Walks over the members; each is found when it is reached.
    public struct Iterator: IteratorProtocol {
        private let values: [String]
        private var line = 0
        private var reader = FieldListReader()

        init(_ values: [String]) { self.values = values }

        public mutating func next() -> Substring? {
            while line < values.count {
                let value = values[line]
                if let range = reader.next(in: value.utf8.span) {
                    let start = value.utf8.index(value.startIndex, offsetBy: range.lowerBound)
                    return value[start..<value.utf8.index(start, offsetBy: range.count)]
                }
                line += 1
                reader = FieldListReader()
            }
            return nil
        }
    }

    public func makeIterator() -> Iterator { Iterator(values) }
}

/// Finds the members of a list in the bytes of one field line, without copying: call ``next(in:)`` with the same bytes
/// until it returns `nil`.
package struct FieldListReader: Sendable {
    private let separator: UInt8
    private var position = 0

    package init(separator: UInt8 = UInt8(ascii: ",")) { self.separator = separator }

    /// Where the next member lies that is not empty, without the white space around it.
    package mutating func next(in bytes: Span<UInt8>) -> Range<Int>? {
        while position < bytes.count {
            let end = endOfMember(in: bytes, from: position)
            let member = FieldGrammar.trimmed(position..<end, in: bytes)
            position = end + 1
            if !member.isEmpty { return member }
        }
        return nil
    }

    private func endOfMember(in bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        var isQuoted = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if isQuoted {
                if byte == UInt8(ascii: "\\") { index += 1 }
            } else if byte == separator {
                return index
            }
            index += 1
        }
        // An escape at the very end steps over it.
        return bytes.count
    }
}
