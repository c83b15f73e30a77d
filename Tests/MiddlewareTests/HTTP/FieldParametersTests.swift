import Middleware
import Testing

@Suite("Quoted string")
struct QuotedStringTests {
    @Test(
        "decodes quoted strings whole",
        arguments: [
            ("\"\"", ""), ("\"a b\"", "a b"), ("\"\\\"\\\\\\a\"", "\"\\a"), ("\"\t\"", "\t"), ("\"é\"", "é"),
            ("", nil), ("a", nil), ("\"", nil), ("\"a", nil), ("\"a\\\"", nil), ("\"a\"b", nil), (" \"a\"", nil),
            ("\"a\0\"", nil), ("\"\\\n\"", nil), ("\"\\", nil),
        ] as [(String, String?)]
    )
    func decodes(text: String, value: String?) {
        #expect(QuotedString.decoded(text) == value)
    }

    @Test("what is encoded decodes to itself", arguments: ["", "a", "a\"b\\c", "\t é;,", "\\", "\""])
    func roundTrip(text: String) {
        #expect(QuotedString.encoded(text).flatMap(QuotedString.decoded) == text)
    }

    @Test("does not encode controls", arguments: ["\r\nX: y", "\0", "\u{7F}"])
    func controls(text: String) {
        #expect(QuotedString.encoded(text) == nil)
        #expect(QuotedString.tokenOrEncoded(text) == nil)
    }

    @Test("leaves a token as it is")
    func tokens() {
        #expect(QuotedString.tokenOrEncoded("utf-8") == "utf-8")
        #expect(QuotedString.tokenOrEncoded("a/b") == "\"a/b\"")
        #expect(QuotedString.tokenOrEncoded("") == "\"\"")
    }
}

@Suite("Field parameters")
struct FieldParametersTests {
    @Test(
        "reads parameters and writes them back",
        arguments: [
            ("", ""), (";", ""), (" ; ; ", ""), (";a=1", ";a=1"), ("a=1;b=2", ";a=1;b=2"),
            (" ; Charset=UTF-8 ;\tx=\"a;\\\"b\" ;", ";charset=UTF-8;x=\"a;\\\"b\""),
            ("for=\"[::1]:80\";proto=http", ";for=\"[::1]:80\";proto=http"), (";a=\"\"", ";a=\"\""),
        ]
    )
    func reads(text: String, written: String) {
        #expect(FieldParameters(text)?.description == written)
    }

    @Test(
        "is unreadable as a whole when a part is",
        arguments: [
            ";a", ";a=", ";=1", ";a =1", ";a= 1", ";a=\"x", ";a=1 b=2", ";a=\"x\"y", ";a=1,b", ";é=1", ";a=\"\n\"",
        ]
    )
    func malformed(text: String) {
        #expect(FieldParameters(text) == nil)
    }

    @Test("finds the first of a name in any case")
    func lookup() {
        let parameters = FieldParameters(";A=1;a=2")
        #expect(parameters?["a"] == "1")
        #expect(parameters?["A"] == "1")
        #expect(parameters?["b"] == nil)
        #expect(parameters?.count == 2)
    }

    @Test("splits a value from its parameters")
    func values() {
        let type = ParameterizedValue(" text/HTML ;charset=\"utf-8\"")
        #expect(type?.value == "text/HTML")
        #expect(type?.parameters["charset"] == "utf-8")
        #expect(type?.description == "text/HTML;charset=utf-8")
        #expect(ParameterizedValue(";a=1") == nil)
        #expect(ParameterizedValue("") == nil)
        #expect(ParameterizedValue("a;b") == nil)
    }
}

@Suite("Weighted list")
struct WeightedListTests {
    @Test(
        "reads weights of RFC 9110 section 12.4.2 and nothing else",
        arguments: [
            ("0", 0), ("1", 1000), ("0.", 0), ("1.", 1000), ("0.5", 500), ("0.05", 50), ("0.005", 5), ("0.999", 999),
            ("1.000", 1000), ("1.0", 1000),
            ("", nil), ("1.001", nil), ("1.1", nil), ("2", nil), (".5", nil), ("0.5000", nil), ("00.5", nil),
            ("-0", nil),
            ("+1", nil), ("0,5", nil), ("0.5 ", nil), ("0.-5", nil), ("1e0", nil), ("0.x", nil), ("01", nil),
        ] as [(String, Int?)]
    )
    func weights(text: String, thousandths: Int?) {
        #expect(QualityValue(text)?.thousandths == thousandths)
    }

    @Test(
        "puts the heavier first and keeps the order of equals",
        arguments: [
            ("gzip;q=0.5, br, *;q=0", ["br", "gzip", "*"]), ("a, b, c", ["a", "b", "c"]),
            ("a;q=0.1, b;q=0.2, c;q=0.1, d;q=0.2", ["b", "d", "a", "c"]), ("", []),
            ("a;q=2, b;q=x, c;q=, d;Q=0.3, e; q=0.4 ", ["e", "d"]), ("a;q=0.5;q=0.6, b", ["b"]),
        ] as [(String, [String])]
    )
    func order(value: String, members: [String]) {
        #expect(WeightedList(value).map(\.value) == members)
    }

    @Test("keeps other parameters and takes the weight out of them")
    func parameters() {
        let list = WeightedList(["text/html;level=1;q=0.7", "text/*;q=0"])
        #expect(list.map(\.parameters.description) == [";level=1", ""])
        #expect(list.map(\.quality.thousandths) == [700, 0])
        #expect(list.map(\.quality.isAcceptable) == [true, false])
    }
}
