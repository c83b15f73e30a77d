import Middleware
import Testing

@Suite("DNS queries")
struct DNSQueryTests {
    private static let name = DNSName("Users.test") ?? .root
    private static let query = DNSQuery(DNSQuestion(name, .aaaa), id: 0x1234)

    @Test("a query is one question and what it can take")
    func bytes() {
        let head: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]
        let question = [5] + Array("users".utf8) + [4] + Array("test".utf8) + [0, 0, 28, 0, 1]
        #expect(Self.query.bytes == head + question + [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0])
        let plain = DNSQuery(DNSQuestion(Self.name, .aaaa), id: 0x1234, usesEDNS: false)
        #expect(plain.bytes == head.dropLast() + [0] + question)
    }

    @Test(
        "only what answers it is an answer",
        arguments: [
            ("the answer", true, message { _ in }),
            ("another number", false, message { $0.id = 0x1235 }),
            ("a query", false, message { $0.isResponse = false }),
            ("another operation", false, message { $0.operation = 4 }),
            ("another name", false, message { $0.question = DNSQuestion(.root, .aaaa) }),
            ("another type", false, message { $0.question = DNSQuestion(name, .a) }),
            ("no question", false, message { $0.question = nil }),
            ("none, for want of reading it", true, message { ($0.question, $0.code) = (nil, .formatError) }),
        ]
    )
    func accepting(what: String, isAnswer: Bool, message: DNSMessage) {
        #expect((Self.query.answer(in: DNSWire(message).bytes) != nil) == isAnswer, "\(what)")
    }

    private static func message(_ change: (inout DNSMessage) -> Void) -> DNSMessage {
        var message = DNSMessage(id: query.id, question: query.question)
        change(&message)
        return message
    }

    @Test("a question is repeated in whatever case")
    func anyCase() {
        var bytes = DNSWire(DNSMessage(id: Self.query.id, question: Self.query.question)).bytes
        bytes[13] = UInt8(ascii: "U")
        #expect(Self.query.answer(in: bytes) != nil)
        #expect(Self.query.answer(in: []) == nil)
    }
}
