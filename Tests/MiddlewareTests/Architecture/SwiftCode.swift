/// The words and braces of a Swift file, without comments and the text of string literals.
///
/// Just enough of the language's lexical rules for a rule to ask "does this file mention that name": nested comments,
/// raw and multi-line strings, and interpolations, whose code counts as code. A regular-expression literal that
/// holds a quotation mark would confuse it; the sources have none.
struct SwiftCode: Sendable {
    /// A word, or one of `{` and `}`.
    struct Token: Sendable, Equatable {
        let text: String
        let line: Int
        /// Where it begins in `bytes`.
        let start: Int

        var end: Int { start + text.utf8.count }
    }

    /// The file's bytes; comments and the insides of literals are spaces, so that lines keep their numbers.
    let bytes: [UInt8]
    let tokens: [Token]

    init(_ text: String) {
        bytes = Self.blanked(Array(text.utf8))
        tokens = Self.tokens(of: bytes)
    }

    /// The byte at `index`, or a space outside the file.
    func byte(_ index: Int) -> UInt8 { bytes.indices.contains(index) ? bytes[index] : UInt8(ascii: " ") }

    func isMember(_ token: Token) -> Bool { byte(token.start - 1) == UInt8(ascii: ".") }

    func isCalled(_ token: Token) -> Bool { byte(token.end) == UInt8(ascii: "(") }

    /// The arguments of a call as text, without the outer parentheses.
    func arguments(of token: Token) -> String {
        var depth = 0
        var index = token.end
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "(") { depth += 1 }
            if bytes[index] == UInt8(ascii: ")") { depth -= 1 }
            if depth == 0 { break }
            index += 1
        }
        guard index > token.end else { return "" }
        return String(decoding: bytes[(token.end + 1)..<min(index, bytes.count)], as: UTF8.self)
    }

    static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }

    private static func tokens(of bytes: [UInt8]) -> [Token] {
        var tokens: [Token] = []
        var line = 1
        var index = 0
        while index < bytes.count {
            let start = index
            if isWord(bytes[index]) {
                while index < bytes.count, isWord(bytes[index]) { index += 1 }
            } else {
                index += 1
                if bytes[start] == UInt8(ascii: "\n") { line += 1 }
                guard bytes[start] == UInt8(ascii: "{") || bytes[start] == UInt8(ascii: "}") else { continue }
            }
            tokens.append(Token(text: String(decoding: bytes[start..<index], as: UTF8.self), line: line, start: start))
        }
        return tokens
    }
}

// MARK: - Blanking comments and literals

extension SwiftCode {
    private enum Frame {
        case code(parentheses: Int)
        case string(hashes: Int, quotes: Int)
    }

    private static let newline = UInt8(ascii: "\n")
    private static let space = UInt8(ascii: " ")
    private static let slash = UInt8(ascii: "/")
    private static let star = UInt8(ascii: "*")
    private static let hash = UInt8(ascii: "#")
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let opening = UInt8(ascii: "(")
    private static let closing = UInt8(ascii: ")")

    private static func blanked(_ text: [UInt8]) -> [UInt8] {
        var output = text
        var index = 0
        var frames: [Frame] = [.code(parentheses: 0)]

        func at(_ position: Int) -> UInt8 { position < text.count ? text[position] : space }
        func run(of byte: UInt8, from position: Int) -> Int {
            var end = position
            while at(end) == byte { end += 1 }
            return end - position
        }
        func blank(_ count: Int) {
            for position in index..<min(index + count, text.count) where text[position] != newline {
                output[position] = space
            }
            index += count
        }

        while index < text.count {
            switch frames[frames.count - 1] {
            case .code(let parentheses):
                let byte = text[index]
                if byte == slash, at(index + 1) == slash {
                    while index < text.count, text[index] != newline { blank(1) }
                } else if byte == slash, at(index + 1) == star {
                    var depth = 0
                    repeat {
                        if at(index) == slash, at(index + 1) == star {
                            depth += 1
                            blank(2)
                            continue
                        }
                        if at(index) == star, at(index + 1) == slash {
                            depth -= 1
                            blank(2)
                            continue
                        }
                        blank(1)
                    } while depth > 0 && index < text.count
                } else if byte == quote || byte == hash {
                    let hashes = run(of: hash, from: index)
                    guard at(index + hashes) == quote else {
                        index += max(hashes, 1)
                        continue
                    }
                    let quotes = run(of: quote, from: index + hashes) >= 3 ? 3 : 1
                    frames.append(.string(hashes: hashes, quotes: quotes))
                    index += hashes + quotes
                } else {
                    if byte == opening { frames[frames.count - 1] = .code(parentheses: parentheses + 1) }
                    if byte == closing {
                        if parentheses == 0, frames.count > 1 {
                            frames.removeLast()
                        } else {
                            frames[frames.count - 1] = .code(parentheses: parentheses - 1)
                        }
                    }
                    index += 1
                }
            case .string(let hashes, let quotes):
                let byte = text[index]
                if byte == backslash, run(of: hash, from: index + 1) >= hashes {
                    if at(index + 1 + hashes) == opening {
                        frames.append(.code(parentheses: 0))
                        blank(1 + hashes)
                        index += 1
                    } else {
                        blank(2 + hashes)
                    }
                } else if byte == quote, run(of: quote, from: index) >= quotes,
                    run(of: hash, from: index + quotes) >= hashes
                {
                    frames.removeLast()
                    index += quotes + hashes
                } else if byte == newline, quotes == 1 {
                    frames.removeLast()
                    index += 1
                } else {
                    blank(1)
                }
            }
        }
        return output
    }
}
