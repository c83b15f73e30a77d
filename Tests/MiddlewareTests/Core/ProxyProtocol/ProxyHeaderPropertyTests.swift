import Middleware
import NIOCore
import Testing

@Suite("PROXY protocol headers, any")
struct ProxyHeaderPropertyTests {
    private typealias Samples = ProxyHeaderSamples

    @Test("what is written reads back", arguments: [1, 2, 3, 4] as [UInt64])
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        for _ in 0..<2500 {
            let header = ProxyHeader(try Self.endpoints(&random), attributes: Self.attributes(&random))
            let hasChecksum = random.oneIn(2)
            let bytes = header.bytes(.binary, hasChecksum: hasChecksum)
            var expected = header
            switch header.endpoints {
            case .local, .unknown: expected.attributes = ProxyAttributes()
            case .internet, .unix: break
            }
            #expect(ProxyHeaderDecoder.read(bytes) == .header(expected, length: bytes.readableBytes))
            let line = header.bytes(.text)
            #expect(line.readableBytes <= ProxyHeaderDecoder.lineLimit)
            expected.attributes = ProxyAttributes()
            if case .internet(_, _, .stream) = header.endpoints {} else { expected.endpoints = .unknown }
            #expect(ProxyHeaderDecoder.read(line) == .header(expected, length: line.readableBytes))
        }
    }

    @Test("damaged headers never trap, and their reading does not depend on where they were cut", arguments: 1...4)
    func mutations(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        let samples = try Samples.good().map(\.bytes) + Samples.bad.map(\.bytes)
        for _ in 0..<25_000 {
            var bytes = samples[random.below(samples.count)]
            for _ in 0...random.below(4) { Self.damage(&bytes, samples, &random) }
            let whole = proxyReading(bytes)
            let cut = proxyReading(bytes.prefix(random.below(bytes.count + 1)))
            let isWithinLimits =
                switch whole {
                case .needsMore: bytes.count < ProxyHeaderDecoder.limit
                case .header(_, let length): length <= min(bytes.count, ProxyHeaderDecoder.limit)
                case .malformed: true
                }
            // Not #expect, which takes longer than all the rest.
            if !isWithinLimits || (cut != .needsMore && cut != whole) { Issue.record("\(bytes): \(cut), \(whole)") }
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ samples: [[UInt8]], _ random: inout SplitMix) {
        let at = random.below(bytes.count + 1)
        switch random.below(5) {
        case 0 where at < bytes.count: bytes[at] = UInt8(random.below(256))
        case 1 where at < bytes.count: bytes[at] ^= 1 << UInt8(random.below(8))
        case 2: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(6)))
        case 3: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 12)], at: at)
        default:
            let other = samples[random.below(samples.count)]
            bytes = bytes[..<at] + other.suffix(random.below(other.count + 1))
        }
    }

    private static func endpoints(_ random: inout SplitMix) throws -> ProxyHeader.Endpoints {
        let transport = random.oneIn(2) ? ProxyHeader.Transport.stream : .datagram
        switch random.below(6) {
        case 0: return .local
        case 1: return .unknown
        case 2: return .unix(source: path(&random), destination: path(&random), transport)
        default:
            return .internet(source: try address(&random), destination: try address(&random), transport)
        }
    }

    private static func address(_ random: inout SplitMix) throws -> SocketAddress {
        let address =
            random.oneIn(2)
            ? IPAddress(v4: UInt32(truncatingIfNeeded: random.next()))
            : IPAddress(high: random.oneIn(3) ? 0 : random.next(), low: random.oneIn(3) ? 1 : random.next())
        return try #require(address.socketAddress(port: UInt16(random.below(65536))))
    }

    private static func path(_ random: inout SplitMix) -> [UInt8] {
        (0..<random.below(109)).map { _ in UInt8(1 + random.below(255)) }
    }

    private static func attributes(_ random: inout SplitMix) -> ProxyAttributes {
        func text() -> String? {
            guard random.oneIn(2) else { return nil }
            return String((0..<random.below(20)).map { _ in "aé.-日 z".randomElement(using: &random) ?? "a" })
        }
        func bytes(_ bound: Int) -> [UInt8] { (0..<random.below(bound)).map { _ in UInt8(random.below(256)) } }
        var attributes = ProxyAttributes()
        attributes.authority = text()
        attributes.networkNamespace = text()
        if random.oneIn(2) { attributes.applicationProtocol = bytes(20) }
        if random.oneIn(2) { attributes.uniqueID = bytes(129) }
        if random.oneIn(2) {
            var tls = ProxyAttributes.TLS(
                isEncrypted: random.oneIn(2), hasConnectionCertificate: random.oneIn(2),
                hasSessionCertificate: random.oneIn(2), verification: UInt32(random.below(3)))
            tls.version = text()
            tls.commonName = text()
            tls.cipher = text()
            tls.signatureAlgorithm = text()
            tls.keyAlgorithm = text()
            attributes.tls = tls
        }
        for _ in 0..<random.below(3) {
            attributes.custom.append(.init(type: UInt8(0xE0 + random.below(16)), value: bytes(40)))
        }
        return attributes
    }
}
