package import NIOCore

/// The text of an address, as RFC 5952 writes it, kept inline: made once a connection and written into every head.
///
/// Without port and brackets; IPv4-mapped addresses as IPv4. Empty for a Unix-domain socket.
package struct AddressText: Sendable {
    /// The longest text: eight groups of four digits.
    package static var capacity: Int { 39 }

    private var bytes = InlineArray<39, UInt8>(repeating: 0)
    private var length: UInt8 = 0
    /// Whether it is the text of an IPv6 address, which stands in brackets where a port could follow.
    package private(set) var isIPv6 = false

    /// No address.
    package init() {}

    package init(_ address: SocketAddress?) {
        self.init()
        if let address = address.flatMap({ IPAddress($0) }) { self = AddressText(address) }
    }

    package init(_ address: IPAddress) {
        if address.isIPv4 {
            appendIPv4(UInt32(truncatingIfNeeded: address.low))
        } else {
            isIPv6 = true
            appendIPv6(address)
        }
    }

    package var isEmpty: Bool { length == 0 }

    package func write(into buffer: inout some ByteSink) {
        buffer.write(bytes.span.extracting(0..<Int(length)))
    }

    private mutating func append(_ byte: UInt8) {
        bytes[Int(length)] = byte
        length += 1
    }

    private mutating func appendIPv4(_ address: UInt32) {
        for shift: UInt32 in [24, 16, 8, 0] {
            let octet = UInt8(truncatingIfNeeded: address >> shift)
            if octet >= 100 { append(0x30 + octet / 100) }
            if octet >= 10 { append(0x30 + octet / 10 % 10) }
            append(0x30 + octet % 10)
            if shift > 0 { append(UInt8(ascii: ".")) }
        }
    }

    private mutating func appendIPv6(_ address: IPAddress) {
        let gap = Self.longestRunOfZeros(in: address)
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                append(UInt8(ascii: ":"))
                append(UInt8(ascii: ":"))
                index = gap.upperBound
                continue
            }
            if index > 0, index != gap.upperBound || gap.isEmpty { append(UInt8(ascii: ":")) }
            appendGroup(address.group(index))
            index += 1
        }
    }

    private mutating func appendGroup(_ group: UInt16) {
        var isLeading = true
        for shift: UInt16 in [12, 8, 4, 0] {
            let digit = UInt8(truncatingIfNeeded: group >> shift & 0xF)
            // RFC 5952 section 4.1: no leading zeros; section 4.3: lower case.
            if isLeading, digit == 0, shift > 0 { continue }
            isLeading = false
            append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }

    /// RFC 5952 section 4.2: the first of the longest runs, and none of a single group.
    private static func longestRunOfZeros(in address: IPAddress) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || address.group(index) != 0 {
            if index - start > max(longest.count, 1) { longest = start..<index }
            start = index + 1
        }
        return longest
    }
}

extension AddressText: CustomStringConvertible {
    package var description: String { String(decoding: bytes.span.extracting(0..<Int(length))) }
}

extension IPAddress {
    fileprivate func group(_ index: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - index % 4 * 16))
    }
}
