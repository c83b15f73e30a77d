import Foundation
import Middleware
import MiddlewareTesting
import Testing

/// curl, to files over a real connection.
@Suite(
    "Files with curl", .enabled(if: Program.isInstalled("curl"), "curl is not installed"), .timeLimit(.minutes(2))
)
struct FilesInteropTests {
    private func curl(_ arguments: String...) async throws -> Program.Result {
        let curl = try #require(Program.named("curl"))
        return try await curl.run(["-sS", "--max-time", "60", "--noproxy", "*"] + arguments)
    }

    private func content(_ count: Int) -> Data {
        var random = SplitMix(seed: UInt64(count))
        return Data((0..<count / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } })
    }

    private func serving(
        _ content: Data, _ body: (_ url: String, _ tree: FileTree) async throws -> Void
    ) async throws {
        try await FileTree.run { tree in
            try tree.write("root/file", content)
            try await withServer(Files(root: tree.root)) { server in
                try await body("http://127.0.0.1:\(server.port)/file", tree)
            }
        }
    }

    @Test("a download comes whole", arguments: [1000, 64 << 10, 128 << 10, 8 << 20])
    func download(count: Int) async throws {
        let content = content(count)
        try await serving(content) { url, tree in
            let copy = tree.path("copy")
            let result = try await curl("-o", copy, "-w", "%{http_code}", url, "-o", copy, url)
            #expect(try result.output == "200200" && Data(contentsOf: URL(filePath: copy)) == content)
        }
    }

    @Test("a download that was broken off is resumed")
    func resume() async throws {
        let content = content(3 << 20)
        try await serving(content) { url, tree in
            try tree.write("copy", content.prefix(1_234_567))
            let copy = tree.path("copy")
            let result = try await curl("-C", "-", "-o", copy, "-w", "%{http_code} %{size_download}", url)
            #expect(result.output == "206 \(content.count - 1_234_567)" && result.status == 0, "\(result.errors)")
            #expect(try Data(contentsOf: URL(filePath: copy)) == content)
        }
    }

    @Test("one range and several")
    func ranges() async throws {
        try await serving(Data("0123456789".utf8)) { url, _ in
            #expect(try await curl("-r", "2-5", "-w", " %{http_code}", url).output == "2345 206")
            #expect(try await curl("-r", "-2", "-w", " %{http_code}", url).output == "89 206")
            #expect(try await curl("-r", "20-", "-o", "/dev/null", "-w", "%{http_code}", url).output == "416")
            let several = try await curl("-r", "0-1,4-5", "-w", "%{http_code} %{content_type}", url).output
            #expect(several.contains("\r\n\r\n01\r\n") && several.contains("\r\n\r\n45\r\n"))
            #expect(several.contains("206 multipart/byteranges; boundary="))
        }
    }

    @Test("what is known by its date or its tag is not sent again")
    func conditions() async throws {
        try await serving(Data("0123456789".utf8)) { url, tree in
            let (copy, tag) = (tree.path("copy"), tree.path("tag"))
            let first = try await curl("-R", "-o", copy, "--etag-save", tag, "-w", "%{http_code}", url)
            #expect(first.output == "200")
            let format = "%{http_code} %{size_download}"
            #expect(try await curl("-z", copy, "-w", format, url).output == "304 0")
            #expect(try await curl("--etag-compare", tag, "-w", format, url).output == "304 0")
            try tree.write("root/file", "new")
            #expect(try await curl("--etag-compare", tag, "-w", " " + format, url).output == "new 200 3")
        }
    }

    @Test("HEAD says what GET would, and paths go as they are")
    func headAndPaths() async throws {
        try await serving(Data("0123456789".utf8)) { url, _ in
            let head = try await curl("-I", url).output.lowercased()
            #expect(head.hasPrefix("http/1.1 200 ok\r\n") && head.contains("\r\ncontent-length: 10\r\n"))
            let climb = url.replacing("/file", with: "/../../../etc/passwd")
            #expect(try await curl("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", climb).output == "400")
            let redirected = try await curl("-w", "%{http_code}", "-o", "/dev/null", url + "/")
            #expect(redirected.output == "404")
        }
    }
}
