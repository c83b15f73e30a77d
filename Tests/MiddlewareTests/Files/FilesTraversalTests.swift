import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Attempts to get out of the root, from the lists that scanners use.
@Suite("Files: path traversal", .timeLimit(.minutes(2)))
struct FilesTraversalTests {
    private static let climbs: [String] = {
        let steps = [
            "../", "..%2f", "..%2F", "%2e%2e/", "%2e%2e%2f", "%2E%2E%2F", ".%2e/", "%2e./", "..\\", "..%5c", "..%5C",
            "%2e%2e%5c", "%252e%252e/", "%252e%252e%252f", "..%252f", "..%255c", "%25252e%25252e%25252f",
            "..%c0%af", "%c0%ae%c0%ae/", "%c0%ae%c0%ae%c0%af", "..%e0%80%af", "%e0%80%ae%e0%80%ae%e0%80%af",
            "..%f0%80%80%af", "..%c1%9c", "%uff0e%uff0e%u2215", "..%u2216", "..;/", "..;a=1/", "..%3b/", "..%00/",
            "%00../", "....//", "....\\\\", "..././", "...\\.\\", ".../", "..%09/", "..%20/", ".. /", "..%0d%0a/",
            "..?/",
            "..#/", "../%2e/", "./../", "/../", "%2f..%2f", "//../", "..//", "..%ef%bc%8f", "%ef%bc%8e%ef%bc%8e/",
            "..%c0%2f", "%%32%65%%32%65/", "..%%35%63", "..%2f%2e%2f", "%2e%2e%2f%2e%2f",
        ]
        return steps.map { "/" + String(repeating: $0, count: 2) + "secret.txt" }
            + steps.map { "/docs/" + String(repeating: $0, count: 3) + "secret.txt" }
    }()

    private static let others = [
        "/secret.txt", "/%2Fetc/passwd", "//etc/passwd", "/%2F%2Fetc%2Fpasswd", "/etc/passwd", "/\\etc\\passwd",
        "/%5Cetc%5Cpasswd", "/C:%5Cwindows%5Cwin.ini", "/c:/windows/win.ini", "/file:///etc/passwd",
        "/proc/self/environ",
        "/docs%2F..%2F..%2Fsecret.txt", "/docs/%2E%2E%2Fsecret.txt", "/a.txt%00.html", "/a.txt%00", "/%00", "/.", "/..",
        "/%2e", "/%2e%2e", "/...", "/docs/..", "/docs/../..", "/docs/%2e%2e/%2e%2e/secret.txt", "/out", "/out/",
        "/out/secret.txt", "/etc-link/passwd", "/etc-link", "/passwd-link", "/docs/up/secret.txt",
        "/docs/up/../secret.txt",
        "/docs/far/secret.txt", "/self/out/secret.txt", "/self/self/self/out/secret.txt", "/loop", "/loop/secret.txt",
        "/root-link/secret.txt", "/" + String(repeating: "a", count: 256), "/" + String(repeating: "../", count: 200),
        "/" + String(repeating: "%61", count: 400), "/docs/" + String(repeating: "x/", count: 2000),
        "/.hidden/secret.txt", "/.hidden", "/%2ehidden/secret.txt", "/docs/.secret.txt", "/.htaccess", "/.git/HEAD",
        "/docs/../.hidden/secret.txt",
    ]

    private func withAttackedTree(_ body: (FileTree) async throws -> Void) async throws {
        try await FileTree.run(["index.html": "home", "docs/index.html": "docs"]) { tree in
            try tree.write("root/.hidden/secret.txt", "SECRET")
            try tree.write("root/docs/.secret.txt", "SECRET")
            try tree.link("root/out", to: "..")
            try tree.link("root/etc-link", to: "/etc")
            try tree.link("root/passwd-link", to: "/etc/passwd")
            try tree.link("root/docs/up", to: "../..")
            try tree.link("root/docs/far", to: "../docs/../../root/..")
            try tree.link("root/self", to: ".")
            try tree.link("root/loop", to: "loop")
            try tree.link("root/root-link", to: tree.folder.path(percentEncoded: false))
            try await body(tree)
        }
    }

