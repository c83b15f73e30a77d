import Foundation
import Testing

/// Every piece of Swift on a page is compiled: the pages and the compiled code are compared as text.
///
/// A fence is preceded by what it shows: `<!-- snippet: NAME -->` names regions of the examples in this folder,
/// `<!-- not compiled: REASON -->` says why it cannot be compiled here. A fence without either is part of a snippet.
@Suite("Documentation")
struct DocumentationTests {
    private static let pages = Page.all
    private static let snippets = Snippet.all

    @Test("the pages and the snippets are found")
    func found() {
        let paths = Self.pages.map(\.path)
        #expect(paths.contains("README.md"))
        #expect(paths.contains("Documentation/GettingStarted.md"))
        #expect(paths.contains("Sources/Middleware/Middleware.docc/Middleware.md"))
        #expect(!Self.snippets.isEmpty)
    }

    @Test("Swift on a page is what is compiled", arguments: pages)
    func pagesShowWhatIsCompiled(page: Page) {
        for fence in page.fences {
            let place = "\(page.path):\(fence.line)"
            switch fence.marker {
            case .snippet(let name):
                guard let snippet = Self.snippets[name] else {
                    Issue.record("\(place): there is no snippet \(name). Mend: name one that there is.")
                    continue
                }
                #expect(fence.text == snippet, "\(place) is not the snippet \(name). Mend: copy what is compiled.")
            case .notCompiled:
                break
            case nil:
                let isCompiled = Self.snippets.values.contains { $0.contains(fence.text) }
                #expect(isCompiled, "\(place): nothing compiles this. Mend: put <!-- snippet: NAME --> above it.")
            }
        }
    }

    @Test("every snippet is on a page")
    func snippetsAreShown() {
        let shown = Set(Self.pages.flatMap(\.fences).compactMap { $0.marker?.name })
        #expect(Self.snippets.keys.filter { !shown.contains($0) }.sorted() == [])
    }

    @Test("links to files of this package lead somewhere", arguments: pages)
    func links(page: Page) {
        #expect(page.brokenLinks == [], "in \(page.path)")
    }

    @Test("fences and regions are read as they are written")
    func reading() {
        let checked = "<!-- snippet: a -->\n```swift\nlet a = 1\n\nlet b = 2\n```\n"
        let page = Page(path: "x.md", text: checked + "```text\nx\n```\n\n```swift\nlet c = 3\n```\n")
        #expect(page.fences.map(\.text) == ["let a = 1\n\nlet b = 2", "let c = 3"])
        #expect(page.fences.map(\.line) == [2, 11])
        #expect(page.fences.map { $0.marker?.name } == ["a", nil])
        let imports = "// snippet: a, b\nimport M\n// end\n"
        let regions = Snippet.regions(in: imports + "    // snippet: a\n\n    a {\n        b\n    }\n    // end\n")
        #expect(regions["a"] == "import M\n\na {\n    b\n}")
        #expect(regions["b"] == "import M")
        #expect(Snippet.regions(in: "// snippet: a\n// shown: import own\n// end\n")["a"] == "import own")
    }
}

/// A Markdown page with its Swift.
struct Page: Sendable, CustomTestStringConvertible {
    /// What a comment above a fence says about it.
    enum Marker: Sendable {
        case snippet(String)
        case notCompiled

        init?(_ line: String) {
            let words = line.drop { $0 == " " }
            if words.hasPrefix("<!-- not compiled: ") {
                self = .notCompiled
            } else if words.hasPrefix("<!-- snippet: "), words.hasSuffix(" -->") {
                self = .snippet(String(words.dropFirst("<!-- snippet: ".count).dropLast(" -->".count)))
            } else {
                return nil
            }
        }

        var name: String? { if case .snippet(let name) = self { name } else { nil } }
    }

    struct Fence: Sendable {
        /// The line of the opening fence, counted from 1.
        let line: Int
        let marker: Marker?
        let text: String
    }

    /// Relative to the package.
    let path: String
    let fences: [Fence]
    private let text: String

    var testDescription: String { path }

    init(path: String, text: String) {
        self.path = path
        self.text = text
        var fences: [Fence] = []
        var above = ""
        var open: (line: Int, isSwift: Bool, marker: Marker?, lines: [String])?
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for (index, line) in lines.enumerated() {
            if let fence = open {
                if line.hasPrefix("```") {
                    let text = fence.lines.joined(separator: "\n")
                    if fence.isSwift { fences.append(Fence(line: fence.line, marker: fence.marker, text: text)) }
                    open = nil
                } else {
                    open?.lines.append(line)
                }
            } else if line.hasPrefix("```") {
                open = (index + 1, line == "```swift", Marker(above), [])
            }
            above = line
        }
        self.fences = fences
    }

    /// The README, the guides and the DocC catalogue. Decisions and the changelog tell of their time and stay as they
    /// are.
    static var all: [Page] {
        let paths = ["README.md"] + files(in: "Documentation") + files(in: "Sources/Middleware/Middleware.docc")
        return paths.compactMap { path in
            guard let text = try? String(contentsOf: SourceTree.root.appending(path: path), encoding: .utf8) else {
                return nil
            }
            return Page(path: path, text: text)
        }
    }

    private static func files(in folder: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: SourceTree.location(of: folder))
        return (names ?? []).filter { $0.hasSuffix(".md") }.sorted().map { "\(folder)/\($0)" }
    }

    /// Whether a fence of plain text holds exactly this.
    func shows(_ plain: String) -> Bool { text.contains("```text\n\(plain)\n```") }

    /// The targets of links that are relative paths to nothing.
    var brokenLinks: [String] {
        text.matches(of: /\]\((?<target>[^)\s]+)\)/).map { String($0.output.target) }.filter { target in
            guard !target.contains("://"), !target.hasPrefix("#"), !target.hasPrefix("<doc:") else { return false }
            let file = target.split(separator: "#").first.map(String.init) ?? target
            let page = SourceTree.root.appending(path: path).deletingLastPathComponent()
            return !FileManager.default.fileExists(atPath: page.appending(path: file).path(percentEncoded: false))
        }
    }
}

/// The regions of the files of examples in this folder.
enum Snippet {
    static var all: [String: String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        let texts = files.filter { $0.lastPathComponent.hasSuffix("Examples.swift") }.sorted { $0.path < $1.path }
            .compactMap { try? String(contentsOf: $0, encoding: .utf8) }
        return regions(in: texts.joined(separator: "\n"))
    }

    /// Stands before a line that a page shows and that is not compiled here.
    private static let notCompiled = "// shown: "

    /// What stands between `// snippet: A, B` and `// end`, by name, without the indentation of the region.
    static func regions(in text: String) -> [String: String] {
        var found: [String: [String]] = [:]
        var names: [String] = []
        var indentation = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.drop { $0 == " " }
            if words.hasPrefix("// snippet: ") {
                names = words.dropFirst("// snippet: ".count).split(separator: ", ").map(String.init)
                indentation = line.count - words.count
            } else if words == "// end" {
                names = []
            } else {
                let isCompiled = !words.hasPrefix(notCompiled)
                let shown = isCompiled ? line.dropFirst(indentation) : words.dropFirst(notCompiled.count)
                for name in names { found[name, default: []].append(String(shown)) }
            }
        }
        return found.mapValues { $0.joined(separator: "\n") }
    }
}
