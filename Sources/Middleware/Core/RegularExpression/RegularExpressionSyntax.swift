/// What a regular expression says, as a tree.
indirect enum RegularExpressionSyntax: Equatable {
    case empty
    case set(ByteClass)
    case start
    case end
    case boundary(isWanted: Bool)
    case sequence([RegularExpressionSyntax])
    /// The first that matches counts.
    case choice([RegularExpressionSyntax])
    case repetition(RegularExpressionSyntax, atLeast: Int, atMost: Int?, isGreedy: Bool)
    case group(RegularExpressionSyntax, index: Int)

    /// Whether it can match without taking a byte.
    var canBeEmpty: Bool {
        switch self {
        case .empty, .start, .end, .boundary: true
        case .set: false
        case .sequence(let parts): parts.allSatisfy(\.canBeEmpty)
        case .choice(let branches): branches.contains(where: \.canBeEmpty)
        case .repetition(let inner, let least, _, _): least == 0 || inner.canBeEmpty
        case .group(let inner, _): inner.canBeEmpty
        }
    }
}

/// A set of bytes.
struct ByteClass: Hashable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    init() {}

    init(_ range: ClosedRange<UInt8>) { insert(range) }

    init(_ byte: UInt8) { insert(byte...byte) }

    static let digits = ByteClass(UInt8(ascii: "0")...UInt8(ascii: "9"))

    static let word: ByteClass = {
        var word = digits
        word.insert(UInt8(ascii: "a")...UInt8(ascii: "z"))
        word.insert(UInt8(ascii: "A")...UInt8(ascii: "Z"))
        word.insert(UInt8(ascii: "_")...UInt8(ascii: "_"))
        return word
    }()

    static let space: ByteClass = {
        var space = ByteClass(0x09...0x0D)
        space.insert(0x20...0x20)
        return space
    }()

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return (word &>> UInt64(byte & 0x3F)) & 1 != 0
    }

    mutating func insert(_ range: ClosedRange<UInt8>) {
        for byte in range {
            let bit: UInt64 = 1 << UInt64(byte & 0x3F)
            switch byte >> 6 {
            case 0: words.0 |= bit
            case 1: words.1 |= bit
            case 2: words.2 |= bit
            default: words.3 |= bit
            }
        }
    }

    func union(_ other: ByteClass) -> ByteClass {
        var result = self
        result.words.0 |= other.words.0
        result.words.1 |= other.words.1
        result.words.2 |= other.words.2
        result.words.3 |= other.words.3
        return result
    }

    var inverted: ByteClass {
        var result = self
        result.words = (~words.0, ~words.1, ~words.2, ~words.3)
        return result
    }

    /// With the other case of each letter.
    var ignoringCase: ByteClass {
        var result = self
        for byte in UInt8(ascii: "a")...UInt8(ascii: "z") {
            if contains(byte) { result.insert((byte - 0x20)...(byte - 0x20)) }
            if contains(byte - 0x20) { result.insert(byte...byte) }
        }
        return result
    }

    /// The byte when there is only one.
    var only: UInt8? {
        let counts = [words.0, words.1, words.2, words.3].map(\.nonzeroBitCount)
        guard counts.reduce(0, +) == 1 else { return nil }
        return (UInt8.min...UInt8.max).first { contains($0) }
    }

    static func == (left: ByteClass, right: ByteClass) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        for word in [words.0, words.1, words.2, words.3] { hasher.combine(word) }
    }
}
