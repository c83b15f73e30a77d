import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("Files: preconditions and validators")
struct FilesConditionalTests {
    private static let modified = "Sat, 01 Jun 2024 00:00:00 GMT"

    @Test("what the client has is not sent again, with the fields that a 304 repeats")
    func notModified() async throws {
        try await FileTree.run(["a.txt": "text"]) { tree in
            var configuration = Files.Configuration()
            configuration.cacheControl = "max-age=60"
            configuration.precompressed = [.gzip]
            let client = TestClient(Files(root: tree.root, configuration))
            let tag = try #require(try await client.get("/a.txt").headers[.eTag])
            let conditions: [Headers] = [
                [.ifNoneMatch: tag], [.ifNoneMatch: "W/\(tag)"], [.ifNoneMatch: "*"], [.ifModifiedSince: Self.modified],
                [.ifNoneMatch: tag, .range: "bytes=0-0"],
            ]
            for headers in conditions {
                let answer = try await client.get("/a.txt", headers: headers)
                #expect(answer.status == .notModified && answer.bytes.readableBytes == 0)
                #expect(answer.headers == [.vary: "Accept-Encoding", .eTag: tag, .cacheControl: "max-age=60"])
                #expect(try await client.head("/a.txt", headers: headers).status == .notModified)
            }
        }
    }

    @Test("what is demanded and does not hold is 412")
    func failed() async throws {
        try await FileTree.run(["a.txt": "text"]) { tree in
            let client = TestClient(Files(root: tree.root))
            let conditions: [Headers] = [
                [.ifMatch: "\"other\""], [.ifUnmodifiedSince: "Fri, 31 May 2024 23:59:59 GMT"],
                [.ifMatch: "\"other\"", .ifNoneMatch: "*"],
            ]
            for headers in conditions {
                let answer = try await client.get("/a.txt", headers: headers)
                #expect(answer.status == .preconditionFailed && !answer.body.contains("text\n"))
                #expect(!answer.headers.contains(.eTag))
            }
            #expect(try await client.get("/a.txt", headers: [.ifUnmodifiedSince: Self.modified]).status == .ok)
        }
    }

    @Test("the tag changes with the length and with the time, and not with the place")
    func tags() async throws {
        try await FileTree.run(["a.txt": "text", "b.txt": "TEXT", "c.txt": "longer", "d.txt": "text"]) { tree in
            try tree.date("root/d.txt", FileTree.modified.addingTimeInterval(1))
            let client = TestClient(Files(root: tree.root))
            var tags: [String] = []
            for name in ["a", "b", "c", "d"] {
                tags.append(try #require(try await client.get("/\(name).txt").headers[.eTag]))
            }
            #expect(tags.allSatisfy { EntityTag($0)?.isWeak == false })
            #expect(tags[0] == tags[1] && Set(tags).count == 3)
        }
    }

    @Test(
        "a tag is weak while the file is new, there is no date of the future, and none of 1970",
        arguments: [
            (-10.0, false, true), (-2.0, false, true), (-1.0, true, true), (0.0, true, true), (60.0, true, false),
        ])
    func age(offset: Double, isWeak: Bool, hasDate: Bool) async throws {
        try await FileTree.run(["a.txt": "text"]) { tree in
            // Where the time of a test's clock begins.
            try tree.date("root/a.txt", Date(timeIntervalSince1970: 1_735_689_600 + offset))
            let client = TestClient(Files(root: tree.root))
            let answer = try await client.get("/a.txt")
            let tag = try #require(answer.headers[.eTag])
            #expect(EntityTag(tag)?.isWeak == isWeak)
            #expect(answer.headers.contains(.lastModified) == hasDate)
            // A weak validator says nothing about single bytes.
            let part = try await client.get("/a.txt", headers: [.range: "bytes=0-0", .ifRange: tag])
            #expect(part.status == (isWeak ? .ok : .partialContent))
        }
    }

    @Test("the tag of a file that stays open becomes a strong one when no change can get its time any more")
    func settles() async throws {
        try await FileTree.run(["a.txt": "text"]) { tree in
            try tree.date("root/a.txt", Date(timeIntervalSince1970: 1_735_689_600))
            var configuration = Files.Configuration()
            configuration.openFor = .seconds(60)
            let client = TestClient(Files(root: tree.root, configuration))
            let new = try #require(try await client.get("/a.txt").headers[.eTag])
            client.time.advance(by: .milliseconds(1999))
            #expect(try await client.get("/a.txt").headers[.eTag] == new)
            client.time.advance(by: .milliseconds(1))
            let settled = try #require(try await client.get("/a.txt").headers[.eTag])
            #expect(EntityTag(new)?.isWeak == true && EntityTag(settled)?.isWeak == false)
        }
    }

    @Test("what was written twice in one tick of the clock is sent again once it has settled")
    func sameTick() async throws {
        try await FileTree.run(["a.txt": "one"]) { tree in
            let tick = Date(timeIntervalSince1970: 1_735_689_600)
            try tree.date("root/a.txt", tick)
            let client = TestClient(Files(root: tree.root))
            let tag = try #require(try await client.get("/a.txt").headers[.eTag])
            try tree.write("root/a.txt", "two", modified: tick)
            client.time.advance(by: .seconds(3))
            let answer = try await client.get("/a.txt", headers: [.ifNoneMatch: tag])
            #expect(answer.status == .ok && answer.body == "two")
        }
    }

    @Test("a file without a time has no validators", arguments: [0.0, 1.0])
    func timeless(seconds: Double) async throws {
        try await FileTree.run(["a.txt": "text"]) { tree in
            try tree.date("root/a.txt", Date(timeIntervalSince1970: seconds))
            let answer = try await TestClient(Files(root: tree.root)).get("/a.txt")
            #expect(answer.body == "text")
            #expect(!answer.headers.contains(.eTag) && !answer.headers.contains(.lastModified))
        }
    }
}
