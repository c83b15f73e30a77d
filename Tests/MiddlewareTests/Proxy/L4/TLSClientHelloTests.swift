import Middleware
import NIOCore
import Testing

@Suite("ClientHello")
struct TLSClientHelloTests {
    private func read(_ bytes: [UInt8]) -> TLSClientHelloReader.Reading {
        var reader = TLSClientHelloReader()
        return reader.read(ByteBuffer(bytes: bytes))
    }

    private func name(_ extensions: [(UInt16, [UInt8])]) -> TLSClientHelloReader.Reading {
        read(HelloBytes(extensions).records())
    }

    @Test("server name and protocols are read among extensions that nobody knows")
    func extensions() {
        let bytes = HelloBytes([
            (0x1A1A, [0]), (16, HelloBytes.protocols(["h2", "http/1.1"])), (0xFE0D, [0, 1, 2]),
            (0, HelloBytes.names([(0, Array("WWW.Example.com".utf8))])), (0x4A4A, []), (0x4A4A, []),
        ])
        let hello = TLSClientHello(
            serverName: "www.example.com", applicationProtocols: [Array("h2".utf8), Array("http/1.1".utf8)])
        #expect(read(bytes.records()) == .hello(hello))
        // What follows, early data for one, is not looked at.
        #expect(read(bytes.records() + [23, 3, 3, 0, 1, 0]) == .hello(hello))
    }

    @Test("a client may name nothing, and an old one may have no extensions")
    func nothing() {
        #expect(read(HelloBytes([]).records()) == .hello(TLSClientHello()))
        #expect(read(HelloBytes(nil).records()) == .hello(TLSClientHello()))
    }

    @Test("the message may be spread over records of any size", arguments: [1, 2, 3, 5, 40, 1000])
    func fragments(size: Int) {
        let bytes = HelloBytes(name: "a.example").records(of: size)
        #expect(read(bytes) == .hello(TLSClientHello(serverName: "a.example")))
        var reader = TLSClientHelloReader()
        for count in bytes.indices {
            #expect(reader.read(ByteBuffer(bytes: bytes.prefix(count))) == .needsMore)
        }
        #expect(reader.read(ByteBuffer(bytes: bytes)) == .hello(TLSClientHello(serverName: "a.example")))
    }

    @Test(
        "names that two readers could take for different hosts are refused",
        arguments: [
            "", ".", "a.", "a.example.", ".a", "a..b", "a b", "a/b", "a:443", "[::1]", "::1", "192.0.2.1", "127.1",
            "a\u{0}b", "a\nb", "*.a", "é.example", "a@b", "a%2e", String(repeating: "a", count: 64),
            Array(repeating: String(repeating: "a", count: 50), count: 5).joined(separator: "."),
        ])
    func badNames(text: String) {
        #expect(name([(0, HelloBytes.names([(0, Array(text.utf8))]))]) == .malformed(.serverName))
    }

    @Test("host names are taken, in lower case", arguments: ["a", "A_b.C-d.x1", "xn--9ca.example", "1.example", "1a"])
    func goodNames(text: String) {
        let hello = TLSClientHello(serverName: text.lowercased())
        #expect(name([(0, HelloBytes.names([(0, Array(text.utf8))]))]) == .hello(hello))
    }

