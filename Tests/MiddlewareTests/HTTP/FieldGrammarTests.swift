import Middleware
import Testing

@Suite("Field grammar")
struct FieldGrammarTests {
    @Test("takes exactly the token bytes of RFC 9110 section 5.6.2", arguments: UInt8.min...UInt8.max)
    func tokenBytes(byte: UInt8) {
        let letters = "abcdefghijklmnopqrstuvwxyz"
        let token = Array((letters + letters.uppercased() + "0123456789!#$%&'*+-.^_`|~").utf8)
        #expect(ByteSet.token.contains(byte) == token.contains(byte))
        #expect(FieldGrammar.isToken([byte].span) == token.contains(byte))
    }

    @Test("takes exactly the bytes that RFC 3986 lets stand in a path", arguments: UInt8.min...UInt8.max)
    func pathBytes(byte: UInt8) {
        let letters = "abcdefghijklmnopqrstuvwxyz"
        let unreserved = Array((letters + letters.uppercased() + "0123456789-._~").utf8)
        let path = unreserved + Array("!$&'()*+,;=:@/".utf8)
        #expect(ByteSet.unreserved.contains(byte) == unreserved.contains(byte))
        #expect(ByteSet.path.contains(byte) == path.contains(byte))
        #expect(ByteSet.pathButDot.contains(byte) == (path.contains(byte) && byte != UInt8(ascii: ".")))
    }

    @Test(
        "is no token when it is empty or holds a separator",
        arguments: ["", " ", "a b", "a:", "a\t", "a/b", "é", "a\0"])
    func noToken(text: String) {
        let isToken = FieldGrammar.isToken(text.utf8.span)
        #expect(!isToken)
    }

    @Test("refuses controls but HTAB in a field value", arguments: UInt8.min...UInt8.max)
    func fieldValueBytes(byte: UInt8) {
        let isLegal = byte == 0x09 || (byte >= 0x20 && byte != 0x7F)
        #expect(FieldGrammar.isFieldValue([0x61, byte, 0x62].span) == isLegal)
    }

    @Test(
        "reads 1*DIGIT and nothing else",
        arguments: [
            ("0", 0), ("007", 7), ("9223372036854775807", Int.max), ("00000000000000000000000001", 1),
            ("", nil), ("+1", nil), ("-1", nil), (" 1", nil), ("1 ", nil), ("1.0", nil), ("0x1", nil), ("1_0", nil),
            ("9223372036854775808", nil), ("99999999999999999999999999", nil), ("１", nil),
        ] as [(String, Int?)]
    )
    func decimal(text: String, value: Int?) {
        #expect(FieldGrammar.decimal(text.utf8.span) == value)
    }

    @Test(
        "reads 1*HEXDIG and nothing else",
        arguments: [
            ("0", 0), ("fF", 255), ("7fffffffffffffff", Int.max), ("0000000000000000000a", 10),
            ("", nil), ("+A", nil), ("-1", nil), ("0x1", nil), ("g", nil), (" a", nil), ("a;", nil), ("@", nil),
            ("8000000000000000", nil), ("ffffffffffffffffff", nil),
        ] as [(String, Int?)]
    )
    func hexadecimal(text: String, value: Int?) {
        #expect(FieldGrammar.hexadecimal(text.utf8.span) == value)
    }

    @Test("trims spaces and tabs only")
    func trimming() {
        let bytes = Array(" \t a b\u{0B} \t".utf8)
        #expect(FieldGrammar.trimmed(0..<bytes.count, in: bytes.span) == 3..<7)
        #expect(FieldGrammar.trimmed(0..<2, in: bytes.span).isEmpty)
    }
}

@Suite("Field list")
struct FieldListTests {
    @Test(
        "splits at commas outside quoted strings and passes over empty members",
        arguments: [
            ("", []), (" \t ", []), (",,, ,", []), ("a", ["a"]), ("a,b", ["a", "b"]),
            (" a ,\tb , ", ["a", "b"]), (",a,,b,", ["a", "b"]),
            ("\"a,b\",c", ["\"a,b\"", "c"]), ("x=\"a,\\\",b\";y, c", ["x=\"a,\\\",b\";y", "c"]),
            ("\"a\\\\\",b", ["\"a\\\\\"", "b"]), ("\"open, a", ["\"open, a"]), ("\"a\\", ["\"a\\"]),
            ("a b, c", ["a b", "c"]), ("é,ü", ["é", "ü"]), ("a\\,b", ["a\\", "b"]),
        ] as [(String, [String])]
    )
    func splits(value: String, members: [String]) {
        #expect(FieldList(value).map(String.init) == members)
    }

    @Test("an open quote takes nothing of the next field line")
    func openQuote() {
        #expect(FieldList(["a, \"b", "c, d"]).map(String.init) == ["a", "\"b", "c", "d"])
    }

    @Test("reads members from bytes with another separator")
    func separator() {
        var reader = FieldListReader(separator: UInt8(ascii: ";"))
        let bytes = Array("a,b; \"c;d\"".utf8)
        #expect(reader.next(in: bytes.span) == 0..<3)
        #expect(reader.next(in: bytes.span) == 5..<10)
        #expect(reader.next(in: bytes.span) == nil)
        #expect(reader.next(in: bytes.span) == nil)
    }

    @Test("a hostile value of a megabyte is read in one pass")
    func linear() {
        #expect(FieldList(String(repeating: ",", count: 1 << 20)).map(String.init).isEmpty)
        #expect(FieldList(String(repeating: "\"\\", count: 1 << 19)).map(String.init).count == 1)
    }
}
