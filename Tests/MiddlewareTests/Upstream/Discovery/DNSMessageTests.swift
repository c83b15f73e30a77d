import Middleware
import MiddlewareTesting
import Testing

@Suite("DNS messages")
struct DNSMessageTests {
    /// `users.test A`, with an alias, two addresses and EDNS, as a server of the field compresses it.
    private static let sample: [UInt8] = {
        var bytes: [UInt8] = [0xAB, 0xCD, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 1]
        bytes += [5, 0x75, 0x73, 0x65, 0x72, 0x73, 4, 0x74, 0x65, 0x73, 0x74, 0, 0, 1, 0, 1]
        bytes += [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 0x45, 0xC0, 18]
        bytes += [0xC0, 40, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, 1]
        bytes += [0xC0, 40, 0, 1, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 4, 10, 0, 0, 2]
        bytes += [0, 0, 41, 4, 0xD0, 0, 0, 0, 0, 0, 0]
        return bytes
    }()

    @Test("a compressed answer is read")
    func reading() throws {
        let message = try DNSMessage(Self.sample)
        #expect(message.id == 0xABCD && message.isResponse && !message.isTruncated && message.hasEDNS)
        #expect(message.question?.description == "users.test A")
        let expected = ["users.test 60 CNAME e.test", "e.test 30 A 10.0.0.1", "e.test 0 A 10.0.0.2"]
        #expect(try message.answers == expected.map { try DNSRecord($0) }, "a lifetime with the highest bit is none")
    }

    @Test("no part of an answer is an answer", arguments: 0..<sample.count)
    func cut(count: Int) {
        #expect(throws: DNSMessageError.self) { try DNSMessage(Array(Self.sample[..<count])) }
    }

    @Test(
        "what is not exactly a message is refused",
        arguments: [
            ("a byte behind the end", sample + [0], DNSMessageError.trailingBytes),
            ("two questions", changing(5, to: 2), .tooMany),
            ("a pointer to itself", changing(29, to: 28), .badName),
            ("a pointer forward", changing(29, to: 200), .badName),
            ("a label of a kind that is not in use", changing(12, to: 0x45), .badName),
            ("an address that is too long", changing(55, to: 5), .badRecord),
            ("an alias that does not fill its record", changing(39, to: 5), .badRecord),
            ("a record behind the end", changing(7, to: 4), .cutOff),
            ("two records of EDNS", changing(11, to: 2, sample + sample.suffix(11)), .tooMany),
        ]
    )
    func refusing(what: String, bytes: [UInt8], error: DNSMessageError) {
        #expect(throws: error, "\(what)") { try DNSMessage(bytes) }
    }

    @Test("pointers that lead to pointers come to an end")
    func pointers() {
        // Each pointer leads to the one before, 5,000 of them; then 1,000 records named by the last.
        var bytes: [UInt8] = [0, 1, 0x80, 0, 0, 0, 0x03, 0xE8, 0, 0, 0, 0]
        bytes += [0, 0, 99, 0, 1, 0, 0, 0, 0, 0x27, 0x10]
        let start = bytes.count
        bytes += [0, 0]
        for index in 0..<4_999 {
            let target = start + index * 2 - (index == 0 ? 1 : 2)
            bytes += [0xC0 | UInt8(target >> 8), UInt8(target & 0xFF)]
        }
        let last = bytes.count - 2
        for _ in 0..<999 { bytes += [0xC0 | UInt8(last >> 8), UInt8(last & 0xFF), 0, 99, 0, 1, 0, 0, 0, 0, 0, 0] }
        #expect(throws: DNSMessageError.badName) { try DNSMessage(bytes) }
    }

    @Test("of a truncated answer only the question is read")
    func truncated() throws {
        let bytes = Self.changing(2, to: 0x83)
        for count in 28...bytes.count {
            let message = try DNSMessage(Array(bytes[..<count]))
            #expect(message.isTruncated && message.answers.isEmpty)
        }
    }

