/// Takes a message apart. Every read is checked against the end, so that no bytes trap, and compression cannot loop.
struct DNSReader {
    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func byte() throws(DNSMessageError) -> UInt8 {
        guard offset < bytes.count else { throw .cutOff }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func integer16() throws(DNSMessageError) -> UInt16 {
        let high = try byte()
        return UInt16(high) << 8 | UInt16(try byte())
    }

    mutating func integer32() throws(DNSMessageError) -> UInt32 {
        let high = try integer16()
        return UInt32(high) << 16 | UInt32(try integer16())
    }

    mutating func integer64() throws(DNSMessageError) -> UInt64 {
        let high = try integer32()
        return UInt64(high) << 32 | UInt64(try integer32())
    }

    mutating func skip(_ count: Int) throws(DNSMessageError) {
        guard count <= bytes.count - offset else { throw .cutOff }
        offset += count
    }

    /// A name, perhaps compressed (RFC 1035 section 4.1.4).
    ///
    /// A pointer leads to an earlier occurrence, that is before all that this name was read from so far. Each lies
    /// before the last, so they come to an end; there are no more of them than a name has labels, so it comes soon.
    mutating func name() throws(DNSMessageError) -> DNSName {
        var labels: [UInt8] = []
        var position = offset
        var start = offset
        var end: Int?
        var pointers = 0
        while true {
            guard position < bytes.count else { throw .cutOff }
            let length = Int(bytes[position])
            switch length {
            case 0:
                offset = end ?? position + 1
                return DNSName(labels: labels)
            case 1...63:
                let next = position + 1 + length
                guard next <= bytes.count else { throw .cutOff }
                labels += bytes[position..<next]
                guard labels.count < DNSName.capacity else { throw .badName }
                position = next
            case 0xC0...0xFF:
                guard position + 1 < bytes.count else { throw .cutOff }
                let target = (length & 0x3F) << 8 | Int(bytes[position + 1])
                pointers += 1
                guard target < start, pointers < 128 else { throw .badName }
                end = end ?? position + 2
                (position, start) = (target, target)
            default:
                // RFC 6891 section 5: the other two kinds of label are not in use.
                throw .badName
            }
        }
    }
}

/// Why bytes are no message.
package enum DNSMessageError: Error, Equatable, Sendable {
    /// It ends within something.
    case cutOff
    /// A name is too long, or its compression leads forward.
    case badName
    /// The data of a record is not as long as its record says, or as its type wants it.
    case badRecord
    /// It has more than one question, or more than one record of EDNS.
    case tooMany
    /// There is something behind the end.
    case trailingBytes
}
