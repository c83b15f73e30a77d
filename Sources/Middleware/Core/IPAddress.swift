package import NIOCore

/// An IPv4 or IPv6 address as a number, without port, scope or system calls: what address rules and forwarding fields
/// compare and print.
///
/// IPv4 is kept in its IPv4-mapped form (RFC 4291 section 2.5.5.2), so `::ffff:10.0.0.1`, which is how a listener for
/// both families sees an IPv4 client, and `10.0.0.1` are one address.
package struct IPAddress: Hashable, Sendable {
    /// The first eight bytes, network order.
    package let high: UInt64
    /// The last eight bytes, network order.
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(v4: UInt32) { self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(v4)) }

    /// Whether it is an IPv4 address.
    package var isIPv4: Bool { high == 0 && low &>> 32 == 0xFFFF }

    /// The address of a socket; `nil` for a Unix-domain socket.
    package init?(_ address: SocketAddress) {
        // The offsets of `sin_addr` and `sin6_addr`, the same wherever sockets come from BSD. The fields themselves are
        // declared in a module of the system that is not ours to import.
        switch address {
        case .v4(let address):
            let bits = withUnsafeBytes(of: address.address) { $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self) }
            self.init(v4: UInt32(bigEndian: bits))
        case .v6(let address):
            let (high, low) = withUnsafeBytes(of: address.address) {
                (
                    $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                    $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                )
            }
            self.init(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
        case .unixDomainSocket:
            return nil
        }
    }

    /// The address with a port, for whoever needs a socket's.
    package func socketAddress(port: UInt16 = 0) -> SocketAddress? {
        var bytes = ByteBuffer()
        if isIPv4 {
            bytes.writeInteger(UInt32(truncatingIfNeeded: low))
        } else {
            bytes.writeMultipleIntegers(high, low)
        }
        return try? SocketAddress(packedIPAddress: bytes, port: Int(port))
    }
}

// MARK: - Reading

extension IPAddress {
    /// Reads the textual form of RFC 3986 section 3.2.2 (`IPv4address`, `IPv6address`) and nothing else: no brackets,
    /// no port, no zone, no leading zeros that other readers take for octal.
    package init?(_ text: Span<UInt8>) {
        for index in text.indices where text[index] == UInt8(ascii: ":") {
            guard let (high, low) = Self.readIPv6(text) else { return nil }
            self.init(high: high, low: low)
            return
        }
        guard let address = Self.readIPv4(text, from: 0) else { return nil }
        self.init(v4: address)
    }

    /// Reads text; see ``init(_:)-(Span<UInt8>)``.
    package init?(_ text: some StringProtocol) {
        self.init(String(text).utf8.span)
    }

    /// Four decimal octets from `start` to the end.
    private static func readIPv4(_ text: Span<UInt8>, from start: Int) -> UInt32? {
        guard text.count - start >= 7, text.count - start <= 15 else { return nil }
        var address: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in start..<text.count {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                address = address << 8 | octet
                (octet, digits) = (0, 0)
                dots += 1
                continue
            }
            let digit = byte &- 0x30
            // A zero in front makes some readers take the octet for octal.
            guard digit < 10, digits == 0 || octet != 0 else { return nil }
            octet = octet * 10 + UInt32(digit)
            digits += 1
            guard octet < 256 else { return nil }
        }
        guard dots == 3, digits > 0 else { return nil }
        return address << 8 | octet
    }

    /// RFC 4291 section 2.2: eight groups, one run of zeros left out, the last two groups perhaps as IPv4.
    private static func readIPv6(_ text: Span<UInt8>) -> (high: UInt64, low: UInt64)? {
        guard text.count >= 2, text.count <= AddressText.capacity + 6 else { return nil }
        var groups = InlineArray<8, UInt16>(repeating: 0)
        var count = 0
        var gap: Int?
        var index = 0
        if text[0] == UInt8(ascii: ":") {
            guard text[1] == UInt8(ascii: ":") else { return nil }
            gap = 0
            index = 2
        }
        while index < text.count {
            guard count < 8 else { return nil }
            let start = index
            var group: UInt16 = 0
            while index < text.count, index - start < 4, let digit = FieldGrammar.hexDigit(text[index]) {
                group = group << 4 | UInt16(digit)
                index += 1
            }
            if index < text.count, text[index] == UInt8(ascii: ".") {
                guard count <= 6, let tail = readIPv4(text, from: start) else { return nil }
                groups[count] = UInt16(tail >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: tail)
                count += 2
                break
            }
            guard index > start else { return nil }
            groups[count] = group
            count += 1
            guard index < text.count else { break }
            guard text[index] == UInt8(ascii: ":") else { return nil }
            index += 1
            guard index < text.count else { return nil }
            if text[index] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            }
        }
        return assemble(groups, count: count, gap: gap)
    }

    private static func assemble(_ groups: InlineArray<8, UInt16>, count: Int, gap: Int?) -> (UInt64, UInt64)? {
        // A gap stands for at least one group.
        guard gap == nil ? count == 8 : count < 8 else { return nil }
        var words: (high: UInt64, low: UInt64) = (0, 0)
        for index in 0..<count {
            let place = index < gap ?? 8 ? index : 8 - count + index
            let value = UInt64(groups[index]) << UInt64(48 - place % 4 * 16)
            if place < 4 { words.high |= value } else { words.low |= value }
        }
        return words
    }
}

extension IPAddress: CustomStringConvertible {
    /// The text of RFC 5952.
    package var description: String { AddressText(self).description }
}
