/// A hash that is the same on every machine and in every process, so that several gateways send a key to the same
/// endpoint: XXH64 (Yann Collet, "xxHash fast digest algorithm", version 0.1.1, section "XXH64 algorithm description").
///
/// Not for secrets: who chooses keys can choose them to meet.
package enum StableHash {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The hash of bytes.
    package static func hash(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { hash($0, seed: seed) }
    }

    /// The hash of text, as the bytes of its UTF-8.
    package static func hash(_ text: String, seed: UInt64 = 0) -> UInt64 {
        var text = text
        return text.withUTF8 { hash(UnsafeRawBufferPointer($0), seed: seed) }
    }

    /// The hash of bytes in memory.
    package static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var index = 0
        var result: UInt64
        if bytes.count >= 32 {
            var lane1 = seed &+ prime1 &+ prime2
            var lane2 = seed &+ prime2
            var lane3 = seed
            var lane4 = seed &- prime1
            while bytes.count - index >= 32 {
                lane1 = round(lane1, word(bytes, index))
                lane2 = round(lane2, word(bytes, index + 8))
                lane3 = round(lane3, word(bytes, index + 16))
                lane4 = round(lane4, word(bytes, index + 24))
                index += 32
            }
            result = rotate(lane1, 1) &+ rotate(lane2, 7) &+ rotate(lane3, 12) &+ rotate(lane4, 18)
            result = merge(result, lane1)
            result = merge(result, lane2)
            result = merge(result, lane3)
            result = merge(result, lane4)
        } else {
            result = seed &+ prime5
        }
        result &+= UInt64(truncatingIfNeeded: bytes.count)
        while bytes.count - index >= 8 {
            result = rotate(result ^ round(0, word(bytes, index)), 27) &* prime1 &+ prime4
            index += 8
        }
        if bytes.count - index >= 4 {
            let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            result = rotate(result ^ (UInt64(half) &* prime1), 23) &* prime2 &+ prime3
            index += 4
        }
        while index < bytes.count {
            result = rotate(result ^ (UInt64(bytes[index]) &* prime5), 11) &* prime1
            index += 1
        }
        result = (result ^ (result &>> 33)) &* prime2
        result = (result ^ (result &>> 29)) &* prime3
        return result ^ (result &>> 32)
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    @inline(__always)
    private static func rotate(_ word: UInt64, _ bits: UInt64) -> UInt64 { word &<< bits | word &>> (64 - bits) }

    @inline(__always)
    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotate(lane &+ word &* prime2, 31) &* prime1
    }

    @inline(__always)
    private static func merge(_ result: UInt64, _ lane: UInt64) -> UInt64 {
        (result ^ round(0, lane)) &* prime1 &+ prime4
    }
}
