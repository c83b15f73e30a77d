import HTTPTypes
import Middleware
import Testing

/// Valid and invalid samples with random damage: nothing traps, and the cuts of the input never change what is read.
@Suite("HTTP/1.1 decoders on damaged input")
struct WireMutationTests {
    /// A fixed sequence, so that a failure repeats.
    struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private static let pieces: [[UInt8]] = [
        "\r", "\n", "\r\n", "\r\n\r\n", " ", "\t", ":", ",", ";", "\"", "\\", "\u{0}", "\u{7F}", "\u{80}", "\u{FF}",
        "0", "f",
        "ffffffffffffffff", "-", "+", "HTTP/1.1", "HTTP/1.0", "Host: b\r\n", "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n", "chunked", "Connection: close\r\n", "%2e", "@", "[", "]", "?", "#", "*",
        "/../",
    ].map(wire)

    private static func mutated(_ samples: [[UInt8]], _ random: inout Random) -> [UInt8] {
        var bytes = samples.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1 where at < bytes.count: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2 where at < bytes.count:
                bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...8, using: &random)))
            case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 16)], at: at)
            case 4:
                let other = samples.randomElement(using: &random) ?? []
                bytes = bytes[..<at] + other.suffix(Int.random(in: 0...other.count, using: &random))
            default: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: at)
            }
        }
        return bytes
    }

    private static func cuts(_ count: Int, _ random: inout Random) -> [Int] {
        (0..<3).map { _ in Int.random(in: 0...count, using: &random) }.sorted()
    }

    /// Small limits, so that damage reaches them.
    private static let limits = ParserLimits(
        headBytes: 160, fieldCount: 6, targetBytes: 40, chunkLineBytes: 24, chunkExtensionBytes: 24, trailerBytes: 40,
        trailerCount: 2
    )

    @Test("Requests", arguments: [1, 2, 3, 4] as [UInt64])
    func requests(_ seed: UInt64) {
        var random = Random(state: seed)
        let samples = (RequestSamples.accepted + RequestSamples.refused).map { wire($0.text) }.filter { $0.count < 300 }
        for round in 0..<1500 {
            let bytes = Self.mutated(samples, &random)
            let limits = round % 2 == 0 ? ParserLimits() : Self.limits
            let whole = Transcript.requests(bytes, limits: limits)
            let single = Transcript.requests(bytes, cuts: Array(0..<bytes.count), limits: limits)
            let some = Transcript.requests(bytes, cuts: Self.cuts(bytes.count, &random), limits: limits)
            guard whole == single, whole == some else {
                Issue.record("\(String(decoding: bytes, as: UTF8.self).debugDescription)\n\(whole)\n\(single)\n\(some)")
                return
            }
        }
    }

    @Test("Responses", arguments: [1, 2, 3, 4] as [UInt64])
    func responses(_ seed: UInt64) {
        var random = Random(state: seed)
        let samples = (ResponseSamples.accepted + ResponseSamples.refused).map { wire($0.text) }.filter {
            $0.count < 300
        }
        let methods: [[HTTPRequest.Method]] = [[.get, .get, .get], [.head, .get], [.connect], [.post, .head]]
        for round in 0..<1500 {
            let bytes = Self.mutated(samples, &random)
            let limits = round % 2 == 0 ? ParserLimits() : Self.limits
            let asked = methods.randomElement(using: &random) ?? [.get]
            func read(_ cuts: [Int]) -> Transcript {
                Transcript.responses(bytes, to: asked, offersUpgrade: round % 3 == 0, cuts: cuts, limits: limits)
            }
            let whole = read([])
            let single = read(Array(0..<bytes.count))
            let some = read(Self.cuts(bytes.count, &random))
            guard whole == single, whole == some else {
                Issue.record("\(String(decoding: bytes, as: UTF8.self).debugDescription)\n\(whole)\n\(single)\n\(some)")
                return
            }
        }
    }
}
