import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("Files: problems of the composition")
struct FilesProblemTests {
    private func problems(_ root: String, _ edit: (inout Files.Configuration) -> Void = { _ in }) -> [String] {
        var configuration = Files.Configuration()
        edit(&configuration)
        return Files(root: root, configuration).blueprint.validate().map(\.description)
    }

    @Test("a root that is none is reported with its path, and serves nothing")
    func roots() async throws {
        try await FileTree.run(["a": ""]) { tree in
            #expect(problems(tree.root) == [])
            for root in [tree.path("none"), tree.path("root/a"), "", "/dev/null"] {
                let shown = root.isEmpty ? "\"\"" : root
                #expect(problems(root).map { $0.contains("has the root \(shown), which is no folder") } == [true])
            }
            let context = RequestContext(runtime: Runtime())
            let response = try await Files(root: tree.path("none")).handle(Request(.get, "/a"), context: context)
            #expect(response.status == .notFound)
        }
    }

    @Test("a root that may not be read is reported with the reason", .enabled(if: getuid() != 0, "root reads all"))
    func unreadable() async throws {
        try await FileTree.run { tree in
            try FileManager.default.setAttributes([.posixPermissions: 0o300], ofItemAtPath: tree.root)
            #expect(problems(tree.root).first?.contains("cannot be read (the file may not be read)") == true)
        }
    }

    @Test(
        "a fallback that is no file below the root is reported",
        arguments: [
            ("none.html", true), ("docs", true), ("docs/none", true), ("a/b", true), ("link", true), ("fifo", true),
            ("a", false), ("docs/index.html", false), ("docs/.shell.html", false),
        ])
    func fallbacks(fallback: String, isProblem: Bool) async throws {
        try await FileTree.run(["a": "", "docs/index.html": "", "docs/.shell.html": ""]) { tree in
            try tree.link("root/link", to: "a")
            try tree.makeFIFO("root/fifo")
            let found = problems(tree.root) { $0.fallback = fallback }
            #expect(found.count == (isProblem ? 1 : 0))
            #expect(found.allSatisfy { $0.contains("falls back to \(fallback), which is no file below the root") })
            // Which it may be is not known without the root.
            #expect(problems(tree.path("none")) { $0.fallback = fallback }.count == 1)
        }
    }

    @Test("bad values are reported, each for itself")
    func values() {
        typealias Edit = (inout Files.Configuration) -> Void
        let edits: [(String, Edit)] = [
            ("prefix static", { $0.prefix = "static" }), ("prefix /a/../b", { $0.prefix = "/a/../b" }),
            ("prefix /a//b", { $0.prefix = "/a//b" }), ("prefix /a b", { $0.prefix = "/a b" }),
            ("prefix /a?b", { $0.prefix = "/a?b" }), ("index file a/b", { $0.index = ["a/b"] }),
            ("index file \"\"", { $0.index = [""] }), ("index file ..", { $0.index = [".."] }),
            ("falls back to ../x", { $0.fallback = "../x" }), ("falls back to \"\"", { $0.fallback = "" }),
            ("falls back to /x", { $0.fallback = "/x" }), ("falls back to x/", { $0.fallback = "x/" }),
            ("extension \".txt\"", { $0.mediaTypes = [".txt": "text/plain"] }),
            ("media type \"text\"", { $0.mediaTypes = ["txt": "text"] }),
            ("media type \"a/b\r\nc: d\"", { $0.defaultMediaType = "a/b\r\nc: d" }),
            ("media type \"a/b; c\"", { $0.defaultMediaType = "a/b; c" }),
            ("Cache-Control \"\"", { $0.cacheControl = "" }),
            ("Cache-Control \"a\nb\"", { $0.cacheControlByExtension = ["html": "a\nb"] }),
            ("extension html twice", { $0.cacheControlByExtension = ["HTML": "no-cache", "html": "no-store"] }),
            ("extension txt twice", { $0.mediaTypes = ["Txt": "text/plain", "txt": "text/plain"] }),
            ("-1 ranges", { $0.ranges = -1 }), ("-1 open files", { $0.openFiles = -1 }),
            ("keeps files open for", { $0.openFor = .seconds(-1) }),
            ("at most 0 names", { $0.listing = .html(atMost: 0) }),
            ("a coding twice", { $0.precompressed = [.gzip, .gzip] }),
        ]
        for (text, edit) in edits {
            let found = problems("/", edit)
            #expect(found.count == 1 && found[0].contains(text), "\(text): \(found)")
        }
        #expect(problems("/") { $0.prefix = "/" } == [])
        #expect(problems("/") { $0.prefix = "/a/%20b/" } == [])
        #expect(problems("/") { $0.cacheControlByExtension = ["HTML": "no-cache", "js": "no-store"] } == [])
    }

    @Test("the preview knows the method and not the disk")
    func preview() throws {
        let preview = try #require(Files(root: "/").blueprint.preview)
        guard case .unknown = preview(Request(.get, "/a")) else { throw CancellationError() }
        guard case .answers(.methodNotAllowed) = preview(Request(.post, "/a")) else { throw CancellationError() }
    }
}
