import Foundation
import HTTPTypes
import Logging
import Middleware
import MiddlewareTesting
import Testing

/// Files that are there, and cannot be read.
@Suite("Files: failures")
struct FilesFailureTests {
    @Test("a file on which another process has a lease is busy, is listed, and is named in a line for debugging")
    func leased() async throws {
        try await FileTree.run(["d/a b\u{E9}\n.txt": "text"]) { tree in
            guard let lease = tree.lease("root/d/a b\u{E9}\n.txt") else { return }
            defer { try? lease.close() }
            var configuration = Files.Configuration()
            configuration.prefix = "/p"
            configuration.listing = .html(atMost: 10)
            let log = RecordedLog()
            let client = TestClient(Files(root: tree.root, configuration), logger: log.logger)
            for _ in 0..<3 {
                let answer = try await client.get("/p/d/a%20b%C3%A9%0A.txt")
                #expect(answer.status == .serviceUnavailable && answer.headers[.retryAfter] == "1")
            }
            #expect(log.entries(.info).isEmpty)
            let lines = log.entries.filter { $0.message == "a file could not be opened" }
            #expect(lines.map(\.level) == [.debug, .debug, .debug])
            #expect(lines.first?.metadata["path"] == "/d/a b\\u{00E9}\\n.txt")
            // Whoever looks at a name does not open the file.
            #expect(try await client.get("/p/d/").body.contains("./a%20b%C3%A9%0A.txt"))
            #expect(try await client.head("/p/d/").status == .ok)
        }
    }
}
