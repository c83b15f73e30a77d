import Middleware
import Testing

@Suite("Security origins")
struct OriginPatternTests {
    @Test(
        "a pattern matches its origins",
        arguments: [
            ("https://app.example", "https://app.example"), ("https://App.Example:443", "https://app.example"),
            ("http://app.example:80", "http://app.example"), ("https://app.example:8443", "https://app.example:8443"),
            ("https://app.example", "HTTPS://APP.EXAMPLE"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://*.app.example", "https://a.app.example"), ("https://*.app.example", "https://a.b-1.app.example"),
            ("https://*.app.example:8443", "https://a.app.example:8443"), ("http://*.localhost", "http://a.localhost"),
            ("http://127.0.0.1:*", "http://127.0.0.1:80"), ("http://0xen.example", "http://0xen.example"),
            ("http://localhost:*", "http://localhost"), ("http://localhost:*", "http://localhost:3000"),
            ("http://[::1]:*", "http://[::1]:3000"), ("https://*.app.example:*", "https://a.app.example:1"),
            ("https://*.app.example:*", "https://a.app.example"), ("*", "https://any.example"), ("*", "null"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ])
    func matching(pattern: String, origin: String) {
        #expect(OriginPattern(pattern).problem == nil)
        #expect(matches(OriginPattern(pattern), origin))
        #expect(find(origin, in: OriginSet([OriginPattern(pattern)])) != nil)
    }

    @Test(
        "a pattern matches nothing that only looks like its origins",
        arguments: [
            ("https://app.example", "http://app.example"), ("https://app.example", "https://app.example.evil.example"),
            ("https://app.example", "https://evilapp.example"), ("https://app.example", "https://app.example:8443"),
            ("https://app.example", "https://app.exampl"), ("https://app.example", "null"), ("https://app.example", ""),
            ("https://*.app.example", "https://app.example"), ("https://*.app.example", "https://.app.example"),
            ("https://*.app.example", "https://a..app.example"), ("https://*.app.example", "https://evilapp.example"),
            ("https://*.app.example", "https://evil.example/.app.example"),
            ("https://*.app.example", "https://evil.example:1.app.example"),
            ("https://*.app.example", "https://evil.example#.app.example"),
            ("https://*.app.example", "https://evil.example\\.app.example"),
            ("https://*.app.example", "https://u@.app.example"),
            ("https://*.app.example", "https://a.app.example:8443"),
            ("https://*.app.example", "https://a.app.example.evil.example"),
            ("https://*.app.example", "http://a.app.example"), ("http://localhost:*", "http://localhost:"),
            ("http://localhost:*", "http://localhost:123456"), ("http://localhost:*", "http://localhost.evil.example"),
            ("http://localhost:*", "http://localhost.evil.example:80"), ("http://localhost:*", "http://localhost:80a"),
            ("https://*.app.example:*", "https://app.example:1"), ("https://*.app.example:*", "https://:1"),
        ])
    func notMatching(pattern: String, origin: String) {
        #expect(OriginPattern(pattern).problem == nil)
        #expect(!matches(OriginPattern(pattern), origin))
        #expect(find(origin, in: OriginSet([OriginPattern(pattern)])) == nil)
    }

    @Test(
        "text that is no pattern is reported, matches nothing, and is thrown when it comes from outside",
        arguments: [
            "", "app.example", "https://", "https://app.example/", "https://app.example/path", "null", "https://*.com",
            "https://*", "https://*app.example", "https://a.*.example", "https://app.example:0",
            "https://app.example:65536", "https://app.example:08", "https://app.example:x", "https://user@app.example",
            "https://bücher.example", "https://a..example", "1https://app.example", "https://app.example\r\nX: 1",
            "https://[::1", "https://[1.2.3.4]", "https://[2001:db8:0::1]", "https://[::ffff:1.2.3.4]", "http://127.1",
            "http://127.0.0.1.", "http://0x7f.0.0.1", "http://*.0.0.1", "http://256.0.0.1", "http://a.1",
            "**", "https://app.example?x", "*.app.example",
        ])
    func noPattern(text: String) {
        let pattern = OriginPattern(text)
        #expect(pattern.problem != nil)
        #expect(!matches(pattern, text))
        #expect(throws: OriginPatternError.self) { try OriginPattern(parsing: text) }
    }

    @Test("an origin is found among any number of others, and answered as a browser writes it")
    func manyOrigins() {
        let names = (0..<2_000).map { "https://tenant-\($0).example" }
        let set = OriginSet(names.map { OriginPattern($0) } + ["https://App.Example:443", "http://a"])
        #expect(names.allSatisfy { find($0, in: set) == $0 })
        #expect(find("https://tenant-2000.example", in: set) == nil)
        #expect(find("https://app.example", in: set) == "https://app.example")
        #expect(find("http://a", in: set) == "http://a")
        #expect(find("http://b", in: set) == nil)
        #expect(find("http:/", in: set) == nil)
    }

    @Test("no part of an origin is more than an origin")
    func parts() {
        let patterns: [OriginPattern] = [
            "https://*.app.example:8443", "https://*.app.example:*", "http://localhost:*", "https://app.example", "*",
        ]
        let whole = "https://a.app.example:8443"
        for start in 0...whole.count {
            for length in 0...(whole.count - start) {
                let part = String(whole.dropFirst(start).prefix(length))
                for pattern in patterns where pattern.text != "*" {
                    let isRight =
                        part == whole || (part.hasPrefix("https://a.app.example:8") && pattern.text.hasSuffix(":*"))
                    let isAlone = part == "https://a.app.example" && pattern.text == "https://*.app.example:*"
                    let matches = matches(pattern, part)
                    #expect(matches == ((isRight && pattern.text.hasPrefix("https://*.")) || isAlone))
                }
                #expect(find(part, in: OriginSet(patterns)) == part)
            }
        }
    }

    // A borrowed span cannot stand within an expectation.
    private func matches(_ pattern: OriginPattern, _ origin: String) -> Bool { pattern.matches(origin.utf8.span) }
    private func find(_ origin: String, in set: OriginSet) -> String? { set.find(origin.utf8.span) }
}
