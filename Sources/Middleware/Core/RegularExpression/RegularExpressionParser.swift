/// Reads the text of a regular expression.
struct RegularExpressionParser {
    typealias Syntax = RegularExpressionSyntax

    /// More than anybody writes, and few enough for the stack.
    private static let deepest = 100
    /// The largest number in `{ }`; the size of the program is what really bounds repetitions.
    private static let mostRepetitions = 1000

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0
    private var ignoresCase = false
    private(set) var groupCount = 0
    private(set) var groupNames: [String: Int] = [:]

    init(_ text: String) { bytes = Array(text.utf8) }

    /// The whole text as a tree.
    mutating func parse() throws(RegularExpressionError) -> Syntax {
        if take("(?i)") { ignoresCase = true }
        let syntax = try parseChoice()
        guard position == bytes.count else { throw RegularExpressionError(reason: "has a ) without its (") }
        return syntax
    }

    private mutating func parseChoice() throws(RegularExpressionError) -> Syntax {
        var branches = [try parseSequence()]
        while take("|") { branches.append(try parseSequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func parseSequence() throws(RegularExpressionError) -> Syntax {
        var parts: [Syntax] = []
        while let byte = peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            let atom = try parseAtom()
            parts.append(try parseRepetition(of: atom))
        }
        return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
    }

    // MARK: Repetitions

    private mutating func parseRepetition(of atom: Syntax) throws(RegularExpressionError) -> Syntax {
        guard let (least, most) = try parseCount() else { return atom }
        switch atom {
        case .start, .end, .boundary: throw RegularExpressionError(reason: "repeats what has no length")
        default: break
        }
        let isGreedy = !take("?")
        if peek == UInt8(ascii: "+") {
            throw RegularExpressionError(reason: "has a possessive repetition, which needs backtracking")
        }
        if peek == UInt8(ascii: "*") || peek == UInt8(ascii: "?") {
            throw RegularExpressionError(reason: "has a repetition of a repetition: put the inner one in a group")
        }
        return .repetition(atom, atLeast: least, atMost: most, isGreedy: isGreedy)
    }

    private mutating func parseCount() throws(RegularExpressionError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard take("{") else { return nil }
        guard let least = number() else { throw Self.badCount }
        var most: Int? = least
        if take(",") { most = peek == UInt8(ascii: "}") ? nil : number() ?? -1 }
        guard take("}"), most.map({ $0 >= least }) ?? true else { throw Self.badCount }
        guard max(least, most ?? 0) <= Self.mostRepetitions else {
            throw RegularExpressionError(reason: "repeats more than \(Self.mostRepetitions) times")
        }
        return (least, most)
    }

    private static let badCount = RegularExpressionError(
        reason: "has a { that begins no count such as {2}, {2,} or {2,4}: write \\{ for the character")

    // MARK: Atoms

    private mutating func parseAtom() throws(RegularExpressionError) -> Syntax {
        let byte = bytes[position]
        switch byte {
        case UInt8(ascii: "("): return try parseGroup()
        case UInt8(ascii: "["): return .set(try parseClass())
        case UInt8(ascii: "\\"): return try parseEscape()
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
            throw RegularExpressionError(reason: "repeats nothing with \(Character(Unicode.Scalar(byte)))")
        case UInt8(ascii: "{"): throw Self.badCount
        default: break
        }
        position += 1
        switch byte {
        case UInt8(ascii: "."): return .set(ByteClass(UInt8(ascii: "\n")).inverted)
        case UInt8(ascii: "^"): return .start
        case UInt8(ascii: "$"): return .end
        default: return literal(byte)
        }
    }

    /// A character; one outside ASCII is the sequence of its bytes, so that a repetition takes all of it.
    private mutating func literal(_ first: UInt8) -> Syntax {
        var parts: [Syntax] = [.set(single(first))]
        if first >= 0xC0 {
            while let next = peek, next & 0xC0 == 0x80 {
                parts.append(.set(ByteClass(next)))
                position += 1
            }
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private func single(_ byte: UInt8) -> ByteClass {
        ignoresCase ? ByteClass(byte).ignoringCase : ByteClass(byte)
    }

    private mutating func parseGroup() throws(RegularExpressionError) -> Syntax {
        position += 1
        depth += 1
        guard depth <= Self.deepest else {
            throw RegularExpressionError(reason: "has groups more than \(Self.deepest) deep")
        }
        var index: Int?
        if take("?<=") || take("?<!") || take("?=") || take("?!") { throw Self.looksAround }
        if take("?>") { throw RegularExpressionError(reason: "has an atomic group, which needs backtracking") }
        if take("?<") || take("?P<") {
            index = try name()
        } else if !take("?:") {
            guard peek != UInt8(ascii: "?") else {
                throw RegularExpressionError(
                    reason: "has a group of a kind that is not known: (?i) may stand at the start")
            }
            groupCount += 1
            index = groupCount
        }
        let inner = try parseChoice()
        guard take(")") else { throw RegularExpressionError(reason: "has a ( without its )") }
        depth -= 1
        return index.map { .group(inner, index: $0) } ?? inner
    }

    private static let looksAround = RegularExpressionError(
        reason: "looks ahead or behind, which needs backtracking")

    private mutating func name() throws(RegularExpressionError) -> Int {
        let start = position
        while let byte = peek, ByteClass.word.contains(byte) { position += 1 }
        let name = String(decoding: bytes[start..<position], as: UTF8.self)
        guard take(">"), let first = name.utf8.first, !ByteClass.digits.contains(first) else {
            throw RegularExpressionError(reason: "has a group without a usable name")
        }
        groupCount += 1
        guard groupNames.updateValue(groupCount, forKey: name) == nil else {
            throw RegularExpressionError(reason: "has two groups named \(name)")
        }
        return groupCount
    }

    // MARK: Classes and escapes

    private mutating func parseClass() throws(RegularExpressionError) -> ByteClass {
        position += 1
        let isInverted = take("^")
        var set = ByteClass()
        var isFirst = true
        while let byte = peek, byte != UInt8(ascii: "]") || isFirst {
            isFirst = false
            let low = try classMember()
            guard let first = low.only, peek == UInt8(ascii: "-"), position + 1 < bytes.count,
                bytes[position + 1] != UInt8(ascii: "]")
            else {
                set = set.union(low)
                continue
            }
            position += 1
            guard let last = try classMember().only, first <= last else {
                throw RegularExpressionError(reason: "has a range in [ ] that runs backwards, or to no character")
            }
            set.insert(first...last)
        }
        guard take("]") else { throw RegularExpressionError(reason: "has a [ without its ]") }
        if ignoresCase { set = set.ignoringCase }
        return isInverted ? set.inverted : set
    }

    private mutating func classMember() throws(RegularExpressionError) -> ByteClass {
        guard let byte = peek else { throw RegularExpressionError(reason: "has a [ without its ]") }
        if byte == UInt8(ascii: "[") {
            throw RegularExpressionError(reason: "has a [ inside of [ ]: write \\[ for the character")
        }
        guard byte < 0x80 else {
            throw RegularExpressionError(reason: "has a letter outside ASCII in [ ], which are sets of bytes")
        }
        position += 1
        guard byte == UInt8(ascii: "\\") else { return ByteClass(byte) }
        switch try escape() {
        case .set(let set): return set
        default: throw RegularExpressionError(reason: "has a \\b in [ ]")
        }
    }

    private mutating func parseEscape() throws(RegularExpressionError) -> Syntax {
        position += 1
        let syntax = try escape()
        if ignoresCase, case .set(let set) = syntax { return .set(set.ignoringCase) }
        return syntax
    }

    /// What stands behind a `\`.
    private mutating func escape() throws(RegularExpressionError) -> Syntax {
        guard let byte = peek else { throw RegularExpressionError(reason: "ends in a \\") }
        position += 1
        switch byte {
        case UInt8(ascii: "d"): return .set(.digits)
        case UInt8(ascii: "D"): return .set(ByteClass.digits.inverted)
        case UInt8(ascii: "w"): return .set(.word)
        case UInt8(ascii: "W"): return .set(ByteClass.word.inverted)
        case UInt8(ascii: "s"): return .set(.space)
        case UInt8(ascii: "S"): return .set(ByteClass.space.inverted)
        case UInt8(ascii: "b"): return .boundary(isWanted: true)
        case UInt8(ascii: "B"): return .boundary(isWanted: false)
        case UInt8(ascii: "n"): return .set(ByteClass(0x0A))
        case UInt8(ascii: "r"): return .set(ByteClass(0x0D))
        case UInt8(ascii: "t"): return .set(ByteClass(0x09))
        case UInt8(ascii: "x"):
            guard position + 1 < bytes.count, let high = FieldGrammar.hexDigit(bytes[position]),
                let low = FieldGrammar.hexDigit(bytes[position + 1])
            else { throw RegularExpressionError(reason: "has a \\x without two hexadecimal digits") }
            position += 2
            return .set(ByteClass(high << 4 | low))
        case UInt8(ascii: "1")...UInt8(ascii: "9"), UInt8(ascii: "k"):
            throw RegularExpressionError(reason: "refers to a group, which needs backtracking")
        case _ where ByteClass.word.contains(byte) || byte >= 0x80:
            let character = byte < 0x80 ? String(Unicode.Scalar(byte)) : "…"
            throw RegularExpressionError(reason: "has an escape that is not known, \\\(character)")
        default: return .set(ByteClass(byte))
        }
    }

    // MARK: The text

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ text: StaticString) -> Bool {
        let isThere = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
        if isThere { position += text.utf8CodeUnitCount }
        return isThere
    }

    /// Up to four digits.
    private mutating func number() -> Int? {
        let start = position
        while let byte = peek, ByteClass.digits.contains(byte), position - start < 4 { position += 1 }
        return Int(String(decoding: bytes[start..<position], as: UTF8.self))
    }
}
