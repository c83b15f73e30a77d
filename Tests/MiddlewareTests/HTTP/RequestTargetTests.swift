import Middleware
import NIOCore
import Testing

@Suite("Request target")
struct RequestTargetTests {
    @Test(
        "takes what is in normal form as it is",
        arguments: [
            "/", "*", "/a", "/a/", "/a/b.c", "//evil", "/a//b", "/...", "/.a", "/..a", "/a.", "/a..", "/.well-known/x",
            "/a%2Fb", "/a%5Cb", "/%20", "/%25", "/%252e%252e/", "/%C3%A9", "/%7F", "/%0D%0A", "/a;b=1/c,d", "/;/a",
            "/a..;x", "/%2F..a", "/a%3B", "/..%3B/a", "/@:!$&'()*+=~_-", "/?", "/??", "/a?b=/../&c=%zz%00|[]\"<>\\^`{}",
            "/a?x=http://e/%2e%2e",
        ]
    )
    func normal(text: String) throws {
        let received = ByteBuffer(string: text)
        #expect(isNormal(text))
        let target = try RequestTarget(normalising: received)
        #expect(target.description == text)
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        #expect(target.path == parts[0])
        #expect(target.query == (parts.count > 1 ? parts[1] : nil))
        #expect(target.byteCount == text.utf8.count)
    }

    @Test(
        "normalises what is not",
        arguments: [
            ("", "/"), ("?a=1", "/?a=1"), ("/.", "/"), ("/./", "/"), ("/a/.", "/a/"), ("/a/./b", "/a/b"),
            ("/a/..", "/"), ("/a/../", "/"), ("/a/../b", "/b"), ("/a/b/../../c", "/c"), ("/a/b/..", "/a/"),
            ("/a/%2e%2e/b", "/b"), ("/%2E", "/"), ("/a/.%2e/b", "/b"), ("/a/%2E./b?c", "/b?c"), ("/%2Ea", "/.a"),
            ("/a%2fb", "/a%2Fb"), ("/a%5cb", "/a%5Cb"), ("/a\\b", "/a%5Cb"), ("/%41%7e%2D%5f", "/A~-_"),
            ("/%e9", "/%E9"),
            ("/a//../b", "/a/b"), ("//..", "/"), ("//../", "/"), ("/a/..//b", "//b"), ("/a/../..a", "/..a"),
            ("/a|b[c]{d}^`\"<>", "/a%7Cb%5Bc%5D%7Bd%7D%5E%60%22%3C%3E"), ("/é", "/%C3%A9"),
            ("/a?é|[]", "/a?%C3%A9|[]"), ("/%25%32%65", "/%252e"), ("/./?../.", "/?../."), ("/a/../?", "/?"),
        ]
    )
    func normalised(text: String, expected: String) throws {
        #expect(!isNormal(text))
        let target = try RequestTarget(normalising: ByteBuffer(string: text))
        #expect(target.description == expected)
        var written = ByteBuffer()
        target.write(into: &written)
        #expect(String(buffer: written) == expected)
    }

    @Test(
        "refuses what parties could read differently",
        arguments: [
            ("a", .notOriginForm), ("**", .notOriginForm), ("*?a", .notOriginForm), ("http://a/", .notOriginForm),
            ("/%", .malformedEscape), ("/%2", .malformedEscape), ("/%zz", .malformedEscape),
            ("/%2%65", .malformedEscape),
            ("/%+1", .malformedEscape), ("/a%?b", .malformedEscape),
            ("/%00", .nullEscape), ("/a%00.html", .nullEscape),
            ("/..", .aboveRoot), ("/../", .aboveRoot), ("/a/../../b", .aboveRoot), ("/%2e%2e/", .aboveRoot),
            ("/./../a", .aboveRoot),
            ("/..;/", .ambiguousDotSegment), ("/.;/a", .ambiguousDotSegment), ("/a/..;x=1/b", .ambiguousDotSegment),
            ("/a/..%2fb", .ambiguousDotSegment), ("/a/..%2Fb", .ambiguousDotSegment), ("/a%2F..", .ambiguousDotSegment),
            ("/a%5C..%5Cb", .ambiguousDotSegment), ("/a\\..\\b", .ambiguousDotSegment),
            ("/a/..\\b", .ambiguousDotSegment),
            ("/%2e%2e%2fb", .ambiguousDotSegment), ("/a%2f.", .ambiguousDotSegment), ("/x%2F.;a", .ambiguousDotSegment),
            ("/%2F..%2F", .ambiguousDotSegment), ("/a%2F..?q", .ambiguousDotSegment), ("/%2e;", .ambiguousDotSegment),
            ("/a b", .illegalByte), ("/a\r\nX", .illegalByte), ("/a\0", .illegalByte), ("/a#b", .illegalByte),
            ("/a\u{7F}", .illegalByte), ("/a?b c", .illegalByte), ("/a?b#c", .illegalByte), ("/a?\r\n", .illegalByte),
            ("/a?\0", .illegalByte), ("/a?\t", .illegalByte),
        ] as [(String, RequestTargetProblem)]
    )
    func refused(text: String, problem: RequestTargetProblem) {
        #expect(!isNormal(text))
        #expect(throws: problem) { try RequestTarget(normalising: ByteBuffer(string: text)) }
    }

    @Test("describes each problem in words of its own")
    func problems() {
        #expect(Set(RequestTargetProblem.allCases.map(\.description)).count == RequestTargetProblem.allCases.count)
    }