    @Test("records of other classes are nobody's")
    func classes() throws {
        #expect(try DNSMessage(Self.changing(49, to: 3)).answers.map(\.type) == [.cname, .none, .a])
        #expect(try DNSMessage(Self.changing(27, to: 3)).question == nil)
    }

    @Test("the code has its upper bits from EDNS")
    func extendedCode() throws {
        var bytes = Self.sample
        bytes[bytes.count - 6] = 1
        #expect(try DNSMessage(bytes).code.description == "RCODE16")
    }

    // MARK: - Properties

    @Test("what is written is read again, compressed and not", arguments: 0..<40)
    func roundTrip(seed: Int) throws {
        let chance = SeededRandomness(seed: UInt64(seed))
        for _ in 0..<25 {
            let message = Self.message(by: chance)
            for compresses in [true, false] {
                let bytes = DNSWire(message, compresses: compresses, authorities: [Self.record(by: chance)]).bytes
                #expect(try DNSMessage(bytes) == message)
            }
        }
    }

    @Test("no bytes trap, and what is read is bounded by them", arguments: 0..<40)
    func anyBytes(seed: Int) {
        let chance = SeededRandomness(seed: UInt64(seed) + 1_000)
        for _ in 0..<500 {
            var bytes = DNSWire(Self.message(by: chance), authorities: [Self.record(by: chance)]).bytes
            switch chance.next(below: 4) {
            case 0: bytes = bytes.map { _ in UInt8(truncatingIfNeeded: chance.next()) }
            case 1: bytes = Array(bytes.prefix(Int(chance.next(below: UInt64(bytes.count)))))
            default:
                for _ in 0...chance.next(below: 4) {
                    let place = Int(chance.next(below: UInt64(bytes.count)))
                    bytes[place] = chance.next(below: 2) == 0 ? 0xC0 : UInt8(truncatingIfNeeded: chance.next())
                }
            }
            guard let message = try? DNSMessage(bytes) else { continue }
            #expect((message.answers.count + message.additionals.count) * 11 <= bytes.count)
            for record in message.answers + message.additionals {
                #expect(record.name.bytes.count <= DNSName.capacity)
                _ = record.name.description
            }
        }
    }

    private static func changing(_ place: Int, to byte: UInt8, _ bytes: [UInt8] = sample) -> [UInt8] {
        var bytes = bytes
        bytes[place] = byte
        return bytes
    }

    private static func message(by chance: SeededRandomness) -> DNSMessage {
        let types = [DNSRecordType.a, .aaaa, .srv]
        return DNSMessage(
            id: UInt16(truncatingIfNeeded: chance.next()),
            code: DNSMessage.Code(rawValue: UInt16(chance.next(below: 6))),
            question: DNSQuestion(name(by: chance), types[Int(chance.next(below: 3))]),
            answers: (0..<chance.next(below: 6)).map { _ in record(by: chance) },
            additionals: (0..<chance.next(below: 4)).map { _ in record(by: chance) },
            hasEDNS: chance.next(below: 2) == 0
        )
    }

    private static func record(by chance: SeededRandomness) -> DNSRecord {
        let lifetime = UInt32(chance.next(below: 1 << 31))
        let data: DNSRecord.Data =
            switch chance.next(below: 5) {
            case 0: .a(IPAddress(v4: UInt32(truncatingIfNeeded: chance.next())))
            case 1: .aaaa(IPAddress(high: chance.next(), low: chance.next()))
            case 2: .alias(name(by: chance))
            case 3:
                .service(
                    DNSService(
                        priority: UInt16(truncatingIfNeeded: chance.next()), weight: 7, port: 80,
                        target: name(by: chance)))
            default: .other(DNSRecordType(rawValue: 16))
            }
        return DNSRecord(name(by: chance), lifetime: lifetime, data)
    }

    private static func name(by chance: SeededRandomness) -> DNSName {
        let labels = ["a", "users", "test", "internal", "_http", "_tcp", "x-1"]
        let chosen = (0...chance.next(below: 4)).map { _ in labels[Int(chance.next(below: 7))] }
        return DNSName(chosen.joined(separator: ".")) ?? .root
    }
}