    @Test("no known attack leads out of the root or to what is hidden", arguments: climbs + others)
    func attacks(target: String) async throws {
        try await withAttackedTree { tree in
            for symlinks in [Files.Symlinks.refused, .withinRoot] {
                var configuration = Files.Configuration()
                configuration.symlinks = symlinks
                configuration.listing = .html(atMost: 100)
                let answer = try await TestClient(Files(root: tree.root, configuration)).get(target)
                #expect(!answer.body.contains("SECRET") && !answer.body.contains("root:"), "\(symlinks)")
                #expect(!answer.body.contains("secret.txt"), "\(symlinks)")
                // Only what is resolved to something within the root, before it is looked at, is found.
                let isWithin = ["/", "/docs/"].contains(RequestTarget(String(target.prefix { $0 != "?" })).path)
                if !isWithin { #expect([400, 404].contains(answer.status.code), "\(symlinks)") }
            }
        }
    }

    @Test("the table holds more than sixty attacks, each once")
    func table() {
        #expect(Self.climbs.count + Self.others.count > 150)
        #expect(Set(Self.climbs + Self.others).count == Self.climbs.count + Self.others.count)
    }

    @Test("serving hidden names serves no dot segments")
    func hidden() async throws {
        try await withAttackedTree { tree in
            var configuration = Files.Configuration()
            configuration.servesHidden = true
            let client = TestClient(Files(root: tree.root, configuration))
            #expect(try await client.get("/.hidden/secret.txt").body == "SECRET")
            for target in [
                "/%252e%252e/secret.txt", "/..%252fsecret.txt", "/.%2e/secret.txt", "/...", "/out/secret.txt",
            ] {
                let status = try await client.get(target).status.code
                #expect([400, 404].contains(status))
            }
        }
    }

    @Test(
        "links are followed below the root, when that is asked for",
        arguments: [
            ("/file-link", "target"), ("/folder-link/a.txt", "target"), ("/folder-link/", "index"),
            ("/deep/back", "target"), ("/chain", "target"), ("/self/self/real/a.txt", "target"),
            ("/data/a.txt", "target"),
        ])
    func links(target: String, body: String) async throws {
        try await FileTree.run(["real/a.txt": "target", "real/index.html": "index", "deep/x": ""]) { tree in
            try tree.link("root/file-link", to: "real/a.txt")
            try tree.link("root/folder-link", to: "./real/")
            try tree.link("root/deep/back", to: "../real/../real//a.txt")
            try tree.link("root/chain", to: "file-link")
            try tree.link("root/self", to: ".")
            // As Kubernetes lays out what it mounts.
            try tree.link("root/..data", to: "real")
            try tree.makeFolder("root/data")
            try tree.link("root/data/a.txt", to: "../..data/a.txt")
            #expect(try await TestClient(Files(root: tree.root)).get(target).status == .notFound)
            var configuration = Files.Configuration()
            configuration.symlinks = .withinRoot
            let answer = try await TestClient(Files(root: tree.root, configuration)).get(target)
            #expect(answer.status == .ok && answer.body == body)
        }
    }

    @Test("chains of links have an end")
    func chain() async throws {
        try await FileTree.run(["end": "end"]) { tree in
            for index in 0..<50 { try tree.link("root/\(index)", to: index == 0 ? "end" : "\(index - 1)") }
            var configuration = Files.Configuration()
            configuration.symlinks = .withinRoot
            let client = TestClient(Files(root: tree.root, configuration))
            #expect(try await client.get("/39").body == "end")
            #expect(try await client.get("/40").status == .notFound)
        }
    }

    @Test(
        "a folder that is swapped for a link while requests run leads nowhere",
        arguments: [Files.Symlinks.refused, .withinRoot])
    func race(symlinks: Files.Symlinks) async throws {
        try await FileTree.run(["flip/secret.txt": "inside"]) { tree in
            try tree.link("root/link", to: "..")
            var configuration = Files.Configuration()
            configuration.symlinks = symlinks
            configuration.openFiles = 0
            let client = TestClient(Files(root: tree.root, configuration))
            let isOver = Atomic(false)
            // A thread of its own: those of the pool are for the requests.
            let flipping = Thread {
                while !isOver.load(ordering: .relaxed), (try? Self.flip(tree)) != nil {}
            }
            flipping.start()
            var statuses = Set<Int>()
            for number in 0..<3000 where number < 500 || statuses.count < 2 {
                let answer = try await client.get("/flip/secret.txt")
                statuses.insert(answer.status.code)
                #expect(answer.body != "SECRET")
            }
            isOver.store(true, ordering: .relaxed)
            while !flipping.isFinished { await Task.yield() }
            #expect(statuses.isSubset(of: [200, 404]))
        }
    }

    private static func flip(_ tree: FileTree) throws {
        try tree.move("root/flip", to: "root/away")
        try tree.move("root/link", to: "root/flip")
        try tree.move("root/flip", to: "root/link")
        try tree.move("root/away", to: "root/flip")
    }
}
