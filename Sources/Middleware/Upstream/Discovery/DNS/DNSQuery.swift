/// One question to one name server, and what counts as its answer (RFC 5452 section 9).
package struct DNSQuery: Sendable {
    /// What a datagram may hold, so that no path takes it apart: the least that IPv6 carries whole, without the headers.
    /// The size that DNS servers agreed on in 2020.
    package static var payloadSize: UInt16 { 1232 }

    package let id: UInt16
    package let question: DNSQuestion
    /// Whether it says that larger datagrams are understood. There are servers that refuse who says so.
    package let usesEDNS: Bool

    package init(_ question: DNSQuestion, id: UInt16, usesEDNS: Bool = true) {
        self.question = question
        self.id = id
        self.usesEDNS = usesEDNS
    }

    /// The message: recursion desired, one question, perhaps an OPT record (RFC 6891 section 6.1.2).
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ number: UInt16) { bytes += [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)] }
        for number in [id, 0x0100, 1, 0, 0, usesEDNS ? 1 : 0] { append(number) }
        bytes += question.name.bytes
        append(question.type.rawValue)
        append(1)
        if usesEDNS {
            bytes += DNSName.root.bytes
            append(DNSRecordType.opt.rawValue)
            append(Self.payloadSize)
            for _ in 0..<3 { append(0) }
        }
        return bytes
    }

    /// The message in those bytes if it answers this query; `nil` for anything else, whoever sent it.
    package func answer(in bytes: [UInt8]) -> DNSMessage? {
        guard let message = try? DNSMessage(bytes), message.id == id, message.isResponse, message.operation == 0 else {
            return nil
        }
        // A server that cannot read a query at all has no question to repeat.
        let isUnread = message.question == nil && message.code == .formatError
        return isUnread || message.question == question ? message : nil
    }
}
