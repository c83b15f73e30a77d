import Middleware
import Testing

@Suite("StableHash")
struct StableHashTests {
    @Test(
        "it is XXH64",
        arguments: [
            ("", 0, 0xEF46_DB37_51D8_E999), ("a", 0, 0xD24E_C4F1_A98C_6E5B), ("abc", 0, 0x44BC_2CF5_AD77_0999),
            ("Nobody inspects the spammish repetition", 0, 0xFBCE_A83C_8A37_8BF1),
        ] as [(String, UInt64, UInt64)]
    )
    func vectors(text: String, seed: UInt64, hash: UInt64) {
        #expect(StableHash.hash(text, seed: seed) == hash)
        #expect(StableHash.hash(Array(text.utf8).span, seed: seed) == hash)
    }

    /// The reference program's sanity check: bytes of a generator, by length and seed.
    @Test(
        "every length is read to its end",
        arguments: [
            (1, 0, 0xE934_A84A_DB05_2768), (1, 2_654_435_761, 0x5014_607643_A9B4C3),
            (4, 0, 0x9136_A0DC_A574_57EE), (14, 0, 0x8282_DCC4_994E_35C8), (14, 2_654_435_761, 0xC3BD_6BF6_3DEB_6DF0),
            (222, 0, 0xB641_AE8C_B691_C174), (222, 2_654_435_761, 0x20CB_8AB7_AE10_C14A),
        ] as [(Int, UInt64, UInt64)]
    )
    func lengths(length: Int, seed: UInt64, hash: UInt64) {
        var generator: UInt64 = 2_654_435_761
        let bytes = (0..<length).map { _ in
            defer { generator &*= 11_400_714_785_074_694_797 }
            return UInt8(generator >> 56)
        }
        #expect(StableHash.hash(bytes.span, seed: seed) == hash)
    }

    @Test("a bit more or less changes half of the bits")
    func avalanche() {
        var flipped = 0
        for bit in 0..<320 {
            var bytes = [UInt8](repeating: 7, count: 40)
            let before = StableHash.hash(bytes.span)
            bytes[bit / 8] ^= 1 << (bit % 8)
            flipped += (StableHash.hash(bytes.span) ^ before).nonzeroBitCount
        }
        #expect((30.0...34.0).contains(Double(flipped) / 320))
    }
}
