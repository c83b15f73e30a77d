import Middleware
import NIOCore
import Testing

/// Properties of the normal form, over targets put together at random from the pieces that matter. Seeded: the same
/// targets on every run.
@Suite("Request target, properties")
struct RequestTargetPropertyTests {
    private static let pieces: [String] = [
        "/", "/", "/", ".", "..", "%2e", "%2E", "%2f", "%2F", "%5c", "%5C", "\\", ";", ";", "a", "b1", "%41", "%25",
        "%",
        "%0", "%00", "%zz", "%C3", "é", "?", "#", " ", "\r", "\n", "\0", "*", "+", "&", "=", "|", "%3b", "%3F", "%20",
        "~",
    ]

    private static func target(_ random: inout SeededRandom) -> String {
        let count = Int.random(in: 0...10, using: &random)
        // Most begin as targets do, so that they get past the first byte.
        let start = UInt8.random(in: 0...15, using: &random) == 0 ? "" : "/"
        return (0..<count).reduce(into: start) { text, _ in text += pieces.randomElement(using: &random) ?? "" }
    }

    private static func expectNormal(_ target: RequestTarget, from text: String) {
        let written = target.description
        let path = target.path
        let bytes = Array(written.utf8)
        #expect(isNormal(written), "\(text.debugDescription) → \(written)")
        #expect(bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }, "\(text.debugDescription)")
        #expect(!path.contains("?"))
        #expect(path.hasPrefix("/") || written == "*", "\(text.debugDescription) → \(written)")
        // To a reader that takes every separator for one and cuts parameters off, there is no dot segment either.
        let read = path.replacing("%2F", with: "/").replacing("%5C", with: "/").split(separator: "/")
        for segment in read {
            let name = segment.prefix { $0 != ";" }
            #expect(name != "." && name != "..", "\(text.debugDescription) → \(written)")
        }
        #expect(!path.contains("%00"))
        let again = try? RequestTarget(normalising: ByteBuffer(string: written))
        #expect(again == target, "\(text.debugDescription) → \(written)")
    }

    @Test("what is accepted is normal, and normal again")
    func received() {
        var random = SeededRandom(seed: 3)
        var accepted = 0
        for _ in 0..<60_000 {
            let text = Self.target(&random)
            guard let target = try? RequestTarget(normalising: ByteBuffer(string: text)) else { continue }
            accepted += 1
            Self.expectNormal(target, from: text)
            // One scan decides: what it calls normal is untouched, and what normalising leaves untouched it calls
            // normal.
            #expect(isNormal(text) == (target.description == text), "\(text.debugDescription)")
        }
        #expect(accepted > 10_000)
    }

    @Test("whatever is set becomes normal")
    func set() {
        var random = SeededRandom(seed: 4)
        for _ in 0..<30_000 {
            let (path, query) = (Self.target(&random), Self.target(&random))
            Self.expectNormal(RequestTarget(path, query: query), from: path + "?" + query)
            Self.expectNormal(RequestTarget(path), from: path)
        }
    }

    @Test("setting a path or query to itself changes nothing")
    func identity() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<20_000 {
            let text = Self.target(&random)
            guard let target = try? RequestTarget(normalising: ByteBuffer(string: text)) else { continue }
            var copy = target
            copy.path = target.path
            copy.query = target.query
            #expect(copy == target, "\(text.debugDescription)")
        }
    }

    @Test("bytes at random never trap")
    func garbage() {
        var random = SeededRandom(seed: 6)
        for _ in 0..<30_000 {
            let count = Int.random(in: 0...24, using: &random)
            let bytes = [UInt8(ascii: "/")] + (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            guard let target = try? RequestTarget(normalising: ByteBuffer(bytes: bytes)) else { continue }
            Self.expectNormal(target, from: String(decoding: bytes, as: UTF8.self))
        }
    }
}

/// Whether the bytes are in normal form. `#expect` cannot take a call apart that is given a `Span`.
private func isNormal(_ text: String) -> Bool { RequestTarget.isNormal(text.utf8.span) }

/// SplitMix64: the same numbers on every run.
private struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
