import Foundation

/// One file of the package, as the architecture rules see it.
struct SourceFile: Sendable {
    /// Relative to the package, such as `Sources/Middleware/Core/Pipeline.swift`.
    let path: String
    let lines: [String]
    let code: SwiftCode
    let declarations: [Declaration]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        code = SwiftCode(text)
        declarations = Declaration.all(in: code)
    }

    /// The number of lines that an editor shows.
    var length: Int { lines.last == "" ? lines.count - 1 : lines.count }

    var isLibrary: Bool { path.hasPrefix("Sources/Middleware/") }
    var isSource: Bool { path.hasPrefix("Sources/") }

    /// The first folder below `Sources/Middleware`; nil for a file of another target or one that stands in no folder.
    var folder: String? {
        let parts = path.split(separator: "/")
        return isLibrary && parts.count > 3 ? String(parts[2]) : nil
    }

    /// The line by its number, counted from 1; empty outside the file.
    func line(_ number: Int) -> String { lines.indices.contains(number - 1) ? lines[number - 1] : "" }
}

/// Every Swift file of the package, read once.
struct SourceTree: Sendable {
    let files: [SourceFile]

    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent()  // Architecture
        .deletingLastPathComponent()  // MiddlewareTests
        .deletingLastPathComponent()  // Tests
        .deletingLastPathComponent()

    /// Read when the first rule asks; an unreadable tree is empty, which the first test of the suite reports.
    static let package = SourceTree(files: ["Sources", "Tests"].flatMap { read($0) })

    var sources: [SourceFile] { files.filter(\.isSource) }
    var library: [SourceFile] { files.filter(\.isLibrary) }

    /// Where a file of the package lies on this machine.
    static func location(of path: String) -> String { root.appending(path: path).path(percentEncoded: false) }

    private static func read(_ folder: String) -> [SourceFile] {
        let base = root.appending(path: folder, directoryHint: .isDirectory)
        let found = FileManager.default.enumerator(
            at: base, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        var files: [SourceFile] = []
        while let file = found?.nextObject() as? URL {
            guard file.pathExtension == "swift", let text = try? String(contentsOf: file, encoding: .utf8) else {
                continue
            }
            let below = file.path(percentEncoded: false).dropFirst(root.path(percentEncoded: false).count)
            files.append(SourceFile(path: String(below.drop { $0 == "/" }), text: text))
        }
        return files.sorted { $0.path < $1.path }
    }
}

/// A line that breaks a rule, and what to do about it.
struct Violation: Sendable, Equatable, CustomStringConvertible {
    let path: String
    let line: Int
    let problem: String
    let mend: String

    var description: String { "\(path):\(line): \(problem). Mend: \(mend)." }
}
