import Codec
import HTTPTypes

/// An input of the wire targets: two bytes that choose, then what stands on the wire.
///
/// | bits of the first byte | choose |
/// |---|---|
/// | 0 and 1 | the limits |
/// | 2 and 3 | the methods that the responses answer |
/// | 6 | whether those requests offered an upgrade |
/// | 7 | whether they were HTTP/1.0 |
///
/// The second byte says where the bytes are cut, from the beginning (0) to the end (255). Which of the dear oracles an
/// input meets follows from its hash, so that it meets the same ones when it is run again.
struct Input {
    let message: ArraySlice<UInt8>
    let hash: UInt64
    private let options: UInt8
    private let cut: UInt8

    init(_ bytes: [UInt8]) {
        options = bytes.first ?? 0
        cut = bytes.count > 1 ? bytes[1] : 0
        message = bytes.dropFirst(2)
        // FNV-1a, then mixed: its low bits alone follow the last byte.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        self.hash = hash ^ (hash >> 31)
    }

    var limits: ParserLimits {
        switch options & 3 {
        case 1:
            ParserLimits(
                headBytes: 160, fieldCount: 6, targetBytes: 40, chunkLineBytes: 24, chunkExtensionBytes: 24,
                trailerBytes: 40, trailerCount: 2
            )
        case 2: ParserLimits(leadingEmptyLines: 3, contentBytes: 20, chunkExtensionBytes: 12)
        case 3: ParserLimits(headBytes: 64, fieldCount: 2, targetBytes: 8, methodBytes: 4, trailerBytes: 16)
        default: ParserLimits()
        }
    }

    var methods: [HTTPRequest.Method] {
        switch options >> 2 & 3 {
        case 1: [.head, .get, .head]
        case 2: [.connect, .get]
        case 3: [.post, .head, .post, .get]
        default: [.get, .get, .get]
        }
    }

    var offersUpgrade: Bool { options & 0x40 != 0 }
    var isToHTTP10: Bool { options & 0x80 != 0 }

    /// One cut, and on every other input a second one.
    var cuts: [Int] {
        let count = message.count
        let first = count * Int(cut) / 255
        guard hash & 1 == 0 else { return [first] }
        let second = Int(truncatingIfNeeded: hash >> 40) % (count + 1)
        return [min(first, second), max(first, second)]
    }

    /// Whether the input is one of the `1 in count` that meet an oracle; `shift` makes oracles independent.
    func isSampled(oneIn count: UInt64, shift: UInt64) -> Bool {
        isThorough || (hash >> shift) % count == 0
    }
}
