import Middleware

/// Answers as bytes, written apart from the code that reads them, with names compressed against all that stands before.
struct DNSWire {
    private(set) var bytes: [UInt8] = []
    private let compresses: Bool
    private var places: [[UInt8]: Int] = [:]

    init(_ message: DNSMessage, compresses: Bool = true, authorities: [DNSRecord] = []) {
        self.compresses = compresses
        append(message.id)
        let flags = (message.isResponse ? 0x8000 : 0) | (message.isTruncated ? 0x0200 : 0)
        append(UInt16(flags) | UInt16(message.operation) << 11 | 0x0180 | message.code.rawValue & 0xF)
        append(message.question == nil ? 0 : 1)
        append(UInt16(message.answers.count))
        append(UInt16(authorities.count))
        append(UInt16(message.additionals.count + (message.hasEDNS ? 1 : 0)))
        if let question = message.question {
            append(question.name)
            append(question.type.rawValue)
            append(1)
        }
        for record in message.answers + authorities + message.additionals { append(record) }
        if message.hasEDNS {
            bytes += [0, 0, 41, 0x04, 0xD0, UInt8(truncatingIfNeeded: message.code.rawValue >> 4), 0, 0, 0, 0, 0]
        }
    }

    mutating func append(_ number: UInt16) { bytes += [UInt8(number >> 8), UInt8(number & 0xFF)] }

    private mutating func append(_ record: DNSRecord) {
        append(record.name)
        append(record.type.rawValue)
        append(1)
        append(UInt16(record.lifetime >> 16))
        append(UInt16(truncatingIfNeeded: record.lifetime))
        let start = bytes.count
        append(0)
        switch record.data {
        case .a(let address):
            append(UInt16(truncatingIfNeeded: address.low >> 16))
            append(UInt16(truncatingIfNeeded: address.low))
        case .aaaa(let address):
            for word in [address.high, address.low] {
                for shift in [48, 32, 16, 0] { append(UInt16(truncatingIfNeeded: word >> UInt64(shift))) }
            }
        case .alias(let name): append(name)
        case .service(let service):
            for number in [service.priority, service.weight, service.port] { append(number) }
            append(service.target)
        case .other: bytes += [1, 2, 3]
        }
        let length = bytes.count - start - 2
        bytes[start] = UInt8(length >> 8)
        bytes[start + 1] = UInt8(length & 0xFF)
    }

    private mutating func append(_ name: DNSName) {
        var rest = name.bytes[...]
        while let length = rest.first, length > 0 {
            if compresses, let place = places[Array(rest)] {
                append(0xC000 | UInt16(place))
                return
            }
            if bytes.count < 0x4000 { places[Array(rest)] = bytes.count }
            bytes += rest.prefix(Int(length) + 1)
            rest = rest.dropFirst(Int(length) + 1)
        }
        bytes.append(0)
    }
}
