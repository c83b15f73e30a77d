import Foundation
import Middleware
import MiddlewareTesting
import Testing

/// The same matches as an engine that nobody here wrote.
@Suite("RegularExpression beside ICU")
struct RegularExpressionPropertyTests {
    /// Writes expressions over a few letters. Loops hold no empty text: engines differ in what a group remembers of it.
    private struct Writer {
        var chance: SeededRandomness
        var groups = 0

        mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: chance.next() % UInt64(bound)) }

        mutating func expression(depth: Int) -> String {
            let count = 1 + below(3)
            var branches: [String] = []
            for _ in 0..<count {
                var text = ""
                for _ in 0..<(1 + below(3)) { text += piece(depth: depth) }
                branches.append(text)
            }
            return branches.joined(separator: "|")
        }

        private mutating func piece(depth: Int) -> String {
            let atoms = ["a", "b", "c", ".", "[ab]", "[^a]", "\\w", "/", "\\bb", "a\\B"]
            let loops = ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{2,}?"]
            if depth > 0, below(3) == 0 {
                let inner = expression(depth: depth - 1)
                if below(2) == 0 { return "(?:\(inner))" }
                return "(\(inner))" + ["", "?", "??"][below(3)]
            }
            let atom = atoms[below(atoms.count)]
            return atom.count > 2 && atom.hasPrefix("\\") || atom.hasSuffix("B")
                ? atom : atom + loops[below(loops.count)]
        }

        mutating func text() -> String {
            var text = ""
            for _ in 0..<below(9) { text += ["a", "b", "c", "/", " "][below(5)] }
            return text
        }
    }

    @Test("20,000 generated expressions and texts", arguments: [1, 2])
    func generated(seed: UInt64) throws {
        var writer = Writer(chance: SeededRandomness(seed: seed))
        for _ in 0..<2_000 {
            let text = writer.expression(depth: 2)
            let ours = try RegularExpression(parsing: text)
            let theirs = try NSRegularExpression(pattern: text)
            for _ in 0..<5 {
                let sample = writer.text()
                let expected = theirs.firstMatch(in: sample, range: NSRange(location: 0, length: sample.utf16.count))
                let found = ours.match(in: sample.utf8.span)
                for group in 0...ours.groupCount {
                    let range = expected.flatMap { Range($0.range(at: group)) }
                    #expect(found?[group] == range, "\(text) in \(sample), group \(group)")
                }
            }
        }
    }
}
