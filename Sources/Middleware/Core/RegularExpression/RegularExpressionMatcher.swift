/// Takes the steps of a program over a text, all ways at once: each step is visited at most once for each byte.
struct RegularExpressionMatcher {
    private let program: RegularExpressionProgram
    private let isWhole: Bool
    private var current: RegularExpressionWays
    private var next: RegularExpressionWays
    private var slots: [Int]
    /// How many bytes were looked at, those that were looked at again counted again.
    private(set) var looked = 0

    init(_ program: RegularExpressionProgram, isWhole: Bool) {
        self.program = program
        self.isWhole = isWhole
        current = RegularExpressionWays(program.steps.count)
        next = RegularExpressionWays(program.steps.count)
        slots = Array(repeating: -1, count: program.slotCount)
    }

    /// The places of the groups of the first match from `start` on.
    mutating func match(in bytes: Span<UInt8>, from start: Int) -> [Int]? {
        guard start <= bytes.count else { return nil }
        var best: [Int]?
        var position = start
        let isFixed = isWhole || program.isAnchored
        current.begin()
        while true {
            if best == nil, !isFixed || position == start {
                if current.steps.isEmpty {
                    guard let candidate = candidate(in: bytes, from: position, isFixed: isFixed) else { return nil }
                    position = candidate
                    current.begin()
                }
                for index in slots.indices { slots[index] = -1 }
                current.follow(0, of: program, in: bytes, at: position, slots: &slots)
            }
            // No way is left, and none may begin further on.
            if current.steps.isEmpty, best != nil || isFixed { return best }
            looked += 1
            advance(in: bytes, at: position, &best)
            swap(&current, &next)
            guard position < bytes.count else { return best }
            position += 1
        }
    }

    /// Where a match could begin: where the literals stand that each begins with.
    private func candidate(in bytes: Span<UInt8>, from start: Int, isFixed: Bool) -> Int? {
        guard !program.prefix.isEmpty else { return start }
        var position = start
        while position <= bytes.count {
            if program.isPrefix(of: bytes, at: position) { return position }
            if isFixed { return nil }
            position += 1
        }
        return nil
    }

    /// Takes one byte along every way; a way that matches ends those that are wanted less.
    private mutating func advance(in bytes: Span<UInt8>, at position: Int, _ best: inout [Int]?) {
        next.begin()
        let count = program.slotCount
        for way in current.steps.indices {
            let step = current.steps[way]
            switch program.steps[step] {
            case .take(let set):
                guard position < bytes.count, set.contains(bytes[position]) else { continue }
                for index in 0..<count { slots[index] = current.slots[way * count + index] }
                next.follow(step + 1, of: program, in: bytes, at: position + 1, slots: &slots)
            default:
                // The end of the program; all other steps were followed when the way was made.
                if isWhole, position < bytes.count { continue }
                best = Array(current.slots[(way * count)..<((way + 1) * count)])
                return
            }
        }
    }
}

/// The ways that are being followed, the most wanted first, each with the places of its groups.
private struct RegularExpressionWays {
    /// What is still to be done while steps that take nothing are followed.
    private enum Pending {
        case visit(Int)
        case restore(slot: Int, value: Int)
    }

    private(set) var steps: [Int] = []
    /// The places of each way's groups, one way behind the other.
    private(set) var slots: [Int] = []
    /// For each step, the turn in which it was reached.
    private var reached: [Int]
    private var turn = 0
    private var pending: [Pending] = []

    init(_ count: Int) { reached = Array(repeating: 0, count: count) }

    mutating func begin() {
        steps.removeAll(keepingCapacity: true)
        slots.removeAll(keepingCapacity: true)
        turn += 1
    }

    /// Follows the steps that take nothing, without recursion: expressions are as deep as somebody writes them.
    mutating func follow(
        _ first: Int, of program: RegularExpressionProgram, in bytes: Span<UInt8>, at position: Int, slots: inout [Int]
    ) {
        pending.append(.visit(first))
        while let work = pending.popLast() {
            guard case .visit(let step) = work else {
                if case .restore(let slot, let value) = work { slots[slot] = value }
                continue
            }
            guard reached[step] != turn else { continue }
            reached[step] = turn
            switch program.steps[step] {
            case .jump(let target): pending.append(.visit(target))
            case .split(let first, let second):
                pending.append(.visit(second))
                pending.append(.visit(first))
            case .save(let slot):
                pending.append(.restore(slot: slot, value: slots[slot]))
                slots[slot] = position
                pending.append(.visit(step + 1))
            case .start: if position == 0 { pending.append(.visit(step + 1)) }
            case .end: if position == bytes.count { pending.append(.visit(step + 1)) }
            case .boundary(let isWanted):
                if Self.isBoundary(in: bytes, at: position) == isWanted { pending.append(.visit(step + 1)) }
            case .take, .match:
                steps.append(step)
                self.slots.append(contentsOf: slots)
            }
        }
    }

    private static func isBoundary(in bytes: Span<UInt8>, at position: Int) -> Bool {
        let before = position > 0 && ByteClass.word.contains(bytes[position - 1])
        let after = position < bytes.count && ByteClass.word.contains(bytes[position])
        return before != after
    }
}
