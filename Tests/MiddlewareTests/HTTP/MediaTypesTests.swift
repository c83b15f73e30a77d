import Middleware
import Testing

@Suite("Media types")
struct MediaTypesTests {
    @Test(
        "the type goes by the last extension, in any case",
        arguments: [
            ("a.html", "text/html; charset=utf-8"), ("A.HTML", "text/html; charset=utf-8"),
            ("a.b.js", "text/javascript; charset=utf-8"), ("a.tar.gz", "application/gzip"), ("a.svg", "image/svg+xml"),
            ("a.woff2", "font/woff2"), ("a.wasm", "application/wasm"), ("a.json", "application/json"),
            ("a.own", "text/x-own"), ("a.txt", "text/x-own"), ("a", "other/other"), ("html", "other/other"),
            (".html", "other/other"), ("a.", "other/other"), ("a.unknown", "other/other"), ("", "other/other"),
            ("a.\u{E9}", "other/other"),
        ])
    func type(name: String, type: String) {
        let types = MediaTypes(adding: ["own": "text/x-own", "txt": "text/x-own"], otherwise: "other/other")
        #expect(types.type(ofFileNamed: name.utf8.span) == type)
    }

    @Test("the table holds lower-case extensions and whole types, text with its charset")
    func table() {
        for (name, type) in MediaTypes.known {
            #expect(name == name.lowercased() && !name.contains("."))
            #expect(type.split(separator: "/").count == 2)
            #expect(!type.hasPrefix("text/") || type.hasSuffix("; charset=utf-8"), "\(name)")
        }
    }
}
