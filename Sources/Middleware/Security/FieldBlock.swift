import HTTPTypes

/// Fields that are the same for every answer, laid out once: adding them copies their bytes in one piece.
struct FieldBlock: Sendable {
    fileprivate struct Field: Sendable {
        var name: Range<Int>
        var value: Range<Int>
        var known: KnownField
    }

    /// Names and values as they go out, one behind the other.
    fileprivate var bytes: [UInt8] = []
    /// The same with the names in lower case, to compare with.
    fileprivate var lowercase: [UInt8] = []
    fileprivate var fields: [Field] = []
    /// The lengths of the names, bit by bit: most fields of an answer are told apart by it.
    fileprivate var lengths: UInt64 = 0

    init() {}

    /// Whether there is no field.
    var isEmpty: Bool { fields.isEmpty }

    /// Adds a field, and says where among the bytes its value begins. The value is made legal. At most 64 fields.
    @discardableResult
    mutating func append(_ name: HTTPField.Name, _ value: String) -> Int {
        var one = Headers()
        one.append(name, value)
        let start = bytes.count
        bytes += one.own
        lowercase += Array(name.canonicalName.utf8) + one.own[name.rawName.utf8.count...]
        let valueStart = start + name.rawName.utf8.count
        let known = KnownField(name: name.canonicalName.utf8.span)
        fields.append(Field(name: start..<valueStart, value: valueStart..<bytes.count, known: known))
        lengths |= 1 << UInt64(min(63, valueStart - start))
        return valueStart
    }

    /// The fields that `headers` has already, bit by bit.
    fileprivate func present(in headers: Headers) -> UInt64 {
        var present: UInt64 = 0
        for entry in headers.entries where lengths &>> UInt64(min(63, entry.nameLength)) & 1 == 1 {
            for index in fields.indices where fields[index].name.count == Int(entry.nameLength) {
                let isSame = headers.withName(of: entry) {
                    equalIgnoringCase($0, lowercase: lowercase.span.extracting(fields[index].name))
                }
                if isSame { present |= 1 << UInt64(index) }
            }
        }
        return present
    }
}

extension Headers {
    /// Adds the fields of a block whose names are not there yet.
    ///
    /// - Parameters:
    ///   - text: bytes that replace those of the block at `places`.
    ///   - places: where they go, counted in the block's bytes.
    mutating func appendMissing(of block: FieldBlock, writing text: [UInt8] = [], at places: [Int] = []) {
        guard !block.isEmpty else { return }
        let present = isEmpty ? 0 : block.present(in: self)
        let start = own.count
        own.append(contentsOf: block.bytes)
        for place in places where start + place + text.count <= own.count {
            own.replaceSubrange((start + place)..<(start + place + text.count), with: text)
        }
        for index in block.fields.indices where present &>> UInt64(index) & 1 == 0 {
            let field = block.fields[index]
            let name = (start + field.name.lowerBound)..<(start + field.name.upperBound)
            let value = (start + field.value.lowerBound)..<(start + field.value.upperBound)
            insert(Entry(name: name, value: value, known: field.known, origin: .own))
        }
    }
}
