import Middleware
import NIOCore
import Testing

@Suite("PROXY protocol headers")
struct ProxyHeaderTests {
    private typealias Samples = ProxyHeaderSamples

    @Test("good headers read as what they say, and what follows is left alone")
    func good() throws {
        for (name, bytes, endpoints) in try Samples.good() {
            for rest in [[], [0x47], [0x0D, 0x0A]] as [[UInt8]] {
                guard case .header(let header, let length) = proxyReading(bytes + rest) else {
                    Issue.record("\(name): \(proxyReading(bytes + rest))")
                    continue
                }
                #expect(header.endpoints == endpoints, "\(name)")
                #expect(length == bytes.count, "\(name)")
            }
        }
    }

    @Test("bad headers are refused for the right reason", arguments: ProxyHeaderSamples.bad.indices)
    func bad(index: Int) {
        let sample = Samples.bad[index]
        #expect(proxyReading(sample.bytes) == .malformed(sample.problem), "\(sample.name)")
    }

    @Test("every beginning of a good header waits for more")
    func truncations() throws {
        for (name, bytes, _) in try Samples.good() {
            for count in bytes.indices {
                #expect(proxyReading(bytes.prefix(count)) == .needsMore, "\(name), \(count) bytes")
            }
        }
    }

    @Test("once refused, a header stays refused whatever follows, for the same reason", arguments: Samples.bad.indices)
    func staysRefused(index: Int) {
        let sample = Samples.bad[index]
        var first: ProxyHeaderDecoder.Reading?
        for count in 0...sample.bytes.count {
            let reading = proxyReading(sample.bytes.prefix(count))
            if let first { #expect(reading == first, "\(sample.name), \(count) bytes") }
            if reading != .needsMore { first = first ?? reading }
        }
        #expect(proxyReading(sample.bytes + [0x0D, 0x0A]) == first)
    }

    @Test(
        "what cannot be a header is found out at the first byte that tells",
        arguments: [("G", 1), ("POST", 2), ("PROXX", 5), ("PROXYTCP4", 6), ("\r\n\r\nG", 5)])
    func early(text: String, needed: Int) {
        let bytes = Array(text.utf8)
        #expect(proxyReading(bytes.prefix(needed - 1)) == .needsMore)
        #expect(proxyReading(bytes.prefix(needed)) == .malformed(.signature))
    }

    @Test("attributes are read, at both levels")
    func attributes() throws {
        let tls =
            [7, 0, 0, 0, 0] + Samples.attribute(0x21, Array("TLSv1.3".utf8))
            + Samples.attribute(0x22, Array("müller".utf8))
            + Samples.attribute(0x23, Array("C".utf8)) + Samples.attribute(0x24, Array("S".utf8))
            + Samples.attribute(0x25, Array("K".utf8)) + Samples.attribute(0x2F, [0])
        let rest =
            Samples.attribute(1, Array("h2".utf8)) + Samples.attribute(2, Array("a.example".utf8))
            + Samples.attribute(5, [0, 255]) + Samples.attribute(0x20, tls) + Samples.attribute(0x30, Array("ns".utf8))
            + Samples.attribute(0xEA, [1, 2]) + Samples.attribute(0xEA, [3])
        guard case .header(let header, _) = proxyReading(Samples.binary(0x21, 0x11, Samples.ipv4 + rest)) else {
            Issue.record("no header")
            return
        }
        let read = header.attributes
        #expect(read.applicationProtocol == Array("h2".utf8))
        #expect(read.authority == "a.example")
        #expect(read.uniqueID == [0, 255])
        #expect(read.networkNamespace == "ns")
        #expect(read.custom == [.init(type: 0xEA, value: [1, 2]), .init(type: 0xEA, value: [3])])
        let spoken = try #require(read.tls)
        #expect(spoken.isEncrypted && spoken.hasConnectionCertificate && spoken.hasSessionCertificate)
        #expect(spoken.isVerified)
        #expect(spoken.version == "TLSv1.3")
        #expect(spoken.commonName == "müller")
        #expect([spoken.cipher, spoken.signatureAlgorithm, spoken.keyAlgorithm] == ["C", "S", "K"])
    }

    @Test("the checksum is that of RFC 9260", arguments: [("123456789", 0xE306_9283), ("", 0)] as [(String, UInt32)])
    func checksum(text: String, value: UInt32) {
        var sum = CRC32C()
        sum.update(text.utf8.span)
        #expect(sum.value == value)
    }

    @Test("a header with a checksum is believed until a bit of it changes")
    func checked() throws {
        let header = ProxyHeader(try Samples.internet("192.0.2.1", 1, "192.0.2.2", 2))
        let bytes = Array(header.bytes(.binary, hasChecksum: true).readableBytesView)
        #expect(proxyReading(bytes) == .header(header, length: bytes.count))
        for index in 16..<bytes.count {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << bit
                guard case .header = proxyReading(damaged) else { continue }
                // Only the type of the checksum itself can be lost without notice.
                #expect(index == bytes.count - 7, "byte \(index)")
            }
        }
    }

