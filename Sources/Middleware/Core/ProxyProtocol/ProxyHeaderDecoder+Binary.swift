import NIOCore

/// Version 2: a signature, four bytes that say what follows, addresses and attributes (section 2.2).
extension ProxyHeaderDecoder {
    /// The bytes in front of the addresses.
    static let binaryHead = 16
    /// The bytes of a Unix-domain address.
    static let pathBytes = 108

    static func readBinary(_ bytes: Span<UInt8>) throws(ProxyHeaderProblem) -> Reading {
        guard agrees(bytes, with: binarySignature) else { throw .signature }
        guard bytes.count > 12 else { return .needsMore }
        guard bytes[12] & 0xF0 == 0x20 else { throw .version }
        guard bytes[12] & 0x0F <= 1 else { throw .command }
        let isLocal = bytes[12] & 0x0F == 0
        guard bytes.count >= binaryHead else { return .needsMore }
        // The family of LOCAL is ignored.
        guard isLocal || bytes[13] >> 4 <= 3 && bytes[13] & 0x0F <= 2 else { throw .family }
        let length = binaryHead + Int(bytes[14]) << 8 + Int(bytes[15])
        guard length <= limit else { throw .length }
        // No address is looked at before all of the header has come.
        guard bytes.count >= length else { return .needsMore }
        let header = isLocal ? ProxyHeader(.local) : try proxied(bytes.extracting(0..<length))
        return .header(header, length: length)
    }

    private static func proxied(_ bytes: Span<UInt8>) throws(ProxyHeaderProblem) -> ProxyHeader {
        let (family, isDatagram) = (bytes[13] >> 4, bytes[13] & 0x0F == 2)
        // Unspecified: what follows may be anything, and is not to be interpreted.
        guard family > 0, bytes[13] & 0x0F > 0 else { return ProxyHeader(.unknown) }
        let transport = isDatagram ? ProxyHeader.Transport.datagram : .stream
        let addresses = family == 1 ? 12 : family == 2 ? 36 : 2 * pathBytes
        let end = binaryHead + addresses
        guard bytes.count >= end else { throw .length }
        let endpoints: ProxyHeader.Endpoints
        switch family {
        case 1:
            endpoints = try internet(
                IPAddress(v4: UInt32(integer(bytes, at: 16, bytes: 4))), UInt16(integer(bytes, at: 24, bytes: 2)),
                IPAddress(v4: UInt32(integer(bytes, at: 20, bytes: 4))), UInt16(integer(bytes, at: 26, bytes: 2)),
                transport)
        case 2:
            endpoints = try internet(
                IPAddress(high: integer(bytes, at: 16, bytes: 8), low: integer(bytes, at: 24, bytes: 8)),
                UInt16(integer(bytes, at: 48, bytes: 2)),
                IPAddress(high: integer(bytes, at: 32, bytes: 8), low: integer(bytes, at: 40, bytes: 8)),
                UInt16(integer(bytes, at: 50, bytes: 2)),
                transport)
        default:
            endpoints = .unix(
                source: path(bytes.extracting(binaryHead..<binaryHead + pathBytes)),
                destination: path(bytes.extracting(binaryHead + pathBytes..<end)),
                transport)
        }
        return ProxyHeader(endpoints, attributes: try ProxyAttributes(in: bytes, from: end))
    }

    /// Bytes in network order as a number; at most eight.
    static func integer(_ bytes: Span<UInt8>, at offset: Int, bytes count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in offset..<offset + count { value = value << 8 | UInt64(bytes[index]) }
        return value
    }

    /// A path without the zeros that it is padded with.
    private static func path(_ bytes: Span<UInt8>) -> [UInt8] {
        var end = bytes.count
        while end > 0, bytes[end - 1] == 0 { end -= 1 }
        return bytes.extracting(0..<end).array
    }
}

