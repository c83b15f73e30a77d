import Middleware
import NIOCore
import Testing

@Suite("Network")
struct NetworkTests {
    @Test(
        "holds the addresses of its prefix and no others",
        arguments: [
            (
                "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
                ["11.0.0.0", "9.255.255.255", "::a00:1"]
            ),
            ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]), ("192.0.2.7/32", ["192.0.2.7"], ["192.0.2.6"]),
            ("192.0.2.6/31", ["192.0.2.6", "192.0.2.7"], ["192.0.2.5", "192.0.2.8"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], ["::", "::1", "2001:db8::"]),
            ("::/0", ["::", "ffff::"], ["0.0.0.0", "10.0.0.1", "::ffff:1.2.3.4"]),
            ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "2001:db7:ffff::"]),
            ("2001:db8:0:1::/64", ["2001:db8:0:1::", "2001:db8:0:1:ffff::"], ["2001:db8:0:2::", "2001:db8::"]),
            ("2001:db8::8000:0/97", ["2001:db8::8000:0"], ["2001:db8::7fff:ffff"]),
            ("::1", ["::1"], ["::", "0.0.0.1"]),
            ("::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.0"]), ("::ffff:0:0/96", ["1.2.3.4"], ["::1"]),
        ]
    )
    func holds(text: String, inside: [String], outside: [String]) throws {
        let network = try Network(parsing: text)
        #expect(network.problem == nil)
        for address in inside {
            #expect(network.contains(try SocketAddress(ipAddress: address, port: 1)), "\(address)")
        }
        for address in outside {
            #expect(!network.contains(try SocketAddress(ipAddress: address, port: 1)), "\(address)")
        }
        #expect(!network.contains(try SocketAddress(unixDomainSocketPath: "/tmp/a")))
    }

    @Test(
        "is refused when it is none, and holds nothing",
        arguments: [
            "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8",
            "10.0.0.0/8 ", "10.0.0/8", "10.0.0.1/8", "2001:db8::/129", "2001:db8::1/64", "[::1]/128", "localhost",
            "10.0.0.0/255.0.0.0", "::ffff:0:0/95", "::ffff:10.0.0.0/8", "10.0.0.0/9999999999999999999999",
        ]
    )
    func refuses(text: String) throws {
        #expect(throws: NetworkError.self) { try Network(parsing: text) }
        let network = Network(text)
        #expect(network.problem != nil)
        for address in ["10.0.0.1", "0.0.0.0", "::", "::1", "2001:db8::1"] {
            #expect(!network.contains(try SocketAddress(ipAddress: address, port: 1)))
        }
    }

    @Test("says what was meant when there are bits behind the prefix")
    func mend() {
        #expect(Network("10.0.0.1/8").problem?.contains("10.0.0.0/8") == true)
        #expect(Network("2001:db8::1/64").problem?.contains("2001:db8::/64") == true)
    }

    @Test("equals another spelling of the same range")
    func equality() {
        #expect(Network("::ffff:10.0.0.0/104") == Network("10.0.0.0/8"))
        #expect(Network("2001:DB8:0::/32") == "2001:db8::/32")
        #expect(Network("10.0.0.0/8") != "10.0.0.0/9")
        #expect(Set<Network>(["10.0.0.1", "10.0.0.1/32"]).count == 1)
    }

    @Test("holds an address exactly when the bits of the prefix agree")
    func property() {
        var random = SplitMix(seed: 3)
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...32, using: &random)
            let mask: UInt32 = length == 0 ? 0 : ~0 << UInt32(32 - length)
            let prefix = UInt32(truncatingIfNeeded: random.next()) & mask
            let network = Network("\(IPAddress(v4: prefix))/\(length)")
            #expect(network.problem == nil)
            // Half of them near the prefix, so that both answers come up.
            let noise = UInt32(truncatingIfNeeded: random.next())
            let address =
                random.next() % 2 == 0 ? noise : prefix ^ (noise & ~mask) ^ (random.next() % 4 == 0 ? 1 << 31 : 0)
            #expect(network.contains(IPAddress(v4: address)) == (address & mask == prefix))
        }
    }

    @Test(
        "a range tells its first address and the bits that are common, counted as its family counts them",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0", 8), ("::ffff:10.0.0.0/104", "10.0.0.0", 8), ("192.0.2.7", "192.0.2.7", 32),
            ("0.0.0.0/0", "0.0.0.0", 0), ("2001:db8::/32", "2001:db8::", 32), ("::1", "::1", 128), ("::/0", "::", 0),
        ])
    func prefix(text: String, address: String, length: Int) throws {
        let prefix = try #require(Network(text).prefix)
        #expect(prefix.address == IPAddress(address[...]) && prefix.length == length)
        #expect(Network("10.0.0.1/8").prefix == nil)
    }
}
