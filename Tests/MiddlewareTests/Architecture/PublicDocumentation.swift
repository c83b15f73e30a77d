/// Everything that a user can reach carries a documentation comment.
///
/// Left out is what documents itself elsewhere: a witness of one of our public protocols, whose requirement is
/// documented; the witnesses of the standard library's protocols and of result builders; and an initialiser that only
/// sets properties which are documented under the names of its arguments.
enum PublicDocumentation {
    static func violations(in files: [SourceFile]) -> [Violation] {
        let witnesses = requirements(of: files)
        return files.flatMap { file in
            file.declarations.compactMap { declaration -> Violation? in
                guard isReachable(declaration), !isDocumented(declaration, in: file) else { return nil }
                guard !setsProperties(declaration, in: file) else { return nil }
                let isWitness = declaration.enclosing?.keyword != "protocol" && witnesses.contains(declaration.name)
                guard !isWitness, !standard.contains(declaration.name), !declaration.modifiers.contains("override")
                else {
                    return nil
                }
                return Violation(
                    path: file.path, line: declaration.line,
                    problem: "public \(described(declaration)) has no documentation comment",
                    mend: "say above it, after ///, what it does and does not, its unit, default and errors")
            }
        }
    }

    private static func described(_ declaration: Declaration) -> String {
        switch declaration.keyword {
        case "init": "init(\(declaration.labels.map { $0 + ":" }.joined()))"
        case "subscript": "subscript"
        default: "\(declaration.keyword) \(declaration.name)"
        }
    }

    private static let standard: Set = [
        "operator", "description", "debugDescription", "hash", "errorDescription", "encode", "init(from",
        "init(rawValue", "rawValue",
        "init(stringLiteral", "init(integerLiteral", "init(arrayLiteral", "init(dictionaryLiteral",
        "init(extendedGraphemeClusterLiteral", "init(unicodeScalarLiteral", "init(booleanLiteral", "init(floatLiteral",
        "makeIterator", "makeAsyncIterator", "next", "Element", "Index", "AsyncIterator", "Iterator", "startIndex",
        "endIndex", "index", "subscript(position", "id", "buildExpression", "buildPartialBlock", "buildBlock",
        "buildOptional", "buildEither",
        "buildArray", "buildLimitedAvailability", "buildFinalResult",
    ]

    private static func requirements(of files: [SourceFile]) -> Set<String> {
        Set(
            files.flatMap(\.declarations)
                .filter { $0.enclosing?.keyword == "protocol" && $0.enclosing?.isPublic == true }
                .map(\.name))
    }

    private static func isReachable(_ declaration: Declaration) -> Bool {
        guard declaration.keyword != "extension" else { return false }
        guard let enclosing = declaration.enclosing else { return declaration.isPublic }
        return enclosing.isPublic && (declaration.isPublic || enclosing.keyword == "protocol")
    }

    private static func setsProperties(_ declaration: Declaration, in file: SourceFile) -> Bool {
        guard declaration.keyword == "init" else { return false }
        return declaration.labels.allSatisfy { label in
            file.declarations.contains {
                ($0.keyword == "var" || $0.keyword == "let") && $0.name == label && $0.isPublic
                    && isDocumented($0, in: file)
            }
        }
    }

    /// Attributes and conditions of compilation may stand between the comment and the declaration.
    private static func isDocumented(_ declaration: Declaration, in file: SourceFile) -> Bool {
        var above = declaration.line - 1
        func text(_ number: Int) -> String { String(file.line(number).drop { $0 == " " || $0 == "\t" }) }
        while text(above).hasPrefix("@") || text(above).hasPrefix("nonisolated") { above -= 1 }
        return text(above).hasPrefix("///")
    }
}