    @Test("lists of names and protocols are what their RFCs say, or refused")
    func lists() {
        let one = HelloBytes.names([(0, [0x61])])
        let names: [[UInt8]] = [
            [], [0, 0], HelloBytes.names([(0, [0x61]), (0, [0x62])]), HelloBytes.names([(0, [0x61]), (1, [0x62])]),
            HelloBytes.names([(1, [0x61])]), one + [0], Array(one.dropLast()), [0, 3, 0, 0, 0],
        ]
        for data in names { #expect(name([(0, data)]) == .malformed(.serverName), "\(data)") }
        let protocols: [[UInt8]] = [
            [], [0, 0], [0, 1, 0], HelloBytes.protocols(["h2", ""]), HelloBytes.protocols(["h2"]) + [0],
            [0, 2, 2, 0x68],
        ]
        for data in protocols { #expect(name([(16, data)]) == .malformed(.applicationProtocol), "\(data)") }
        #expect(name([(0, one), (0, one)]) == .malformed(.duplicate))
        let protocolList = HelloBytes.protocols(["h2"])
        #expect(name([(16, protocolList), (1, []), (16, protocolList)]) == .malformed(.duplicate))
    }

    @Test("messages that are not built as RFC 8446 says are refused")
    func messages() {
        func check(_ change: (inout HelloBytes) -> Void) {
            var bytes = HelloBytes(name: "a")
            change(&bytes)
            #expect(read(bytes.records()) == .malformed(.message))
        }
        check { $0.session = [UInt8](repeating: 0, count: 33) }
        check { $0.ciphers = [] }
        check { $0.ciphers = [1] }
        check { $0.compressions = [] }
        check { $0.trailing = [0] }
        check {
            $0.extensions = nil
            $0.trailing = [0]
        }
        for count in 0..<30 {
            let short = [1] + HelloBytes.vector([UInt8](repeating: 3, count: count), lengthBytes: 3)
            #expect(read(HelloBytes.records(short, of: 100)) == .malformed(.message))
        }
    }

    @Test(
        "what is no TLS is found out at the first byte that tells",
        arguments: [
            ([0x47], .notTLS), ([22, 2], .notTLS), ([0x80], .notTLS), ([21], .notTLS),
            ([22, 3, 1, 0, 0], .record), ([22, 3, 1, 0x40, 1], .record), ([22, 3, 1, 0, 1, 2], .notTLS),
        ]
            as [([UInt8], TLSClientHelloProblem)])
    func notTLS(bytes: [UInt8], problem: TLSClientHelloProblem) {
        #expect(read(bytes) == .malformed(problem))
        #expect(read(bytes.dropLast()) == .needsMore)
    }

    @Test("nothing may come between the records of the message, or behind it in its record")
    func interleaved() {
        let first = HelloBytes(name: "a").records(of: 40).prefix(45)
        #expect(read(first + [21, 3, 3, 0, 2, 1, 0]) == .malformed(.record))
        #expect(read(first + [22, 2]) == .malformed(.record))
        let message = HelloBytes(name: "a").message
        #expect(read(HelloBytes.records(message + [1, 0, 0, 0], of: 1000)) == .malformed(.record))
    }

    @Test("no more than the limit is waited for")
    func limit() {
        #expect(read([22, 3, 1, 0, 4, 1, 0, 0x40, 0]) == .malformed(.length))
        let large = HelloBytes([(21, [UInt8](repeating: 0, count: 16_000))])
        #expect(read(large.records()) == .hello(TLSClientHello()))
        #expect(read(large.records(of: 50)) == .malformed(.length))
        let spread = HelloBytes([(21, [UInt8](repeating: 0, count: 3000))]).records(of: 1)
        #expect(read(spread) == .malformed(.length))
    }

    @Test("damaged messages never trap, and their reading does not depend on where they were cut", arguments: 1...4)
    func mutations(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        let names = HelloBytes.names([(0, Array("a.example".utf8))])
        let both = HelloBytes([(0, names), (16, HelloBytes.protocols(["h2"]))])
        let samples = [both.records(), both.records(of: 30), HelloBytes(nil).records()]
        for _ in 0..<25_000 {
            var bytes = samples[random.below(samples.count)]
            for _ in 0...random.below(3) {
                let at = random.below(bytes.count + 1)
                switch random.below(4) {
                case 0 where at < bytes.count: bytes[at] = UInt8(random.below(256))
                case 1 where at < bytes.count: bytes[at] ^= 1 << UInt8(random.below(8))
                case 2: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(4)))
                default: bytes.insert(UInt8(random.below(4)), at: at)
                }
            }
            let whole = read(bytes)
            var reader = TLSClientHelloReader()
            let cut = random.below(bytes.count + 1)
            let early = reader.read(ByteBuffer(bytes: bytes.prefix(cut)))
            let late = early == .needsMore ? reader.read(ByteBuffer(bytes: bytes)) : early
            // Not #expect, which takes longer than all the rest.
            if late != whole { Issue.record("\(bytes) cut at \(cut)") }
        }
    }
}
