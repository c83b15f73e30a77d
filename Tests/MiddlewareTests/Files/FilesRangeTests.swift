import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("Files: ranges")
struct FilesRangeTests {
    @Test(
        "one range, or none that could be",
        arguments: [
            ("bytes=2-5", 206, "2345", "bytes 2-5/10"), ("bytes=-3", 206, "789", "bytes 7-9/10"),
            ("bytes=8-", 206, "89", "bytes 8-9/10"), ("bytes=0-", 206, "0123456789", "bytes 0-9/10"),
            ("bytes=5-900", 206, "56789", "bytes 5-9/10"), ("bytes=0-2,1-4", 206, "01234", "bytes 0-4/10"),
            ("bytes=0-0,50-60", 206, "0", "bytes 0-0/10"), ("bytes=10-", 416, "", "bytes */10"),
            ("bytes=-0", 416, "", "bytes */10"), ("bytes=5-2", 200, "0123456789", ""),
            ("items=0-1", 200, "0123456789", ""),
            ("bytes=x", 200, "0123456789", ""),
            ("bytes=" + (0..<17).map { "\($0)-\($0)" }.joined(separator: ","), 200, "0123456789", ""),
        ])
    func single(range: String, status: Int, body: String, field: String) async throws {
        try await FileTree.run(["a.txt": "0123456789"]) { tree in
            let client = TestClient(Files(root: tree.root))
            for _ in 0..<2 {
                let answer = try await client.get("/a.txt", headers: [.range: range])
                #expect(answer.status.code == status)
                #expect((answer.headers[.contentRange] ?? "") == field)
                if status != 416 { #expect(answer.body == body) }
                if status == 206 { #expect(answer.headers[.contentType] == "text/plain; charset=utf-8") }
                // RFC 9110 section 14.2: of no meaning to HEAD.
                let head = try await client.head("/a.txt", headers: [.range: range])
                #expect(head.status == .ok && head.headers[.contentLength] == "10")
            }
            let twice = try await client.get("/a.txt", headers: [.range: range, .range: range])
            #expect(twice.status == .ok)
        }
    }

    @Test("several ranges are parts, in the order in which they were asked for")
    func several() async throws {
        try await FileTree.run(["a.txt": "0123456789"]) { tree in
            let answer = try await TestClient(Files(root: tree.root))
                .get("/a.txt", headers: [.range: "bytes=7-8, 0-1, -1"])
            #expect(answer.status == .partialContent && !answer.headers.contains(.contentRange))
            #expect(answer.headers.contains(.eTag))
            // The last two touch, so all are in the order of their positions.
            #expect(try Self.parts(answer) == ["0-1/10: 01", "7-9/10: 789"])
            let ordered = try await TestClient(Files(root: tree.root)).get(
                "/a.txt", headers: [.range: "bytes=7-8, 0-1"])
            #expect(try Self.parts(ordered) == ["7-8/10: 78", "0-1/10: 01"])
        }
    }

    @Test("the boundary is another one each time")
    func boundary() async throws {
        try await FileTree.run(["a.txt": "0123456789"]) { tree in
            let client = TestClient(Files(root: tree.root))
            let range: Headers = [.range: "bytes=0-0,2-2"]
            let first = try await client.get("/a.txt", headers: range).headers[.contentType]
            #expect(try await client.get("/a.txt", headers: range).headers[.contentType] != first)
        }
    }

    @Test(
        "If-Range decides between the part and the whole",
        arguments: [
            ("Sat, 01 Jun 2024 00:00:00 GMT", true), ("Sat, 01 Jun 2024 00:00:01 GMT", false), ("\"other\"", false),
            ("nonsense", false),
        ])
    func ifRange(value: String, isPart: Bool) async throws {
        try await FileTree.run(["a.txt": "0123456789"]) { tree in
            let client = TestClient(Files(root: tree.root))
            let answer = try await client.get("/a.txt", headers: [.range: "bytes=1-1", .ifRange: value])
            #expect(answer.status == (isPart ? .partialContent : .ok))
            let tag = try #require(answer.headers[.eTag])
            let own = try await client.get("/a.txt", headers: [.range: "bytes=1-1", .ifRange: tag])
            #expect(own.status == .partialContent && own.body == "1")
        }
    }

    @Test("nothing of an empty file")
    func empty() async throws {
        try await FileTree.run(["a.txt": ""]) { tree in
            let client = TestClient(Files(root: tree.root))
            let part = try await client.get("/a.txt", headers: [.range: "bytes=0-"])
            let all = try await client.get("/a.txt", headers: [.range: "bytes=-5"])
            #expect(part.status == .rangeNotSatisfiable && all.status == .ok)
        }
    }

    @Test("parts are slices of the content, whatever is asked for", arguments: 0..<4)
    func property(seed: Int) async throws {
        var random = SplitMix(seed: UInt64(seed))
        // Below, at, and above what is read at a time.
        let length = [1000, 128 << 10, (128 << 10) + 1, 700_000][seed]
        let content = Data((0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        try await FileTree.run { tree in
            try tree.write("root/data", content)
            let client = TestClient(Files(root: tree.root))
            for _ in 0..<40 {
                let ranges = (0...random.below(4)).map { _ -> String in
                    let (one, other) = (random.below(length + 10), random.below(length + 10))
                    switch random.below(3) {
                    case 0: return "\(min(one, other))-\(max(one, other))"
                    case 1: return "\(one)-"
                    default: return "-\(one)"
                    }
                }
                let text = "bytes=\(ranges.joined(separator: ","))"
                let answer = try await client.get("/data", headers: [.range: text])
                let bytes = Data(answer.bytes.readableBytesView)
                switch ByteRanges(text, atMost: 16)?.selection(of: length) {
                case .ranges(let ranges) where ranges.count == 1:
                    #expect(answer.status == .partialContent && bytes == content[ranges[0]], "\(text)")
                case .ranges(let ranges):
                    let type = answer.headers[.contentType] ?? ""
                    let boundary = String(type.split(separator: "=").last ?? "")
                    let parts = MultipartByteRanges(
                        ranges, of: length, contentType: "application/octet-stream", boundary: boundary)
                    let expected =
                        parts.parts.reduce(into: Data()) { $0 += Data($1.head) + content[$1.range] } + parts.end
                    #expect(answer.status == .partialContent && bytes == expected, "\(text)")
                default:
                    #expect(answer.status == .rangeNotSatisfiable, "\(text)")
                }
            }
        }
    }

    private static func parts(_ answer: TestResponse) throws -> [String] {
        let type = try #require(answer.headers[.contentType])
        let boundary = try #require(type.wholeMatch(of: /multipart\/byteranges; boundary=([0-9a-z]+)/)?.output.1)
        #expect(answer.body.hasSuffix("\r\n--\(boundary)--\r\n"))
        return answer.body.split(separator: "--\(boundary)").compactMap { part in
            let pattern =
                /\r\nContent-Type: text\/plain; charset=utf-8\r\nContent-Range: bytes ([^\r]+)\r\n\r\n(.*)\r\n/
            return part.wholeMatch(of: pattern).map { "\($0.output.1): \($0.output.2)" }
        }
    }
}
