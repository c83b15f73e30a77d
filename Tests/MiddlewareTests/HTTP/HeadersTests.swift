import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Headers")
struct HeadersTests {
    private static let caret = HTTPField.Name(literal: "a^b")
    private static let tilde = HTTPField.Name(literal: "a~b")

    @Test("names compare without regard to case and keep the spelling they came with")
    func caseInsensitive() {
        var headers = received("uSeR-aGeNt: curl", "Accept: a")
        #expect(headers[.userAgent] == "curl")
        #expect(headers.contains(.userAgent))
        headers.append(HTTPField.Name(literal: "X-Mine"), "1")
        #expect(headers[HTTPField.Name(literal: "x-MINE")] == "1")
        #expect(wire(headers) == "uSeR-aGeNt: curl\r\nAccept: a\r\nX-Mine: 1\r\n")
    }

    @Test("only letters have a case: ^ and ~ differ in the bit that letters differ in, and are two names")
    func punctuationHasNoCase() {
        var headers = received("a^b: caret", "a~b: tilde")
        #expect(headers[Self.caret] == "caret")
        #expect(headers[Self.tilde] == "tilde")
        headers[Self.tilde] = nil
        #expect(headers.count == 1)
        #expect(headers[Self.caret] == "caret")
    }

    @Test("duplicates stay visible, in order")
    func duplicates() {
        var headers = received("Set-Cookie: a=1", "X: y", "set-cookie: b=2")
        headers.append(.setCookie, "c=3")
        #expect(headers[.setCookie] == "a=1")
        #expect(headers[values: .setCookie] == ["a=1", "b=2", "c=3"])
        #expect(headers.count == 4)
    }

    @Test("setting replaces in place and removes the other fields of that name")
    func setReplacesInPlace() {
        var headers = received("Accept: a", "Via: one", "Accept: b", "TE: trailers", "ACCEPT: c")
        headers[.accept] = "z"
        #expect(wire(headers) == "Accept: z\r\nVia: one\r\nTE: trailers\r\n")
        headers[.accept] = nil
        headers[.accept] = nil
        #expect(wire(headers) == "Via: one\r\nTE: trailers\r\n")
        headers[.accept] = "last"
        #expect(wire(headers).hasSuffix("trailers\r\nAccept: last\r\n"))
    }

    @Test("a list that is set replaces every field of that name")
    func setValues() {
        var headers = received("Accept: a", "Via: one", "Accept: b")
        headers[values: .accept] = ["x", "y"]
        #expect(headers[values: .accept] == ["x", "y"])
        headers[values: .accept] = []
        #expect(headers.count == 1)
        headers.removeAll()
        #expect(headers.isEmpty && headers.count == 0)
    }

    @Test(
        "a value that is set cannot end its line",
        arguments: [
            ("a\r\nSet-Cookie: evil", "a  Set-Cookie: evil"), ("a\nb", "a b"), ("a\rb", "a b"), ("a\u{0}b", "a b"),
            ("\r\n\r\nGET / HTTP/1.1", "GET / HTTP/1.1"), ("a\u{7F}b\u{1B}c", "a b c"), ("tab\tstays", "tab\tstays"),
            ("  outer\t ", "outer"), ("trailing\r\n", "trailing"), ("\u{85}\u{2028}é", "\u{85}\u{2028}é"), ("", ""),
            (" ", ""), ("\r\n", ""),
        ])
    func injection(value: String, legal: String) {
        var headers = received("Accept: a")
        headers[.accept] = value
        headers.append(.via, value)
        let legalLines = "Accept: \(legal)\r\nVia: \(legal)\r\n"
        #expect(wire(headers) == legalLines)
        #expect(headers[.accept] == legal)
        #expect(wire([.accept: value]) == "Accept: \(legal)\r\n")
    }

    @Test("the fields pass through HTTPFields and back, order, spelling and duplicates kept")
    func conversion() {
        let headers = received("Accept: a", "X-One:   padded  ", "accept: b", "Empty: ")
        let fields = HTTPFields(headers)
        #expect(fields.map(\.name.rawName) == ["Accept", "X-One", "accept", "Empty"])
        #expect(fields.map(\.value) == ["a", "padded", "b", ""])
        #expect(Headers(fields) == headers)
        #expect(wire(Headers(fields)) == "Accept: a\r\nX-One: padded\r\naccept: b\r\nEmpty: \r\n")
    }

    @Test("a value that is not UTF-8 passes through HTTPFields, the wire and compaction byte for byte")
    func notUTF8() {
        let raw: [UInt8] = [0x66, 0xFC, 0x72, 0xFF]
        var headers = Headers()
        headers.append(name: Array("X-Raw".utf8).span, value: raw.span, known: .other)
        #expect(headers[HTTPField.Name(literal: "x-raw")] == "f\u{FFFD}r\u{FFFD}")
        for copy in [Headers(HTTPFields(headers)), headers.compacted()] {
            var buffer = ByteBuffer()
            copy.write(into: &buffer)
            #expect(Array(buffer.readableBytesView) == Array("X-Raw: ".utf8) + raw + [0x0D, 0x0A])
        }
    }

    @Test("equality looks at order and values, and not at the case of names or where the bytes lie")
    func equality() {
        let headers = received("Accept: a", "Via: b")
        #expect(headers == received("ACCEPT: a", "via:  b"))
        #expect(headers == [.accept: "a", .via: "b"])
        #expect(headers != [.via: "b", .accept: "a"])
        #expect(headers != [.accept: "A", .via: "b"])
        #expect(headers != [.accept: "a"])
        #expect(Headers() == [:])
    }

    @Test("it prints one field a line")
    func description() {
        #expect("\(received("Accept: a", "Via:b"))" == "Accept: a\nVia: b")
    }

    @Test("a copy that is changed leaves the original alone")
    func valueSemantics() {
        let original = received("Accept: a", "Via: b")
        var copy = original
        copy[.accept] = "changed"
        copy.remove(HTTPField.Name.via)
        #expect(original == [.accept: "a", .via: "b"])
        #expect(copy == [.accept: "changed"])
    }

    @Test("every name that the library adds to HTTPTypes is a valid one")
    func constants() {
        let names: [HTTPField.Name] = [
            .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xRequestID, .host, .keepAlive,
            .proxyConnection,
        ]
        #expect(names.allSatisfy { $0.canonicalName != "x-invalid-name" })
        #expect(Set(names).count == names.count)
    }
}
