import Foundation
import HTTPTypes
import Logging
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("Files")
struct FilesTests {
    private static let site = [
        "index.html": "home", "a.txt": "text", "empty.css": "", "docs/index.html": "docs", "docs/a b.txt": "blank",
        "bare/x.bin": "x", "caf\u{E9}.txt": "coffee", "100%.txt": "percent", "a;b.txt": "semicolon", "no": "plain",
        ".env": "HIDDEN", ".well-known/acme": "challenge", ".git/config": "HIDDEN", "a?b.txt": "question",
    ]

    @Test(
        "a path leads to a file, a folder to its index",
        arguments: [
            ("/", "home", "text/html; charset=utf-8"), ("/a.txt", "text", "text/plain; charset=utf-8"),
            ("/a.txt?x=1", "text", "text/plain; charset=utf-8"), ("/empty.css", "", "text/css; charset=utf-8"),
            ("/docs/", "docs", "text/html; charset=utf-8"), ("/docs/./a%20b.txt", "blank", "text/plain; charset=utf-8"),
            ("/bare/x.bin", "x", "application/octet-stream"), ("/no", "plain", "application/octet-stream"),
            ("/caf%C3%A9.txt", "coffee", "text/plain; charset=utf-8"),
            ("/100%25.txt", "percent", "text/plain; charset=utf-8"),
            ("/a;b.txt", "semicolon", "text/plain; charset=utf-8"),
            ("/a%3Fb.txt", "question", "text/plain; charset=utf-8"),
            ("/docs/../a.txt", "text", "text/plain; charset=utf-8"),
            ("/.well-known/acme", "challenge", "application/octet-stream"),
        ])
    func found(target: String, body: String, type: String) async throws {
        try await FileTree.run(Self.site) { tree in
            let client = TestClient(Files(root: tree.root))
            // Once through the disk, once with the file that is open.
            for _ in 0..<2 {
                let answer = try await client.get(target)
                #expect(answer.status == .ok && answer.body == body)
                #expect(answer.headers[.contentType] == type)
                #expect(answer.headers[.acceptRanges] == "bytes")
                #expect(answer.headers[.lastModified] == "Sat, 01 Jun 2024 00:00:00 GMT")
                #expect(!answer.headers.contains(.cacheControl) && !answer.headers.contains(.vary))
                let head = try await client.head(target)
                #expect(head.status == .ok && head.bytes.readableBytes == 0)
                #expect(head.headers[.contentLength] == "\(body.utf8.count)")
                #expect(head.headers[.eTag] == answer.headers[.eTag])
            }
        }
    }

    @Test(
        "what is not there, or is not to be seen, is 404",
        arguments: [
            "/none", "/none/", "/a.txt/", "/a.txt/b", "/docs//", "//a.txt", "/docs//index.html", "/bare/", "/.env",
            "/.git/config", "/.git/", "/.well-known/.x", "/a.txt%00", "/A.TXT%2F", "/docs%2Findex.html", "/a%5Cb",
        ])
    func missing(target: String) async throws {
        try await FileTree.run(Self.site) { tree in
            let answer = try await TestClient(Files(root: tree.root)).get(target)
            #expect([400, 404].contains(answer.status.code) && !answer.body.contains("HIDDEN"))
        }
    }

    @Test(
        "a folder without its slash is redirected to it, wherever the reference is resolved",
        arguments: [
            ("/docs", "./docs/"), ("/docs?a=1&b=%2F", "./docs/?a=1&b=%2F"), ("/docs?", "./docs/?"),
            ("/docs/../docs", "./docs/"), ("/bare", "./bare/"), ("/a:b", "./a:b/"), ("/x%20y", "./x%20y/"),
        ])
    func redirect(target: String, location: String) async throws {
        try await FileTree.run(Self.site.merging(["a:b/c": "", "x y/c": ""]) { $1 }) { tree in
            let answer = try await TestClient(Files(root: tree.root)).get(target)
            #expect(answer.status == .temporaryRedirect && answer.headers[.location] == location)
        }
    }

    @Test("GET and HEAD and nothing else", arguments: [HTTPRequest.Method.post, .put, .delete, .options, .patch])
    func methods(method: HTTPRequest.Method) async throws {
        try await FileTree.run(Self.site) { tree in
            let answer = try await TestClient(Files(root: tree.root)).send(method, "/a.txt")
            #expect(answer.status == .methodNotAllowed && answer.headers[.allow] == "GET, HEAD")
        }
    }

