import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("Files: what lies ready compressed")
struct FilesPrecompressedTests {
    private static let site = [
        "app.js": "plain", "app.js.br": "brotli", "app.js.gz": "gzip", "app.js.zst": "zstd", "only.css": "plain",
        "only.css.gz": "gzip", "none.txt": "plain", "alone.txt.gz": "gzip", "index.html": "plain",
        "index.html.br": "brotli", "folder.txt": "plain", "folder.txt.br/x": "",
    ]

    @Test(
        "the coding that a client prefers, of those that are there",
        arguments: [
            ("/app.js", "br, gzip, zstd", "br"), ("/app.js", "gzip", "gzip"), ("/app.js", "zstd;q=1, br;q=0.5", "zstd"),
            ("/app.js", "gzip;q=0.5, br;q=0.4", "gzip"), ("/app.js", "*", "br"), ("/app.js", "br;q=0, *", "zstd"),
            ("/app.js", "*;q=0", nil), ("/app.js", "identity", nil), ("/app.js", "", nil), ("/app.js", "deflate", nil),
            ("/app.js", "GZIP", "gzip"), ("/app.js", "x-gzip", "gzip"), ("/app.js", "br;q=0.5, identity", nil),
            ("/app.js", "br;q=0.5, identity;q=0.5", "br"), ("/app.js", "br;q=2, gzip;q=0.1", "gzip"),
            ("/only.css", "br, gzip", "gzip"), ("/only.css", "br", nil), ("/none.txt", "br, gzip, zstd", nil),
            ("/", "br", "br"), ("/folder.txt", "br", nil), ("/none.txt", "identity;q=0, br", nil),
        ])
    func chosen(target: String, accepted: String, coding: String?) async throws {
        try await FileTree.run(Self.site) { tree in
            var configuration = Files.Configuration()
            configuration.precompressed = [.brotli, .zstandard, .gzip]
            let client = TestClient(Files(root: tree.root, configuration))
            for _ in 0..<2 {
                let answer = try await client.get(target, headers: [.acceptEncoding: accepted])
                let bodies = ["br": "brotli", "gzip": "gzip", "zstd": "zstd"]
                #expect(answer.body == coding.flatMap { bodies[$0] } ?? "plain")
                #expect(answer.headers[.contentEncoding] == coding)
                #expect(answer.headers[.vary] == "Accept-Encoding")
                let plain = try await client.get(target)
                #expect(plain.body == "plain" && plain.headers[.contentType] == answer.headers[.contentType])
                #expect((plain.headers[.eTag] == answer.headers[.eTag]) == (coding == nil))
            }
        }
    }

    @Test("what lies ready does not stand for a file that is not there, and has a name of its own")
    func alone() async throws {
        try await FileTree.run(Self.site) { tree in
            var configuration = Files.Configuration()
            configuration.precompressed = [.gzip]
            let client = TestClient(Files(root: tree.root, configuration))
            let gzip: Headers = [.acceptEncoding: "gzip"]
            #expect(try await client.get("/alone.txt", headers: gzip).status == .notFound)
            let itself = try await client.get("/alone.txt.gz", headers: gzip)
            #expect(itself.headers[.contentType] == "application/gzip" && !itself.headers.contains(.contentEncoding))
        }
    }

    @Test("unless it is asked for, nothing varies")
    func off() async throws {
        try await FileTree.run(Self.site) { tree in
            let answer = try await TestClient(Files(root: tree.root)).get("/app.js", headers: [.acceptEncoding: "br"])
            #expect(answer.body == "plain" && !answer.headers.contains(.vary))
        }
    }

    @Test("ranges and tags are those of the coding")
    func ranges() async throws {
        try await FileTree.run(Self.site) { tree in
            var configuration = Files.Configuration()
            configuration.precompressed = [.brotli]
            let client = TestClient(Files(root: tree.root, configuration))
            let part = try await client.get("/app.js", headers: [.acceptEncoding: "br", .range: "bytes=0-1"])
            #expect(part.status == .partialContent && part.body == "br")
            #expect(part.headers[.contentEncoding] == "br" && part.headers[.contentRange] == "bytes 0-1/6")
            let tag = try #require(part.headers[.eTag])
            let same = try await client.get("/app.js", headers: [.acceptEncoding: "br", .ifNoneMatch: tag])
            #expect(same.status == .notModified)
            #expect(try await client.get("/app.js", headers: [.ifNoneMatch: tag]).status == .ok)
        }
    }

    @Test("of a coded file one range is sent, and of several the whole: nobody could decode the parts")
    func codedRanges() async throws {
        try await FileTree.run(Self.site) { tree in
            var configuration = Files.Configuration()
            configuration.precompressed = [.brotli]
            let client = TestClient(Files(root: tree.root, configuration))
            var headers: Headers = [.acceptEncoding: "br", .range: "bytes=0-1"]
            let one = try await client.get("/app.js", headers: headers)
            #expect(one.status == .partialContent && one.body == "br" && one.headers[.contentEncoding] == "br")
            headers[.range] = "bytes=0-1,4-5"
            let several = try await client.get("/app.js", headers: headers)
            #expect(several.status == .ok && several.body == "brotli" && several.headers[.contentEncoding] == "br")
        }
    }
}