    @Test("reads from a slice in the middle of a read buffer")
    func slices() throws {
        let buffer = ByteBuffer(string: "GET /a/b?c=1 HTTP/1.1")
        let slice = try #require(buffer.getSlice(at: 4, length: 8))
        var target = try RequestTarget(normalising: slice)
        #expect(target.path == "/a/b")
        #expect(target.query == "c=1")
        #expect(Array(target.pathSegments) == ["a", "b"])
        #expect(target.compacted() == target)
        target.path = "/x"
        #expect(target.description == "/x?c=1")
        target.query = nil
        #expect(target.description == "/x")
        let moved = try RequestTarget(normalising: ByteBuffer(bytes: Array("/x".utf8)))
        #expect(target == moved)
        #expect(target.hashValue == moved.hashValue)
    }

    @Test("reads a target of a megabyte in one pass")
    func long() throws {
        let plain = "/" + String(repeating: "a", count: 1 << 20)
        #expect(try RequestTarget(normalising: ByteBuffer(string: plain)).byteCount == plain.utf8.count)
        let climbing = String(repeating: "/a", count: 1 << 18) + String(repeating: "/..", count: 1 << 18)
        #expect(try RequestTarget(normalising: ByteBuffer(string: climbing)).path == "/")
        let dots = "/" + String(repeating: "%2F.a", count: 1 << 18) + "/%41"
        #expect(try RequestTarget(normalising: ByteBuffer(string: dots)).byteCount == dots.utf8.count - 2)
    }

    @Test(
        "mends what is set",
        arguments: [
            ("", "/"), ("a", "/a"), ("/a b", "/a%20b"), ("/a\r\nX: y", "/a%0D%0AX:%20y"), ("/a?b#c", "/a%3Fb%23c"),
            ("/%", "/%25"), ("/%zz", "/%25zz"), ("/%00", "/%2500"), ("/\0", "/%EF%BF%BD"), ("/%41", "/A"),
            ("/é", "/%C3%A9"),
            ("/../a", "/a"), ("../../a", "/a"), ("/..", "/"), ("/..;/a", "/..%3B/a"), ("/..%2Fa", "/..%252Fa"),
            ("/a%2f..", "/a%252F.."), ("/..\\a", "/..%255Ca"), ("/a/../b", "/b"), ("//a", "//a"), ("*", "*"),
            ("/*", "/*"),
        ]
    )
    func set(text: String, expected: String) {
        #expect(RequestTarget(text).description == expected)
        var target = RequestTarget("/x", query: "q")
        target.path = text
        #expect(target.description == (expected == "*" ? "/*" : expected) + "?q")
        #expect(isNormal(target.description))
    }

    @Test(
        "mends a query that is set",
        arguments: [
            ("", "/?"), ("a=1", "/?a=1"), ("a b", "/?a%20b"), ("\r\n", "/?%0D%0A"), ("#", "/?%23"),
            ("?%|[]", "/?%|[]?"),
            ("é\0", "/?%C3%A9%00"),
        ]
    )
    func setQuery(text: String, expected: String) {
        let expected = text == "?%|[]" ? "/??%|[]" : expected
        var target = RequestTarget("/")
        target.query = text
        #expect(target.description == expected)
        #expect(target == RequestTarget("/", query: text))
    }

    @Test(
        "decodes segments one by one",
        arguments: [
            ("/", [""]), ("/a/b", ["a", "b"]), ("/a/", ["a", ""]), ("//a", ["", "a"]), ("*", []),
            ("/queues/%2F/x+y?a/b", ["queues", "/", "x+y"]), ("/%FF", ["\u{FFFD}"]),
        ] as [(String, [String])]
    )
    func segments(text: String, expected: [String]) throws {
        #expect(Array(try RequestTarget(normalising: ByteBuffer(string: text)).pathSegments) == expected)
    }

    @Test(
        "reads query items, plus signs as they stand or as spaces",
        arguments: [
            ("/", []), ("/?", []), ("/?&&", []), ("/?a", ["a"]), ("/?a=", ["a="]), ("/?=b", ["=b"]),
            ("/?a=1&a=2&b==", ["a=1", "a=2", "b=="]), ("/?a%3D=%26%2B+&%zz=%", ["a==&++", "%zz=%"]),
        ] as [(String, [String])]
    )
    func items(text: String, expected: [String]) throws {
        let target = try RequestTarget(normalising: ByteBuffer(string: text))
        func written(_ item: RequestTarget.QueryItem) -> String { item.name + (item.value.map { "=" + $0 } ?? "") }
        #expect(target.queryItems.map(written) == expected)
        #expect(target.formItems.map(written) == expected.map { $0 == "a==&++" ? "a==&+ " : $0 })
    }

    @Test("encodes and decodes any text", arguments: ["", "a/b c?", "é\0\r\n%", "%2F", "~-._"])
    func percentEncoding(text: String) {
        let encoded = PercentEncoding.encoded(text)
        #expect(PercentEncoding.decoded(encoded) == text)
        #expect(encoded.utf8.allSatisfy { ByteSet.unreserved.contains($0) || $0 == UInt8(ascii: "%") })
    }
}

/// Whether the bytes are in normal form. `#expect` cannot take a call apart that is given a `Span`.
private func isNormal(_ text: String) -> Bool { RequestTarget.isNormal(text.utf8.span) }
