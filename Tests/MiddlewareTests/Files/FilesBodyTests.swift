import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import NIOPosix
import Testing

@Suite("Files: bodies and open files")
struct FilesBodyTests {
    private static let large = String(repeating: "0123456789abcdef", count: 25_000)

    @Test("a file that comes in chunks keeps the rules of a source", arguments: [0, 256])
    func conformance(openFiles: Int) async throws {
        try await FileTree.run(["large": Self.large, "small": "hello"]) { tree in
            var configuration = Files.Configuration()
            configuration.openFiles = openFiles
            let files = Files(root: tree.root, configuration)
            let runtime = Runtime()
            for (path, content) in [("/large", Self.large), ("/small", "hello")] {
                let suite = BodySourceConformance(content, runtime: runtime) {
                    try await files.handle(Request(.get, path), context: RequestContext(runtime: runtime)).body.open()
                }
                #expect(await suite.check() == [])
            }
        }
    }

    @Test("a large file comes whole, in chunks of 128 KiB", arguments: [true, false])
    func chunks(isOpen: Bool) async throws {
        try await FileTree.run(["large": Self.large]) { tree in
            let client = TestClient(Files(root: tree.root))
            if isOpen { _ = try await client.head("/large") }
            let stream = try await client.stream(.get, "/large")
            var sizes: [Int] = []
            var text = ""
            while let bytes = try await stream.readBytes() {
                sizes.append(bytes.readableBytes)
                text += String(buffer: bytes)
            }
            #expect(sizes == [131_072, 131_072, 131_072, 6_784])
            #expect(text == Self.large)
        }
    }

    @Test("a file that becomes shorter while it is sent breaks off")
    func truncated() async throws {
        try await FileTree.run(["large": Self.large]) { tree in
            let stream = try await TestClient(Files(root: tree.root)).stream(.get, "/large")
            _ = try await stream.readBytes()
            try tree.overwrite("root/large", String(Self.large.prefix(200_000)))
            await #expect(throws: BrokenResponse.self) { try await stream.collect() }
        }
    }

    @Test("a file that grows while it is sent ends where it was announced to")
    func grown() async throws {
        try await FileTree.run(["large": Self.large]) { tree in
            let stream = try await TestClient(Files(root: tree.root)).stream(.get, "/large")
            _ = try await stream.readBytes()
            try tree.overwrite("root/large", Self.large + "more")
            #expect(try await stream.collect().body == Self.large)
        }
    }

    @Test("a file that is replaced or deleted while it is sent is sent as it was")
    func replaced() async throws {
        try await FileTree.run(["large": Self.large]) { tree in
            let client = TestClient(Files(root: tree.root))
            let stream = try await client.stream(.get, "/large")
            try tree.write("root/large", "new")
            #expect(try await client.get("/large").body == "new")
            #expect(try await stream.collect().body == Self.large)
        }
    }

    @Test("what is done to a file is seen by the next request")
    func changes() async throws {
        try await FileTree.run(["a": "first"]) { tree in
            let client = TestClient(Files(root: tree.root))
            #expect(try await client.get("/a").body == "first")
            try tree.overwrite("root/a", "other")
            #expect(try await client.get("/a").body == "other")
            try tree.overwrite("root/a", "longer than it was")
            #expect(try await client.get("/a").body == "longer than it was")
            try tree.write("root/a", "replaced")
            #expect(try await client.get("/a").body == "replaced")
            try tree.move("root/a", to: "root/b")
            #expect(try await client.get("/a").status == .notFound)
            #expect(try await client.get("/b").body == "replaced")
            try FileManager.default.removeItem(atPath: tree.path("root/b"))
            #expect(try await client.get("/b").status == .notFound)
        }
    }

    @Test("a folder that was renamed is noticed when a file was open for its time")
    func renamedFolder() async throws {
        try await FileTree.run(["old/a": "text"]) { tree in
            let client = TestClient(Files(root: tree.root))
            #expect(try await client.get("/old/a").body == "text")
            try tree.move("root/old", to: "root/new")
            client.time.advance(by: .seconds(1))
            #expect(try await client.get("/old/a").status == .notFound)
            #expect(try await client.get("/new/a").body == "text")
        }
    }

    @Test("every way out closes the file", .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/fd")))
    func descriptors() async throws {
        try await FileTree.run(["large": Self.large, "small": "text", "docs/index.html": ""]) { tree in
            var configuration = Files.Configuration()
            configuration.precompressed = [.gzip]
            configuration.listing = .html(atMost: 10)
            let client = TestClient(Files(root: tree.root, configuration))
            for target in ["/large", "/small", "/docs/", "/", "/none", "/docs"] {
                _ = try await client.get(target, headers: [.acceptEncoding: "gzip"])
                _ = try await client.head(target)
                _ = try await client.get(target, headers: [.range: "bytes=0-0,5-6", .ifMatch: "\"none\""])
            }
            let left = try await client.stream(.get, "/large")
            _ = try await left.readBytes()
            left.leave()
            do {
                let dropped = try await client.stream(.get, "/large")
                _ = try await dropped.readBytes()
            }
            client.time.advance(by: .seconds(1))
            #expect(await Self.settles { tree.openFiles.isEmpty }, "\(tree.openFiles)")
        }
    }

    @Test("no more files stay open than may", .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/fd")))
    func bounded() async throws {
        let names = (0..<20).map { "f\($0)" }
        try await FileTree.run(Dictionary(uniqueKeysWithValues: names.map { ($0, $0) })) { tree in
            var configuration = Files.Configuration()
            configuration.openFiles = 3
            let client = TestClient(Files(root: tree.root, configuration))
            for name in names + names {
                let body = try await client.get("/\(name)").body
                #expect(body == name)
            }
            #expect(await Self.settles { tree.openFiles.count <= 3 }, "\(tree.openFiles)")
        }
    }

    @Test("many readers of one file at once")
    func parallel() async throws {
        try await FileTree.run(["large": Self.large]) { tree in
            let client = TestClient(Files(root: tree.root))
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await client.get("/large").body } }
                for try await body in group { #expect(body == Self.large) }
            }
        }
    }

    /// Lets the pool, whose threads close files, come to the end of its queue until something holds.
    private static func settles(_ condition: () -> Bool) async -> Bool {
        for _ in 0..<1000 {
            if condition() { return true }
            try? await NIOThreadPool.singleton.runIfActive {}
        }
        return condition()
    }
}