    // MARK: Writing

    @Test("what version 1 writes is what the specification shows")
    func text() throws {
        let lines: [(ProxyHeader.Endpoints, String)] = [
            (
                try Samples.internet("192.168.0.1", 56324, "192.168.0.11", 443),
                "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"
            ),
            (try Samples.internet("2001:db8:0:0::1", 1, "::", 2), "PROXY TCP6 2001:db8::1 :: 1 2\r\n"),
            (try Samples.internet("192.0.2.1", 1, "2001:db8::1", 2), "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n"),
            (try Samples.internet("192.0.2.1", 1, "192.0.2.2", 2, .datagram), "PROXY UNKNOWN\r\n"),
            (.unix(source: [], destination: [], .stream), "PROXY UNKNOWN\r\n"),
            (.local, "PROXY UNKNOWN\r\n"), (.unknown, "PROXY UNKNOWN\r\n"),
        ]
        for (endpoints, line) in lines { #expect(String(buffer: ProxyHeader(endpoints).bytes(.text)) == line) }
    }

    @Test("attributes that do not fit are left out, the others are not")
    func overflow() throws {
        var header = ProxyHeader(try Samples.internet("192.0.2.1", 1, "192.0.2.2", 2))
        header.attributes.authority = String(repeating: "a", count: 70_000)
        header.attributes.networkNamespace = "a\nb"
        header.attributes.uniqueID = [UInt8](repeating: 0, count: 129)
        header.attributes.custom = [.init(type: 0xE0, value: [1]), .init(type: 0x10, value: [1])]
        for hasChecksum in [false, true] {
            let bytes = header.bytes(.binary, hasChecksum: hasChecksum)
            #expect(bytes.readableBytes <= ProxyHeaderDecoder.limit)
            guard case .header(let read, _) = ProxyHeaderDecoder.read(bytes) else {
                Issue.record("no header")
                return
            }
            var expected = ProxyAttributes()
            expected.custom = [.init(type: 0xE0, value: [1])]
            #expect(read.attributes == expected)
        }
    }

    @Test("the header of a peer names both its ends, or says that it does not know")
    func ofPeer() throws {
        let peer = Peer(
            remote: try SocketAddress(ipAddress: "192.0.2.1", port: 5),
            local: try SocketAddress(ipAddress: "192.0.2.2", port: 6))
        #expect(ProxyHeader(peer).endpoints == (try Samples.internet("192.0.2.1", 5, "192.0.2.2", 6)))
        #expect(ProxyHeader(Peer()).endpoints == .unknown)
        #expect(ProxyHeader(Peer(remote: peer.remote)).endpoints == .unknown)
        let local = Peer(remote: peer.remote, local: try SocketAddress(unixDomainSocketPath: "/run/a"))
        #expect(ProxyHeader(local).endpoints == .unknown)
    }

    @Test("a peer takes the addresses of a header and keeps those of its socket")
    func peer() throws {
        let proxy = try SocketAddress(ipAddress: "10.0.0.1", port: 1)
        let here = try SocketAddress(ipAddress: "10.0.0.2", port: 2)
        let socket = Peer(remote: proxy, local: here, isSecure: true)
        let client = socket.proxied(by: ProxyHeader(try Samples.internet("192.0.2.1", 5, "192.0.2.2", 6)))
        #expect(client.remote?.description == "[IPv4]192.0.2.1:5" && client.local?.port == 6 && client.isSecure)
        #expect(client.socketRemote == proxy && client.socketLocal == here)
        #expect(socket.socketRemote == proxy && socket.socketLocal == here && socket.proxied == nil)
        let check = socket.proxied(by: ProxyHeader(.local))
        #expect(check.remote == proxy && check.local == here && check.proxied != nil)
        let unix = socket.proxied(by: ProxyHeader(.unix(source: [], destination: Array("/run/a".utf8), .stream)))
        #expect(unix.remote == nil && unix.local?.pathname == "/run/a" && unix.socketRemote == proxy)
    }
}