extension ProxyAttributes {
    /// The attributes of a header from `offset` to its end.
    ///
    /// Of each assigned type there is one at most: of two, another reader might believe the other.
    fileprivate init(in header: Span<UInt8>, from offset: Int) throws(ProxyHeaderProblem) {
        self.init()
        var offset = offset
        var sum: (offset: Int, value: UInt32)?
        while let (type, range) = try Self.next(in: header, &offset) {
            let value = header.extracting(range)
            switch type {
            case ProxyAttributeType.applicationProtocol: try Self.set(&applicationProtocol, value.array)
            case ProxyAttributeType.authority: try Self.set(&authority, try Self.text(value))
            case ProxyAttributeType.networkNamespace: try Self.set(&networkNamespace, try Self.text(value))
            case ProxyAttributeType.tls: try Self.set(&tls, try TLS(value))
            case ProxyAttributeType.uniqueID:
                guard value.count <= 128 else { throw .attribute }
                try Self.set(&uniqueID, value.array)
            case ProxyAttributeType.checksum:
                guard value.count == 4 else { throw .attribute }
                let number = UInt32(ProxyHeaderDecoder.integer(value, at: 0, bytes: 4))
                try Self.set(&sum, (range.lowerBound, number))
            case ProxyAttributeType.custom: custom.append(Custom(type: type, value: value.array))
            default: break
            }
        }
        guard let sum else { return }
        // Section 2.2.3: over the whole header, with zeros where the checksum stands.
        var check = CRC32C()
        for index in header.indices { check.update((sum.offset..<sum.offset + 4).contains(index) ? 0 : header[index]) }
        guard check.value == sum.value else { throw .checksum }
    }

    /// The next type and where its value stands; `nil` at the end.
    fileprivate static func next(
        in bytes: Span<UInt8>, _ offset: inout Int
    ) throws(ProxyHeaderProblem) -> (UInt8, Range<Int>)? {
        guard offset < bytes.count else { return nil }
        guard bytes.count - offset >= 3 else { throw .attribute }
        let start = offset + 3
        let length = Int(bytes[offset + 1]) << 8 + Int(bytes[offset + 2])
        guard bytes.count - start >= length else { throw .attribute }
        defer { offset = start + length }
        return (bytes[offset], start..<start + length)
    }

    fileprivate static func set<Value>(_ place: inout Value?, _ value: Value) throws(ProxyHeaderProblem) {
        guard place == nil else { throw .attribute }
        place = value
    }

    fileprivate static func text(_ bytes: Span<UInt8>) throws(ProxyHeaderProblem) -> String {
        for index in bytes.indices where bytes[index] < 0x20 || bytes[index] == 0x7F { throw .attribute }
        guard let text = String(validating: bytes.array, as: UTF8.self) else { throw .attribute }
        return text
    }
}

extension ProxyAttributes.TLS {
    /// Section 2.2.6: flags, the result of the verification, and attributes of a second level.
    fileprivate init(_ bytes: Span<UInt8>) throws(ProxyHeaderProblem) {
        guard bytes.count >= 5 else { throw .attribute }
        self.init(
            isEncrypted: bytes[0] & 1 != 0,
            hasConnectionCertificate: bytes[0] & 2 != 0,
            hasSessionCertificate: bytes[0] & 4 != 0,
            verification: UInt32(ProxyHeaderDecoder.integer(bytes, at: 1, bytes: 4))
        )
        var offset = 5
        while let (type, range) = try ProxyAttributes.next(in: bytes, &offset) {
            let value = bytes.extracting(range)
            switch type {
            case ProxyAttributeType.tlsVersion: try ProxyAttributes.set(&version, try ProxyAttributes.text(value))
            case ProxyAttributeType.tlsCommonName:
                try ProxyAttributes.set(&commonName, try ProxyAttributes.text(value))
            case ProxyAttributeType.tlsCipher: try ProxyAttributes.set(&cipher, try ProxyAttributes.text(value))
            case ProxyAttributeType.tlsSignatureAlgorithm:
                try ProxyAttributes.set(&signatureAlgorithm, try ProxyAttributes.text(value))
            case ProxyAttributeType.tlsKeyAlgorithm:
                try ProxyAttributes.set(&keyAlgorithm, try ProxyAttributes.text(value))
            default: break
            }
        }
    }
}