    @Test(
        "a prefix of whole segments is taken off",
        arguments: [
            ("/static/a.txt", 200), ("/static/", 200), ("/static", 307), ("/statics/a.txt", 404), ("/a.txt", 404),
            ("/", 404), ("/static//a.txt", 404), ("/stati", 404), ("/STATIC/a.txt", 404),
        ])
    func prefix(target: String, status: Int) async throws {
        try await FileTree.run(Self.site) { tree in
            for prefix in ["/static", "/static/"] {
                var configuration = Files.Configuration()
                configuration.prefix = prefix
                let client = TestClient(Files(root: tree.root, configuration))
                let answer = try await client.get(target)
                #expect(answer.status.code == status)
                if status == 307 { #expect(answer.headers[.location] == "./static/") }
            }
        }
    }

    @Test("index files in their order, and none")
    func index() async throws {
        try await FileTree.run(["b/two": "2", "b/one": "1", "c/two": "2", "d/one/x": ""]) { tree in
            var configuration = Files.Configuration()
            configuration.index = ["one", "two"]
            let client = TestClient(Files(root: tree.root, configuration))
            for (target, body) in [("/b/", "1"), ("/c/", "2")] {
                let answer = try await client.get(target)
                #expect(answer.body == body)
            }
            #expect(try await client.get("/d/").status == .notFound)
            configuration.index = []
            #expect(try await TestClient(Files(root: tree.root, configuration)).get("/b/").status == .notFound)
        }
    }

    @Test("a fallback answers for what is not found, and not for what is refused")
    func fallback() async throws {
        try await FileTree.run(Self.site) { tree in
            var configuration = Files.Configuration()
            configuration.fallback = "docs/index.html"
            let client = TestClient(Files(root: tree.root, configuration))
            for target in ["/users/7", "/none", "/a.txt/b", "/bare/", "/none/x.js"] {
                let answer = try await client.get(target)
                #expect(answer.status == .ok && answer.body == "docs", "\(target)")
                #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
            }
            #expect(try await client.get("/a.txt").body == "text")
            #expect(try await client.get("/.env").status == .notFound)
            #expect(try await client.get("/x//y").status == .notFound)
        }
    }

    @Test("a fallback that goes away, or becomes a folder, answers nothing")
    func lostFallback() async throws {
        try await FileTree.run(Self.site) { tree in
            var configuration = Files.Configuration()
            configuration.fallback = "a.txt"
            let client = TestClient(Files(root: tree.root, configuration))
            #expect(try await client.get("/users").body == "text")
            try tree.move("root/a.txt", to: "root/b.txt")
            #expect(try await client.get("/users").status == .notFound)
            // A redirect would lead from /users to /users/ and no further.
            try tree.makeFolder("root/a.txt")
            for target in ["/users", "/users/"] {
                let status = try await client.get(target).status
                #expect(status == .notFound)
            }
        }
    }

    @Test("types, hidden names and Cache-Control as configured")
    func customised() async throws {
        try await FileTree.run(Self.site) { tree in
            var configuration = Files.Configuration()
            configuration.mediaTypes = ["BIN": "application/x-own", "txt": "text/x-own"]
            configuration.defaultMediaType = nil
            configuration.servesHidden = true
            configuration.cacheControl = "max-age=60"
            configuration.cacheControlByExtension = ["HTML": "no-cache"]
            configuration.ranges = 0
            let client = TestClient(Files(root: tree.root, configuration))
            #expect(try await client.get("/bare/x.bin").headers[.contentType] == "application/x-own")
            #expect(try await client.get("/a.txt").headers[.contentType] == "text/x-own")
            #expect(try await client.get("/no").headers.contains(.contentType) == false)
            #expect(try await client.get("/.env").body == "HIDDEN")
            #expect(try await client.get("/a.txt").headers[.cacheControl] == "max-age=60")
            #expect(try await client.get("/").headers[.cacheControl] == "no-cache")
            let whole = try await client.get("/a.txt", headers: [.range: "bytes=0-0"])
            #expect(whole.status == .ok && !whole.headers.contains(.acceptRanges))
        }
    }

    @Test("what may not be read is 403", .enabled(if: getuid() != 0, "root reads all"))
    func forbidden() async throws {
        try await FileTree.run(Self.site) { tree in
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: tree.path("root/a.txt"))
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: tree.path("root/docs"))
            let client = TestClient(Files(root: tree.root))
            #expect(try await client.get("/a.txt").status == .forbidden)
            #expect(try await client.get("/docs/index.html").status == .forbidden)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tree.path("root/docs"))
        }
    }

    @Test("a FIFO is not waited for, nor is anything else that is no file")
    func noFiles() async throws {
        try await FileTree.run(["a/index.html/x": ""]) { tree in
            try tree.makeFIFO("root/fifo")
            try tree.makeFIFO("root/index.html")
            let client = TestClient(Files(root: tree.root))
            for target in ["/fifo", "/fifo/", "/", "/a/"] {
                #expect(try await client.get(target).status == .notFound, "\(target)")
            }
        }
    }

    @Test("a context that has no time left does not wait for the disk")
    func deadline() async throws {
        try await FileTree.run(Self.site) { tree in
            let files = Files(root: tree.root)
            let late = HandlerFunction { request, context in
                let scope = context.limit(to: .zero)
                let response = try await files.handle(request, context: context)
                scope.lift()
                return response
            }
            let answer = try await TestClient(late).get("/a.txt")
            #expect(answer.status == .gatewayTimeout)
        }
    }

    @Test("it can be called from anywhere")
    func elsewhere() async throws {
        try await FileTree.run(Self.site) { tree in
            let response = try await Files(root: tree.root).handle(
                Request(.get, "/a.txt"), context: RequestContext(runtime: Runtime()))
            #expect(try await response.body.collect(upTo: 100) == ByteBuffer(string: "text"))
        }
    }
}
