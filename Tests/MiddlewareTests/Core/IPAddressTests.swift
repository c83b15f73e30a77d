import Middleware
import NIOCore
import Testing

@Suite("IP address")
struct IPAddressTests {
    @Test(
        "reads RFC 3986 text and writes RFC 5952 text",
        arguments: [
            ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("10.20.3.104", "10.20.3.104"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("0:0:1::", "0:0:1::"), ("1:0:0:2::", "1:0:0:2::"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::ffff:10.0.0.1", "10.0.0.1"), ("::ffff:a00:1", "10.0.0.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"), ("::10.0.0.1", "::a00:1"),
        ]
    )
    func reads(text: String, written: String) {
        #expect(IPAddress(text)?.description == written)
    }

    @Test(
        "refuses everything else",
        arguments: [
            "", ".", ":", ":::", "1", "1.2.3", "1.2.3.4.", ".1.2.3.4", "1.2.3.4.5", "1..2.3", "256.1.1.1", "01.2.3.4",
            "1.2.3.04", "00.0.0.0", "1.2.3.4 ", " 1.2.3.4", "1.2.3.a", "1.2.3.-4", "+1.2.3.4", "1.2.3.0x4",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1::", "1::2::3", ":1", "1:", "1:2:3:4:5:6:7:",
            ":1:2:3:4:5:6:7:8",
            "12345::", "g::", "fe80::1%eth0", "[::1]", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "::256.1.1.1",
            "1:2:3:4:5:6:7:1.2.3.4", "unknown", "_hidden", "1.2.3.4:80", "::ffff:1.2.3.4:80", "\u{0661}.2.3.4",
            "1.2.3.4\0",
        ]
    )
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("agrees with the system on text put together at random")
    func system() {
        let pieces = [
            "1", "0", "a", "ff", "ffff", "10", "255", "256", "00", ":", ":", ":", "::", ".", ".", "%", "g", "1.2.3.4",
        ]
        var random = SplitMix(seed: 1)
        var accepted = 0
        for _ in 0..<60_000 {
            let count = Int.random(in: 1...16, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            // A zone is for the system alone.
            let system = text.contains("%") ? nil : try? SocketAddress(ipAddress: text, port: 0)
            #expect((IPAddress(text) != nil) == (system != nil), "\(text)")
            guard let system, let read = IPAddress(text) else { continue }
            accepted += 1
            #expect(read == IPAddress(system), "\(text)")
        }
        #expect(accepted > 300)
    }

    @Test("what is written is read as the same address, and a socket's address is kept")
    func roundTrip() {
        var random = SplitMix(seed: 2)
        for _ in 0..<20_000 {
            let mask = random.next() | random.next() << 32
            let address = IPAddress(high: random.next() & mask & (mask << 16), low: random.next() & mask & (mask >> 16))
            #expect(IPAddress(address.description) == address)
            #expect(address.socketAddress(port: 443).flatMap { IPAddress($0) } == address)
            let v4 = IPAddress(v4: UInt32(truncatingIfNeeded: random.next()))
            #expect(IPAddress(v4.description) == v4)
            #expect(v4.socketAddress(port: 443)?.ipAddress == v4.description)
        }
    }

    @Test("an address text is empty for a Unix-domain socket and for none")
    func texts() throws {
        #expect(AddressText(nil).isEmpty)
        #expect(AddressText(try SocketAddress(unixDomainSocketPath: "/tmp/a")).isEmpty)
        let text = AddressText(try SocketAddress(ipAddress: "2001:db8::1", port: 80))
        #expect(text.isIPv6 && text.description == "2001:db8::1")
        let mapped = AddressText(try SocketAddress(ipAddress: "::ffff:192.0.2.1", port: 80))
        #expect(!mapped.isIPv6 && mapped.description == "192.0.2.1")
        var buffer = ByteBuffer()
        mapped.write(into: &buffer)
        #expect(String(buffer: buffer) == "192.0.2.1")
    }
}
