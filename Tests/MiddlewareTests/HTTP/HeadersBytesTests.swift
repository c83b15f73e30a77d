import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Headers as bytes")
struct HeadersBytesTests {
    private static let lines = [
        "Host-ish: a", "Accept: */*", "X-Odd:no-space", "Via: 1.1 a", "TE: trailers", "Empty: ",
    ]

    private var headers: Headers {
        received("Host-ish: a", "Accept: */*", "X-Odd:no-space", "Via: 1.1 a", "TE: trailers", "Empty: ")
    }

    @Test("received lines leave as they came")
    func writesReceivedLines() {
        #expect(wire(received("A: 1", "bB:  2", "C: 3")) == "A: 1\r\nbB: 2\r\nC: 3\r\n")
        #expect(wire(headers) == Self.lines.map { $0.replacing(":no", with: ": no") + "\r\n" }.joined())
        #expect(wire(Headers()) == "")
    }

    @Test("whatever is skipped, the others leave in order and unchanged", arguments: 0..<64)
    func skip(mask: Int) {
        let headers = headers
        var index = 0
        let written = wire(headers) { _ in
            defer { index += 1 }
            return mask & (1 << index) != 0
        }
        let kept = Self.lines.indices.filter { mask & (1 << $0) == 0 }
        #expect(written == kept.map { Self.lines[$0].replacing(":no", with: ": no") + "\r\n" }.joined())
    }

    @Test("fields that were set stand between the received ones")
    func mixed() {
        var headers = headers
        headers[.via] = "1.1 b"
        headers.append(.server, "s")
        headers[HTTPField.Name(literal: "host-ish")] = nil
        #expect(
            wire(headers) == "Accept: */*\r\nX-Odd: no-space\r\nVia: 1.1 b\r\nTE: trailers\r\nEmpty: \r\nServer: s\r\n")
    }

    @Test("lines that were set stand in front of received ones, from the same place on")
    func ownFirst() {
        var headers = received("A: 1", "B: 2", "C:3")
        headers[HTTPField.Name(literal: "a")] = "x"
        headers[HTTPField.Name(literal: "c")] = "y"
        #expect(wire(headers) == "a: x\r\nB: 2\r\nc: y\r\n")
        headers[HTTPField.Name(literal: "b")] = nil
        #expect(wire(headers) == "a: x\r\nc: y\r\n")
    }

    @Test("writing appends to what the buffer holds")
    func appends() {
        var buffer = ByteBuffer(string: "HTTP/1.1 200 OK\r\n")
        received("A: 1").write(into: &buffer)
        #expect(String(buffer: buffer) == "HTTP/1.1 200 OK\r\nA: 1\r\n")
    }

    @Test("known fields are found, added and removed by kind")
    func knownFields() throws {
        var headers = headers
        #expect(headers.contains(known: .te) && !headers.contains(known: .upgrade))
        let via = try #require(headers.first(known: .via))
        #expect(text { headers.withValue(of: via, $0) } == "1.1 a")
        #expect(text { headers.withName(of: via, $0) } == "Via")
        headers.append(.via, Array("2".utf8).span)
        #expect(headers[values: .via] == ["1.1 a", "2"])
        headers.remove(known: .via)
        headers.remove(known: .upgrade)
        #expect(!headers.contains(known: .via))
        #expect(wire(headers).hasSuffix("TE: trailers\r\nEmpty: \r\n"))
    }

    private func text(_ lend: ((Span<UInt8>) -> String) -> String) -> String {
        lend { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
    }

    @Test("compacted fields equal the original and hold nothing of the read buffer")
    func compacted() {
        var headers = headers
        headers[.via] = "mine"
        let compact = headers.compacted()
        #expect(compact == headers)
        #expect(wire(compact) == wire(headers))
        #expect(compact.received.readableBytes == 0)
        #expect(compact.received.storageCapacity == ByteBuffer().storageCapacity)
        #expect(compact.entries.allSatisfy { $0.origin == .own })
        #expect(compact.entries.map(\.known) == headers.entries.map(\.known))
        #expect(compact.own.count == headers.reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count + 4 })
    }

    @Test("replacing the value of one field again and again keeps memory in bounds")
    func repeatedSets() {
        var headers = Headers()
        for index in 0..<10_000 { headers[.via] = "value \(index)" }
        #expect(headers.count == 1)
        do {
            #expect(headers.own.count < 10_000)
        }
    }
}

@Suite("KnownField")
struct KnownFieldTests {
    private static let named = KnownField.allCases.filter { $0 != .other }

    private func recognised(_ name: String) -> KnownField { recognised(Array(name.utf8)) }

    private func recognised(_ name: [UInt8]) -> KnownField { KnownField(name: name.span) }

    private func areEqual(_ name: UInt8, lowercase: UInt8) -> Bool {
        let (name, lowercase) = ([name], [lowercase])
        return equalIgnoringCase(name.span, lowercase: lowercase.span)
    }

    @Test("eight bytes at a time say the same as one by one")
    func words() {
        for place in 0..<8 {
            for byte in UInt8.min...UInt8.max {
                for expected in [UInt8(ascii: "a"), UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "1")] {
                    var lowercase = Array("abcdefgh".utf8)
                    var name = Array("aBCdefGh".utf8)
                    lowercase[place] = expected
                    name[place] = byte
                    let isEqual = equalIgnoringCase(name.span, lowercase: lowercase.span)
                    #expect(isEqual == areEqual(byte, lowercase: expected))
                }
            }
        }
    }

    @Test("every known name is recognised in any case", arguments: named)
    func recognisesNames(field: KnownField) {
        let name = field.canonicalName.description
        #expect(recognised(name) == field)
        #expect(recognised(name.uppercased()) == field)
        let mixed = String(name.enumerated().map { $0 % 2 == 0 ? Character($1.uppercased()) : $1 })
        #expect(recognised(mixed) == field)
    }

    @Test("a name that differs in one byte, or in length, is another", arguments: named)
    func nearMisses(field: KnownField) {
        let name = Array(field.canonicalName.description.utf8)
        for index in name.indices {
            for replacement in UInt8.min...UInt8.max where (replacement | 0x20) != name[index] {
                var near = name
                near[index] = replacement
                guard near != name else { continue }
                #expect(recognised(near) != field)
            }
            // The bit that makes a letter upper case makes a hyphen a control.
            var flipped = name
            flipped[index] ^= 0x20
            #expect((recognised(flipped) == field) == (name[index] != UInt8(ascii: "-")))
        }
        #expect(recognised(Array(name.dropLast())) == .other)
        #expect(recognised(name + [UInt8(ascii: "s")]) == .other)
    }

    @Test("other names, and none, are other", arguments: ["", "x", "accept", "cookie", "content-lengt", "hosT2"])
    func others(name: String) {
        #expect(recognised(name) == .other)
    }

    @Test("a comparison without case makes no other two bytes equal")
    func equalBytes() {
        for left in UInt8.min...UInt8.max {
            for right in UInt8.min...UInt8.max where !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(right) {
                let isSameLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(right) && left | 0x20 == right
                #expect(areEqual(left, lowercase: right) == (left == right || isSameLetter))
            }
        }
    }
}
