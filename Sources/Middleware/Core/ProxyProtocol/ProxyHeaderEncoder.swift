public import NIOCore

/// Writing a header, to go out ahead of everything else on a connection, at once.
extension ProxyHeader {
    /// The bytes of the header.
    ///
    /// Version 1 has a line for TCP alone; everything else reads `UNKNOWN` there, which some receivers refuse
    /// (section 2.1). When one address is IPv4 and the other is IPv6, both are written as IPv6.
    ///
    /// A header is at most 4096 bytes: attributes that no longer fit, or that no reader would take, are left out.
    ///
    /// - Parameter hasChecksum: whether a binary header ends with a CRC-32C of itself.
    public func bytes(_ version: Version, hasChecksum: Bool = false) -> ByteBuffer {
        var buffer = ByteBuffer()
        switch version {
        case .text: writeLine(into: &buffer)
        case .binary: writeBinary(into: &buffer, hasChecksum: hasChecksum)
        }
        return buffer
    }

    private func writeLine(into buffer: inout ByteBuffer) {
        guard case .internet(let source, let destination, .stream) = endpoints, let from = IPAddress(source),
            let to = IPAddress(destination)
        else {
            buffer.writeString("PROXY UNKNOWN\r\n")
            return
        }
        let isIPv4 = from.isIPv4 && to.isIPv4
        let addresses = [from, to].map { isIPv4 || !$0.isIPv4 ? "\($0)" : "::ffff:\($0)" }
        let ports = "\(source.port ?? 0) \(destination.port ?? 0)"
        buffer.writeString("PROXY \(isIPv4 ? "TCP4" : "TCP6") \(addresses[0]) \(addresses[1]) \(ports)\r\n")
    }

    private func writeBinary(into buffer: inout ByteBuffer, hasChecksum: Bool) {
        buffer.writeBytes(ProxyHeaderDecoder.binarySignature)
        buffer.writeInteger(endpoints == .local ? 0x20 : 0x21 as UInt8)
        switch endpoints {
        case .local, .unknown:
            // What would follow is not read.
            buffer.writeMultipleIntegers(0 as UInt8, 0 as UInt16)
            return
        case .internet(let source, let destination, let transport):
            guard let from = IPAddress(source), let to = IPAddress(destination) else {
                buffer.writeMultipleIntegers(0 as UInt8, 0 as UInt16)
                return
            }
            let isIPv4 = from.isIPv4 && to.isIPv4
            buffer.writeMultipleIntegers(transport.code | (isIPv4 ? 0x10 : 0x20), 0 as UInt16)
            for address in [from, to] {
                if isIPv4 {
                    buffer.writeInteger(UInt32(truncatingIfNeeded: address.low))
                } else {
                    buffer.writeMultipleIntegers(address.high, address.low)
                }
            }
            for address in [source, destination] { buffer.writeInteger(UInt16(clamping: address.port ?? 0)) }
        case .unix(let source, let destination, let transport):
            buffer.writeMultipleIntegers(transport.code | 0x30, 0 as UInt16)
            for path in [source, destination] {
                let path = path.prefix(ProxyHeaderDecoder.pathBytes)
                buffer.writeBytes(path)
                buffer.writeRepeatingByte(0, count: ProxyHeaderDecoder.pathBytes - path.count)
            }
        }
        attributes.write(into: &buffer, room: ProxyHeaderDecoder.limit - (hasChecksum ? 7 : 0))
        if hasChecksum {
            buffer.writeMultipleIntegers(ProxyAttributeType.checksum, 4 as UInt16, 0 as UInt32)
        }
        let length = UInt16(clamping: buffer.readableBytes - ProxyHeaderDecoder.binaryHead)
        buffer.setInteger(length, at: buffer.readerIndex + 14)
        guard hasChecksum else { return }
        var sum = CRC32C()
        sum.update(buffer.readableBytesUInt8Span)
        buffer.setInteger(sum.value, at: buffer.writerIndex - 4)
    }
}

extension ProxyHeader.Transport {
    fileprivate var code: UInt8 { self == .stream ? 1 : 2 }
}

extension ProxyAttributes {
    fileprivate func write(into buffer: inout ByteBuffer, room: Int) {
        if let applicationProtocol {
            Self.write(ProxyAttributeType.applicationProtocol, applicationProtocol, into: &buffer, room: room)
        }
        if let authority { Self.write(ProxyAttributeType.authority, text: authority, into: &buffer, room: room) }
        if let uniqueID, uniqueID.count <= 128 {
            Self.write(ProxyAttributeType.uniqueID, uniqueID, into: &buffer, room: room)
        }
        if let tls { Self.write(ProxyAttributeType.tls, tls.encoded, into: &buffer, room: room) }
        if let networkNamespace {
            Self.write(ProxyAttributeType.networkNamespace, text: networkNamespace, into: &buffer, room: room)
        }
        for attribute in custom where ProxyAttributeType.custom.contains(attribute.type) {
            Self.write(attribute.type, attribute.value, into: &buffer, room: room)
        }
    }

    fileprivate static func write(_ type: UInt8, _ value: [UInt8], into buffer: inout ByteBuffer, room: Int) {
        guard value.count + 3 <= room - buffer.readableBytes else { return }
        buffer.writeMultipleIntegers(type, UInt16(clamping: value.count))
        buffer.writeBytes(value)
    }

    fileprivate static func write(_ type: UInt8, text: String, into buffer: inout ByteBuffer, room: Int) {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return }
        write(type, Array(text.utf8), into: &buffer, room: room)
    }
}

extension ProxyAttributes.TLS {
    fileprivate var encoded: [UInt8] {
        var buffer = ByteBuffer()
        let flags: [(Bool, UInt8)] = [(isEncrypted, 1), (hasConnectionCertificate, 2), (hasSessionCertificate, 4)]
        buffer.writeMultipleIntegers(flags.reduce(0) { $1.0 ? $0 | $1.1 : $0 } as UInt8, verification)
        let texts: [(UInt8, String?)] = [
            (ProxyAttributeType.tlsVersion, version), (ProxyAttributeType.tlsCommonName, commonName),
            (ProxyAttributeType.tlsCipher, cipher), (ProxyAttributeType.tlsSignatureAlgorithm, signatureAlgorithm),
            (ProxyAttributeType.tlsKeyAlgorithm, keyAlgorithm),
        ]
        for case (let type, let text?) in texts {
            ProxyAttributes.write(type, text: text, into: &buffer, room: ProxyHeaderDecoder.limit)
        }
        return Array(buffer.readableBytesView)
    }
}
