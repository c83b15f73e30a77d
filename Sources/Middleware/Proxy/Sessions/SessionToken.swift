import Crypto

/// What a session cookie says: which endpoint, to those alone who have the key.
struct SessionToken: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// The letters that it is written in.
    static let length = 22

    /// The token of an endpoint, by its text: HMAC-SHA-256 cut to 128 bits (RFC 2104 section 5).
    init(of endpoint: Endpoint, in cluster: String, key: SessionAffinity.Key) {
        var message = Array("middleware session 1".utf8)
        // With its length, so that no other pair of names makes the same message.
        withUnsafeBytes(of: UInt64(cluster.utf8.count).bigEndian) { message.append(contentsOf: $0) }
        message.append(contentsOf: cluster.utf8)
        message.append(contentsOf: endpoint.text.utf8)
        let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key.bytes))
        var halves: (UInt64, UInt64) = (0, 0)
        for (index, byte) in code.prefix(16).enumerated() {
            if index < 8 { halves.0 = halves.0 << 8 | UInt64(byte) } else { halves.1 = halves.1 << 8 | UInt64(byte) }
        }
        (high, low) = halves
    }

    /// Reads base64url without padding (RFC 4648 section 5); `nil` for anything but the one way to write a token.
    init?(_ text: Span<UInt8>) {
        guard text.count == Self.length else { return nil }
        var halves: (high: UInt64, low: UInt64) = (0, 0)
        for index in 0..<21 {
            guard let value = Self.value(of: text[index]) else { return nil }
            halves.high = halves.high << 6 | halves.low >> 58
            halves.low = halves.low << 6 | value
        }
        // Section 3.5: two bits are left for the last letter, and the others of it are zero.
        guard let last = Self.value(of: text[21]), last & 0xF == 0 else { return nil }
        high = halves.high << 2 | halves.low >> 62
        low = halves.low << 2 | last >> 4
    }

    /// The token as it is written.
    var text: String {
        var letters: [UInt8] = []
        var halves = (high: high, low: low)
        for _ in 0..<Self.length {
            letters.append(Self.alphabet[Int(halves.high >> 58)])
            halves.high = halves.high << 6 | halves.low >> 58
            halves.low <<= 6
        }
        return String(decoding: letters, as: UTF8.self)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    @inline(__always)
    private static func value(of letter: UInt8) -> UInt64? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt64(letter - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt64(letter - UInt8(ascii: "a") + 26)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(letter - UInt8(ascii: "0") + 52)
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
