/// Which folder of `Sources/Middleware` may know which.
///
/// `HTTP ← Core ← everything else`; what two middlewares share is a value in `Core` or a `ContextKey`.
struct Arrows: Sendable {
    /// The folders that know more, or less, than `HTTP` and `Core`. A folder that is not listed holds a middleware.
    static let known: [String: Set<String>] = [
        "HTTP": [],
        "Core": ["HTTP"],
        "HTTP1": ["HTTP"],
        "HTTP2": ["HTTP", "Core"],
        "Server": ["HTTP", "Core", "HTTP1", "HTTP2"],
        "Upstream": ["HTTP", "Core", "HTTP1", "HTTP2"],
        "Proxy": ["HTTP", "Core", "HTTP1", "Upstream"],
    ]

    /// Modules that open sockets, and the folders that stay free of them.
    private static let sockets: Set = ["NIOPosix", "NIOSSL", "NIOHTTP1", "NIOHTTP2"]
    private static let socketFree: Set = ["HTTP", "HTTP1"]

    static func mayKnow(_ folder: String) -> Set<String> { known[folder] ?? ["HTTP", "Core"] }

    /// Mentions of a type that the mentioning folder must not know.
    static func violations(in files: [SourceFile]) -> [Violation] {
        var owner: [String: String] = [:]
        var local: [String: Set<String>] = [:]
        for file in files {
            guard let folder = file.folder else { continue }
            for declaration in file.declarations where declaration.isType || declaration.keyword == "associatedtype" {
                local[folder, default: []].insert(declaration.name)
                if declaration.isAtTop, !declaration.isPrivate { owner[declaration.name] = folder }
            }
        }
        return files.flatMap { file -> [Violation] in
            guard let folder = file.folder else {
                return file.isLibrary ? [Self.homeless(file)] : []
            }
            return mentions(in: file, of: folder, owner: owner, local: local[folder] ?? [])
                + imports(in: file, of: folder)
        }
    }

    private static func mentions(
        in file: SourceFile, of folder: String, owner: [String: String], local: Set<String>
    ) -> [Violation] {
        let allowed = mayKnow(folder)
        var reported: Set<String> = []
        var found: [Violation] = []
        for token in file.code.tokens {
            guard let home = owner[token.text], home != folder, !allowed.contains(home) else { continue }
            guard !local.contains(token.text), !file.code.isMember(token) else { continue }
            guard reported.insert(token.text).inserted else { continue }
            let mend =
                allowed.isEmpty
                ? "keep \(folder)/ free of the other folders"
                : "it may know \(allowed.sorted().joined(separator: ", ")); share a value in Core or a ContextKey"
            found.append(
                Violation(
                    path: file.path, line: token.line, problem: "\(folder)/ mentions \(token.text) of \(home)/",
                    mend: mend))
        }
        return found
    }

    private static func imports(in file: SourceFile, of folder: String) -> [Violation] {
        guard socketFree.contains(folder) else { return [] }
        return zip(file.code.tokens, file.code.tokens.dropFirst()).compactMap { keyword, module in
            guard keyword.text == "import", sockets.contains(module.text) else { return nil }
            return Violation(
                path: file.path, line: module.line, problem: "\(folder)/ imports \(module.text)",
                mend: "keep it bytes in, values out; sockets belong to Server/ and Upstream/")
        }
    }

    private static func homeless(_ file: SourceFile) -> Violation {
        Violation(
            path: file.path, line: 1, problem: "stands in no folder", mend: "move it to the folder of its one concern")
    }
}
