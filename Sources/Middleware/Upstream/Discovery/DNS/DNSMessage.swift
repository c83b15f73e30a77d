/// A message of the Domain Name System (RFC 1035 section 4): what a name server answers, as far as endpoints go by it.
///
/// Reading takes time in proportion to the bytes, whatever they are, and refuses what is not exactly a message.
package struct DNSMessage: Equatable, Sendable {
    /// How a query went: the four bits of the header and the eight of EDNS (RFC 6895 section 2.3).
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt16

        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let success = Code(rawValue: 0)
        package static let formatError = Code(rawValue: 1)
        package static let serverFailure = Code(rawValue: 2)
        package static let noSuchName = Code(rawValue: 3)
        package static let notImplemented = Code(rawValue: 4)
        package static let refused = Code(rawValue: 5)
    }

    package var id: UInt16
    package var isResponse: Bool
    /// 0 for a query.
    package var operation: UInt8
    /// Not all of it fitted. What did is not to be relied on (RFC 2181 section 9), and only the question is read.
    package var isTruncated: Bool
    package var code: Code
    package var question: DNSQuestion?
    package var answers: [DNSRecord]
    package var additionals: [DNSRecord]
    /// Whether the server understands EDNS.
    package var hasEDNS: Bool

    /// An answer.
    package init(
        id: UInt16,
        code: Code = .success,
        question: DNSQuestion?,
        answers: [DNSRecord] = [],
        additionals: [DNSRecord] = [],
        isTruncated: Bool = false,
        hasEDNS: Bool = true
    ) {
        self.id = id
        isResponse = true
        operation = 0
        self.isTruncated = isTruncated
        self.code = code
        self.question = question
        self.answers = answers
        self.additionals = additionals
        self.hasEDNS = hasEDNS
    }

    package init(_ bytes: [UInt8]) throws(DNSMessageError) {
        var reader = DNSReader(bytes)
        id = try reader.integer16()
        let flags = try reader.integer16()
        isResponse = flags & 0x8000 != 0
        operation = UInt8(flags >> 11 & 0xF)
        isTruncated = flags & 0x0200 != 0
        code = Code(rawValue: flags & 0xF)
        (answers, additionals, hasEDNS) = ([], [], false)
        let questionCount = try reader.integer16()
        let (answerCount, authorityCount) = (try reader.integer16(), try reader.integer16())
        let additionalCount = try reader.integer16()
        // RFC 9619: a query has one question at most, and its answer repeats it.
        guard questionCount <= 1 else { throw .tooMany }
        if questionCount == 1 { question = try reader.question() }
        guard !isTruncated else { return }
        answers = try records(answerCount, from: &reader)
        _ = try records(authorityCount, from: &reader)
        additionals = try records(additionalCount, from: &reader)
        guard reader.isAtEnd else { throw .trailingBytes }
    }

    private mutating func records(
        _ count: UInt16, from reader: inout DNSReader
    ) throws(DNSMessageError) -> [DNSRecord] {
        var records: [DNSRecord] = []
        for _ in 0..<count {
            let record = try reader.record()
            if record.type == .opt {
                // RFC 6891 section 6.1.1: one at most, and it is the root's.
                guard !hasEDNS else { throw .tooMany }
                guard record.name.isRoot else { throw .badRecord }
                hasEDNS = true
                code = Code(rawValue: code.rawValue | UInt16(record.lifetime >> 24) << 4)
            } else {
                records.append(record)
            }
        }
        return records
    }
}

extension DNSMessage.Code: CustomStringConvertible {
    package var description: String {
        switch self {
        case .success: "NOERROR"
        case .formatError: "FORMERR"
        case .serverFailure: "SERVFAIL"
        case .noSuchName: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        default: "RCODE\(rawValue)"
        }
    }
}

extension DNSReader {
    private static var internet: UInt16 { 1 }

    fileprivate mutating func question() throws(DNSMessageError) -> DNSQuestion? {
        let question = DNSQuestion(try name(), DNSRecordType(rawValue: try integer16()))
        return try integer16() == Self.internet ? question : nil
    }

    fileprivate mutating func record() throws(DNSMessageError) -> DNSRecord {
        let name = try name()
        let type = DNSRecordType(rawValue: try integer16())
        let recordClass = try integer16()
        let lifetime = try integer32()
        let length = Int(try integer16())
        guard recordClass == Self.internet else {
            try skip(length)
            // The class and the lifetime of an OPT record are something else (RFC 6891 section 6.1.2).
            return DNSRecord(name, lifetime: lifetime, .other(type == .opt ? type : .none))
        }
        let end = offset + length
        let data = try data(of: type, length: length)
        guard offset == end else { throw .badRecord }
        // RFC 2181 section 8: with the highest bit it is no lifetime, and counts as none.
        return DNSRecord(name, lifetime: lifetime < 1 << 31 || type == .opt ? lifetime : 0, data)
    }

    private mutating func data(of type: DNSRecordType, length: Int) throws(DNSMessageError) -> DNSRecord.Data {
        switch type {
        case .a:
            guard length == 4 else { throw .badRecord }
            return .a(IPAddress(v4: try integer32()))
        case .aaaa:
            guard length == 16 else { throw .badRecord }
            let high = try integer64()
            return .aaaa(IPAddress(high: high, low: try integer64()))
        case .cname:
            return .alias(try self.name())
        case .srv:
            let (priority, weight, port) = (try integer16(), try integer16(), try integer16())
            // RFC 2782 forbids to compress the target, and RFC 3597 section 4 wants it understood all the same.
            return .service(DNSService(priority: priority, weight: weight, port: port, target: try self.name()))
        default:
            try skip(length)
            return .other(type)
        }
    }
}
