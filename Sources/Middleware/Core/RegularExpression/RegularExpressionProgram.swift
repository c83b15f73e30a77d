/// A regular expression as steps that a ``RegularExpressionMatcher`` takes.
struct RegularExpressionProgram: Sendable {
    enum Step: Sendable {
        /// Takes one byte, and goes on with the next step.
        case take(ByteClass)
        /// Goes on at both, the first before the second.
        case split(Int, Int)
        case jump(Int)
        case save(Int)
        case start
        case end
        case boundary(isWanted: Bool)
        case match
    }

    /// Each byte of a text costs up to this many.
    static let mostSteps = 2000
    /// Each step carries the places of all groups with it.
    static let mostPlaces = 20_000

    private(set) var steps: [Step] = []
    private(set) var groupCount = 0
    private(set) var groupNames: [String: Int] = [:]
    /// Bytes that every match begins with.
    private(set) var prefix: [UInt8] = []
    /// Whether a match stands at the start of the text only.
    private(set) var isAnchored = false

    /// Matches no text.
    static var nothing: RegularExpressionProgram { RegularExpressionProgram() }

    private init() { steps = [.take(ByteClass()), .match] }

    init(_ text: String) throws(RegularExpressionError) {
        var parser = RegularExpressionParser(text)
        let syntax = try parser.parse()
        groupCount = parser.groupCount
        groupNames = parser.groupNames
        try emit(.group(syntax, index: 0))
        try append(.match)
        guard steps.count * slotCount <= Self.mostPlaces else {
            throw RegularExpressionError(
                reason: "has too many groups for so many steps: write (?: ) where none is used")
        }
        (prefix, isAnchored) = Self.beginning(of: syntax)
    }

    /// Two places for each group.
    var slotCount: Int { 2 * (groupCount + 1) }

    /// Whether the literals stand there that each match begins with.
    @inline(__always)
    func isPrefix(of bytes: Span<UInt8>, at position: Int) -> Bool {
        guard position >= 0, prefix.count <= bytes.count - position else { return false }
        for index in prefix.indices where bytes[position + index] != prefix[index] { return false }
        return true
    }

    private mutating func append(_ step: Step) throws(RegularExpressionError) {
        guard steps.count < Self.mostSteps else {
            throw RegularExpressionError(
                reason: "has more than \(Self.mostSteps) steps once its repetitions are written out")
        }
        steps.append(step)
    }

    private mutating func emit(_ syntax: RegularExpressionSyntax) throws(RegularExpressionError) {
        switch syntax {
        case .empty: break
        case .set(let set): try append(.take(set))
        case .start: try append(.start)
        case .end: try append(.end)
        case .boundary(let isWanted): try append(.boundary(isWanted: isWanted))
        case .sequence(let parts): for part in parts { try emit(part) }
        case .choice(let branches): try emit(choice: branches)
        case .repetition(let inner, let least, let most, let isGreedy):
            for _ in 0..<least {
                let start = steps.count
                try emit(inner)
                // Nothing again and again is nothing.
                if steps.count == start { break }
            }
            if let most {
                try emit(inner, atMost: most - least, isGreedy: isGreedy)
            } else {
                try emitLoop(inner, isGreedy: isGreedy)
            }
        case .group(let inner, let index):
            try append(.save(2 * index))
            try emit(inner)
            try append(.save(2 * index + 1))
        }
    }

    private mutating func emit(choice branches: [RegularExpressionSyntax]) throws(RegularExpressionError) {
        var ends: [Int] = []
        for (index, branch) in branches.enumerated() {
            let split = steps.count
            let isLast = index == branches.count - 1
            if !isLast { try append(.split(split + 1, 0)) }
            try emit(branch)
            if !isLast {
                ends.append(steps.count)
                try append(.jump(0))
                steps[split] = .split(split + 1, steps.count)
            }
        }
        for end in ends { steps[end] = .jump(steps.count) }
    }

    private mutating func emitLoop(
        _ inner: RegularExpressionSyntax, isGreedy: Bool
    ) throws(RegularExpressionError) {
        let start = steps.count
        try append(.split(0, 0))
        try emit(inner)
        // A turn that takes nothing is the last one: with a way back to the first split, where this turn has been
        // already, the next alternative of the inner would be taken instead.
        try append(inner.canBeEmpty ? .split(0, 0) : .jump(start))
        if inner.canBeEmpty {
            steps[steps.count - 1] = isGreedy ? .split(start + 1, steps.count) : .split(steps.count, start + 1)
        }
        steps[start] = isGreedy ? .split(start + 1, steps.count) : .split(steps.count, start + 1)
    }

    private mutating func emit(
        _ inner: RegularExpressionSyntax, atMost most: Int, isGreedy: Bool
    ) throws(RegularExpressionError) {
        var splits: [Int] = []
        for _ in 0..<most {
            splits.append(steps.count)
            try append(.split(0, 0))
            try emit(inner)
        }
        for split in splits {
            steps[split] = isGreedy ? .split(split + 1, steps.count) : .split(steps.count, split + 1)
        }
    }

    /// The literals that an expression begins with, and whether it begins with `^`.
    private static func beginning(of syntax: RegularExpressionSyntax) -> (prefix: [UInt8], isAnchored: Bool) {
        let parts: [RegularExpressionSyntax] = if case .sequence(let parts) = syntax { parts } else { [syntax] }
        let isAnchored = parts.first == .start
        var prefix: [UInt8] = []
        for part in parts.dropFirst(isAnchored ? 1 : 0) {
            guard case .set(let set) = part, let byte = set.only else { break }
            prefix.append(byte)
        }
        return (prefix, isAnchored)
    }
}
