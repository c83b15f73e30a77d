/// What a match is replaced by: text with `$1`, `${name}` and `$0` in it, and `$$` for the character.
package struct RegularExpressionTemplate: Sendable {
    package enum Part: Sendable, Equatable {
        case literal([UInt8])
        case group(Int)
    }

    package private(set) var parts: [Part] = []

    /// Reads a template for the groups of `expression`.
    package init(_ text: String, for expression: RegularExpression) throws(RegularExpressionError) {
        let bytes = Array(text.utf8)
        var literal: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "$") else {
                literal.append(bytes[index])
                index += 1
                continue
            }
            let (name, end) = Self.reference(in: bytes, behind: index)
            index = end
            if name == "$" {
                literal.append(UInt8(ascii: "$"))
                continue
            }
            guard let group = Int(name) ?? expression.group(named: name), group <= expression.groupCount, group >= 0
            else {
                throw RegularExpressionError(
                    reason: name.isEmpty
                        ? "has a $ that names no group: write $$ for the character"
                        : "names the group \(name), which \(expression) does not have")
            }
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = []
            parts.append(.group(group))
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
    }

    /// Appends the template with a match's groups in place of their names; one that took no part is empty.
    package func write(
        _ match: RegularExpression.Match, in bytes: Span<UInt8>, to output: inout [UInt8]
    ) {
        for part in parts {
            switch part {
            case .literal(let literal): output += literal
            case .group(let group):
                guard let range = match[group] else { continue }
                bytes.extracting(range).withUnsafeBufferPointer { output.append(contentsOf: $0) }
            }
        }
    }

    /// What is named behind the `$` at `index`, and where it ends: `1`, `name` of `${name}`, or `$`.
    private static func reference(in bytes: [UInt8], behind index: Int) -> (String, end: Int) {
        var end = index + 1
        guard end < bytes.count else { return ("", end) }
        if bytes[end] == UInt8(ascii: "$") { return ("$", end + 1) }
        let isBraced = bytes[end] == UInt8(ascii: "{")
        if isBraced { end += 1 }
        let start = end
        while end < bytes.count, (isBraced ? ByteClass.word : .digits).contains(bytes[end]) { end += 1 }
        let name = String(decoding: bytes[start..<end], as: UTF8.self)
        guard isBraced else { return (name, end) }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "}") else { return ("", end) }
        return (name, end + 1)
    }
}

extension RegularExpression {
    /// What has become of a text.
    package enum Replacement: Equatable {
        case unchanged
        case changed([UInt8])
        /// Each match looks for its end in all that follows: a text that makes that too dear is given up.
        case tooDear
    }

    /// The bytes with each match replaced, from the left. At most 64 times the length of the text is looked at.
    package func replacingMatches(in bytes: Span<UInt8>, with template: RegularExpressionTemplate) -> Replacement {
        var matcher = RegularExpressionMatcher(program, isWhole: false)
        var output: [UInt8] = []
        var copied = 0
        var start = 0
        var count = 0
        while let match = matcher.match(in: bytes, from: start).map({ Match(slots: $0) }) {
            guard matcher.looked <= 64 * (bytes.count + 1) else { return .tooDear }
            count += 1
            bytes.extracting(copied..<match.range.lowerBound).withUnsafeBufferPointer { output.append(contentsOf: $0) }
            template.write(match, in: bytes, to: &output)
            copied = match.range.upperBound
            // A match of nothing would be found again where it ends.
            start = match.range.isEmpty ? copied + 1 : copied
        }
        guard count > 0 else { return .unchanged }
        bytes.extracting(copied..<bytes.count).withUnsafeBufferPointer { output.append(contentsOf: $0) }
        return .changed(output)
    }
}
