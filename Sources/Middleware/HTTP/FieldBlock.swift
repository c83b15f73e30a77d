package import HTTPTypes

/// Fields that are the same for many messages, laid out once: adding them copies their bytes in one piece.
///
/// ```swift
/// static let fields = FieldBlock([(.vary, "Origin")])
/// response.headers.addMissing(of: Self.fields)
/// ```
///
/// A class, so that handing it on is one reference.
package final class FieldBlock: Sendable {
    /// The fields as lines, one behind the other, as they go out.
    let bytes: [UInt8]
    /// The same with the names in lower case, to compare with.
    fileprivate let lowercase: [UInt8]
    /// Where they lie in ``bytes``.
    let fields: [Headers.Entry]
    /// The lengths of the names, bit by bit: most fields of a message are told apart by it.
    fileprivate let lengths: UInt64
    /// The known ones among them.
    let known: KnownFields
    /// Where the value of each begins in the bytes.
    package let valueStarts: [Int]

    /// A block of those fields, at most 64. Values are made legal.
    package init(_ pairs: [(HTTPField.Name, String)]) {
        var headers = Headers()
        for (name, value) in pairs.prefix(64) { headers.append(name, value) }
        fields = headers.entries
        bytes = headers.own
        known = headers.known
        var lowercase = bytes
        for (entry, pair) in zip(headers.entries, pairs) {
            lowercase.replaceSubrange(entry.name, with: Array(pair.0.canonicalName.utf8))
        }
        self.lowercase = lowercase
        lengths = headers.entries.reduce(0) { $0 | 1 << UInt64(min(63, $1.nameLength)) }
        valueStarts = headers.entries.map { Int($0.valueOffset) }
    }

    /// Whether there is no field.
    package var isEmpty: Bool { fields.isEmpty }

    /// The fields that `headers` has already, bit by bit.
    fileprivate func present(in headers: Headers) -> UInt64 {
        var present: UInt64 = 0
        // Known fields are told at once; only a name that is not known has to be read.
        guard known.contains(.other) || !known.isDisjoint(with: headers.known) else { return 0 }
        for entry in headers.entries where lengths &>> UInt64(min(63, entry.nameLength)) & 1 == 1 {
            for index in fields.indices where fields[index].nameLength == entry.nameLength {
                let start = Int(fields[index].nameOffset)
                let isSame = headers.withName(of: entry) { name in
                    let lowercase = lowercase
                    return equalIgnoringCase(name, lowercase: lowercase.span.extracting(start..<start + name.count))
                }
                if isSame { present |= 1 << UInt64(index) }
            }
        }
        return present
    }
}

extension Headers {
    /// Adds the fields of a block whose names are not there yet.
    package mutating func addMissing(of block: FieldBlock) {
        guard !block.fields.isEmpty else { return }
        append(block, leavingOut: block.present(in: self))
    }

    /// The same with `text` in the place of the block's bytes at `places`, which are counted there.
    package mutating func addMissing(of block: FieldBlock, writing text: Span<UInt8>, at places: [Int]) {
        guard !block.fields.isEmpty else { return }
        addMissing(of: block)
        write(text, at: places, from: own.count - block.bytes.count)
    }

    /// Adds the fields of a block, whether or not their names are there.
    package mutating func add(_ block: FieldBlock) {
        guard !block.fields.isEmpty else { return }
        append(block, leavingOut: 0)
    }
}
