/// A declaration found in a file: enough to know its name, who sees it, and where it stands.
struct Declaration: Sendable {
    let keyword: String
    /// An initialiser or subscript is named with its first label, `init(from`; an operator is named `operator`.
    let name: String
    let line: Int
    let modifiers: Set<String>
    /// The innermost type, protocol or extension around it; nil at the top of the file.
    let enclosing: Scope?
    let isAtTop: Bool
    /// An initialiser's argument labels; where a label is `_`, the argument's name.
    let labels: [String]
    /// The names between a type's own name and its brace: what it inherits, conforms to and is constrained by.
    let inherited: Set<String>

    var isType: Bool { Self.typeKeywords.contains(keyword) }
    var isPublic: Bool { modifiers.contains("public") || modifiers.contains("open") }
    var isPrivate: Bool { modifiers.contains("private") || modifiers.contains("fileprivate") }

    /// What a brace opened.
    struct Scope: Sendable {
        /// `struct`, `extension` and so on, or `body` for every other brace.
        let keyword: String
        let isPublic: Bool
    }

    static let typeKeywords: Set = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    private static let scopeKeywords: Set = ["struct", "class", "enum", "actor", "protocol", "extension"]
    private static let memberKeywords: Set = ["func", "var", "let", "init", "subscript", "associatedtype"]
    private static let modifierWords: Set = [
        "public", "open", "package", "internal", "fileprivate", "private", "set", "final", "static", "class",
        "nonisolated", "nonsending", "unsafe", "mutating", "nonmutating", "consuming", "borrowing", "indirect",
        "override", "convenience", "required", "lazy", "weak", "unowned", "prefix", "postfix", "infix", "dynamic",
        "async", "distributed", "sending",
    ]

    /// Every declaration of a file in order, at any depth.
    static func all(in code: SwiftCode) -> [Declaration] {
        var found: [Declaration] = []
        var scopes: [Scope] = []
        var pending: Scope?
        let tokens = code.tokens

        for (index, token) in tokens.enumerated() {
            switch token.text {
            case "{":
                scopes.append(pending ?? Scope(keyword: "body", isPublic: false))
                pending = nil
            case "}":
                _ = scopes.popLast()
            default:
                guard isKeyword(token, at: index, in: code) else { continue }
                let modifiers = modifiers(before: index, in: tokens)
                let declaration = Declaration(
                    keyword: token.text,
                    name: name(after: index, in: code),
                    line: token.line,
                    modifiers: modifiers,
                    enclosing: scopes.last,
                    isAtTop: scopes.isEmpty,
                    labels: token.text == "init" ? labels(after: token, in: code) : [],
                    inherited: scopeKeywords.contains(token.text) ? inherited(after: index, in: tokens) : []
                )
                if scopeKeywords.contains(token.text) {
                    let seen = declaration.isPublic || token.text == "extension"
                    pending = Scope(keyword: token.text, isPublic: seen && (scopes.last?.isPublic ?? true))
                }
                found.append(declaration)
            }
        }
        return found
    }

    private static func isKeyword(_ token: SwiftCode.Token, at index: Int, in code: SwiftCode) -> Bool {
        guard !code.isMember(token), code.byte(token.end) != UInt8(ascii: ":") else { return false }
        if memberKeywords.contains(token.text) { return true }
        guard scopeKeywords.contains(token.text) || token.text == "typealias" else { return false }
        // `class func`, `import struct Foundation.Date`, and a backticked name are no declarations of a type.
        guard code.byte(token.end) == UInt8(ascii: " "), index + 1 < code.tokens.count else { return false }
        let next = code.tokens[index + 1].text
        let isModifier = memberKeywords.contains(next) || modifierWords.contains(next)
        let isImport = index > 0 && code.tokens[index - 1].text == "import"
        return !isModifier && !isImport && next != "{" && next != "}"
    }

    private static func modifiers(before index: Int, in tokens: [SwiftCode.Token]) -> Set<String> {
        var words: Set<String> = []
        for token in tokens[..<index].reversed() {
            guard modifierWords.contains(token.text), tokens[index].line - token.line <= 1 else { break }
            words.insert(token.text)
        }
        return words
    }

    private static func name(after index: Int, in code: SwiftCode) -> String {
        let keyword = code.tokens[index]
        guard index + 1 < code.tokens.count else { return "" }
        let next = code.tokens[index + 1]
        if ["init", "subscript"].contains(keyword.text) { return "\(keyword.text)(\(next.text)" }
        let gap = code.bytes[keyword.end..<next.start]
        let isPlain = gap.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "`") }
        return isPlain ? next.text : "operator"
    }

    private static func labels(after token: SwiftCode.Token, in code: SwiftCode) -> [String] {
        var labels: [String] = []
        var depth = 0
        var argument = ""
        for character in code.arguments(of: token) + "," {
            if "([<{".contains(character) { depth += 1 }
            if ")]>}".contains(character), argument.last != "-" { depth -= 1 }
            argument.append(character)
            guard character == ",", depth == 0 else { continue }
            let words = argument.prefix { $0 != ":" }.split { $0 == " " || $0 == "\n" }
            if let label = words.first(where: { $0 != "_" && $0 != "," }) { labels.append(String(label)) }
            argument = ""
        }
        return labels
    }

    private static func inherited(after index: Int, in tokens: [SwiftCode.Token]) -> Set<String> {
        Set(tokens[(index + 1)...].dropFirst().prefix { $0.text != "{" && $0.text != "}" }.map(\.text))
    }
}
