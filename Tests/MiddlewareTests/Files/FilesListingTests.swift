import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

@Suite("Files: the names in a folder")
struct FilesListingTests {
    private func client(
        _ tree: FileTree, atMost limit: Int = 1000, _ edit: (inout Files.Configuration) -> Void = { _ in }
    ) -> TestClient {
        var configuration = Files.Configuration()
        configuration.listing = .html(atMost: limit)
        edit(&configuration)
        return TestClient(Files(root: tree.root, configuration))
    }

    @Test("folders first, then files, by their names; hidden names and links are left out")
    func sorted() async throws {
        try await FileTree.run(["b.txt": "12345", "a.txt": "", "z/x": "", "m/x": "", ".hidden": ""]) { tree in
            try tree.link("root/link", to: "a.txt")
            try tree.makeFIFO("root/fifo")
            let answer = try await client(tree).get("/")
            #expect(answer.status == .ok && answer.headers[.contentType] == "text/html; charset=utf-8")
            #expect(answer.headers[.cacheControl] == "no-store")
            #expect(answer.headers[.contentSecurityPolicy] == "default-src 'none'")
            let links = answer.body.matches(of: /href="([^"]*)"/).map { String($0.output.1) }
            #expect(links == ["./m/", "./z/", "./a.txt", "./b.txt"])
            #expect(answer.body.contains("<td>5<td>Sat, 01 Jun 2024 00:00:00 GMT"))
            let head = try await client(tree).head("/")
            #expect(head.headers[.contentLength] == "\(answer.bytes.readableBytes)")
        }
    }

    @Test("names that are hidden do not count, and no file is opened for the list of many")
    func many() async throws {
        var files = [".a": "", ".b": ""]
        for number in 0..<400 { files["many/\(number)"] = "" }
        try await FileTree.run(files) { tree in
            try tree.write("root/b.txt", "")
            let short = try await client(tree, atMost: 2).get("/")
            #expect(short.body.contains("./b.txt"))
            let isOver = Atomic(false)
            let watching = Task.detached {
                var most = 0
                while !isOver.load(ordering: .relaxed) { most = max(most, tree.openFiles.count) }
                return most
            }
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        let page = try await client(tree).get("/many/")
                        #expect(page.body.matches(of: /href/).count == 401)
                    }
                }
                try await group.waitForAll()
            }
            isOver.store(true, ordering: .relaxed)
            #expect(await watching.value < 20)
        }
    }

    @Test("no name can be more than a name")
    func escaped() async throws {
        let names = ["<script>alert(1)</script>", "a&b\"c'.txt", "a:b", "?x#y", "100%", "\u{E9} \u{202E}"]
        for name in names {
            try await FileTree.run(["d/\(name.replacingSlashes)": "it"]) { tree in
                let client = client(tree)
                let page = try await client.get("/d/").body
                #expect(!page.contains("<script>") && !page.contains("\"c'"))
                let links = page.matches(of: /href="\.\/([^"]*)"/).map { String($0.output.1) }
                #expect(links.count == 1)
                #expect(try await client.get("/d/\(links.first ?? "")").body == "it", "\(name)")
            }
        }
    }

    @Test("the title is escaped as well, and only a folder below the root leads back")
    func title() async throws {
        try await FileTree.run(["<i>/x": "", "x": ""]) { tree in
            let page = try await client(tree).get("/%3Ci%3E/").body
            #expect(page.contains("<title>/&lt;i&gt;/</title>") && page.contains("href=\"../\""))
            #expect(try await client(tree).get("/").body.contains("../") == false)
        }
    }

    @Test("no more names than may be, and a word about the others")
    func bounded() async throws {
        let files = Dictionary(uniqueKeysWithValues: (0..<30).map { ("f\($0)", "") })
        try await FileTree.run(files) { tree in
            let cut = try await client(tree, atMost: 10).get("/").body
            #expect(cut.matches(of: /href=/).count == 10 && cut.contains("There is more"))
            let whole = try await client(tree, atMost: 30).get("/").body
            #expect(whole.matches(of: /href=/).count == 30 && !whole.contains("There is more"))
        }
    }

    @Test("a file that may not be read is left out", .enabled(if: getuid() != 0, "root reads all"))
    func unreadable() async throws {
        try await FileTree.run(["a": "", "b": "", "c/d": ""]) { tree in
            for name in ["b", "c"] {
                try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: tree.path("root/\(name)"))
            }
            let page = try await client(tree).get("/").body
            #expect(page.matches(of: /href="([^"]*)"/).map { String($0.output.1) } == ["./c/", "./a"])
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tree.path("root/c"))
        }
    }

    @Test("no more bytes than may be, and a word about the other names")
    func boundedInBytes() async throws {
        // Each is three bytes in a link, and five in the text.
        let quotes = String(repeating: "'", count: 245)
        let files = Dictionary(uniqueKeysWithValues: (0..<2500).map { ("d/\(quotes)\($0)", "") })
        try await FileTree.run(files) { tree in
            let answer = try await client(tree, atMost: 5000).get("/d/")
            #expect((4_100_000..<4_200_000).contains(answer.bytes.readableBytes))
            #expect(answer.body.contains("There is more"))
        }
    }

    @Test("an index file goes first, and links that are followed are shown")
    func indexAndLinks() async throws {
        try await FileTree.run(["d/index.html": "index", "e/a": ""]) { tree in
            try tree.link("root/e/in", to: "a")
            try tree.link("root/e/out", to: "../../secret.txt")
            let client = client(tree) { $0.symlinks = .withinRoot }
            #expect(try await client.get("/d/").body == "index")
            let page = try await client.get("/e/").body
            #expect(page.contains("./in") && !page.contains("./out"))
        }
    }
}

extension String {
    fileprivate var replacingSlashes: String { String(map { $0 == "/" ? "_" : $0 }) }
}
