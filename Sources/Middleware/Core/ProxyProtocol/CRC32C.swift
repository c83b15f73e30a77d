/// The checksum CRC-32C of Castagnoli's polynomial, as RFC 9260 appendix A describes it for SCTP: against accidents, not
/// against forgery.
package struct CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
    }

    private var state = UInt32.max

    package init() {}

    package mutating func update(_ bytes: Span<UInt8>) {
        for index in bytes.indices { update(bytes[index]) }
    }

    package mutating func update(_ byte: UInt8) {
        state = state >> 8 ^ Self.table[Int(UInt8(truncatingIfNeeded: state) ^ byte)]
    }

    package var value: UInt32 { ~state }
}
