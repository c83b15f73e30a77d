import Middleware
import Testing

@Suite("DNS names")
struct DNSNameTests {
    @Test(
        "text that names a place is read, whatever its case",
        arguments: [
            ("origin.test", "origin.test"), ("Origin.TEST.", "origin.test"), ("_http._tcp.a-b", "_http._tcp.a-b"),
            ("localhost", "localhost"),
        ]
    )
    func reading(text: String, canonical: String) {
        #expect(DNSName(text)?.description == canonical)
    }

    @Test(
        "text that names none is refused",
        arguments: [
            "", ".", "..", "a..b", ".a", "a b", "münchen.test", "a/b", "a\0", String(repeating: "a", count: 64),
            Array(repeating: "abcdefg", count: 32).joined(separator: "."),
        ]
    )
    func refusing(text: String) {
        #expect(DNSName(text) == nil)
    }

    @Test("the longest label and the longest name are names")
    func limits() {
        #expect(DNSName(String(repeating: "a", count: 63)) != nil)
        let longest = Array(repeating: String(repeating: "b", count: 62), count: 4).joined(separator: ".") + "."
        #expect(DNSName(longest + "a")?.bytes.count == 255)
        #expect(DNSName(longest + "ab") == nil)
        #expect(DNSName(longest + "a")?.appending(DNSName.root)?.bytes.count == 255)
    }

    @Test("a name is put below another unless that is too long")
    func appending() throws {
        let name = try #require(DNSName("a.b"))
        let suffix = try #require(DNSName("c"))
        #expect(name.appending(suffix) == DNSName("a.b.c"))
        let long = try #require(DNSName(Array(repeating: "abcdefg", count: 31).joined(separator: ".")))
        #expect(long.appending(name)?.bytes.count == 253)
        #expect(long.appending(long) == nil)
    }
}
