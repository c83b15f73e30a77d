import Middleware
import Testing

@Suite("AddressTree")
struct IPFilterTreeTests {
    @Test("it says of every address what a walk over all networks says", arguments: 1...30)
    func comparison(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        let allow = (0..<random.below(60)).map { _ in Self.network(&random) }
        let deny = (0..<random.below(60)).map { _ in Self.network(&random) } + allow.prefix(random.below(3))
        let tree = AddressTree(allow: allow.map(\.network), deny: deny.map(\.network))
        for _ in 0..<400 {
            let address = Self.address(&random)
            let expected = Self.walk(address, allow: allow, deny: deny)
            #expect(tree.verdict(on: address) == expected, "seed \(seed): \(address)")
        }
        for entry in allow + deny {
            let expected = Self.walk(entry.address, allow: allow, deny: deny)
            #expect(tree.verdict(on: entry.address) == expected, "seed \(seed): \(entry.network)")
        }
    }

    @Test(
        "the longest network decides, a denial on a tie",
        arguments: [
            ("192.0.2.7", AddressTree.Verdict.allowed), ("192.0.2.8", .denied), ("192.0.3.1", .allowed),
            ("10.0.0.1", .denied), ("::ffff:192.0.2.7", .allowed), ("2001:db8::1", .denied),
            ("2001:db8:1::1", .allowed), ("2001:db9::", .allowed),
        ])
    func precedence(text: String, verdict: AddressTree.Verdict) throws {
        let tree = AddressTree(
            allow: ["0.0.0.0/0", "192.0.2.7", "10.0.0.1", "::/0", "2001:db8:1::/48"],
            deny: ["192.0.2.0/24", "10.0.0.1", "2001:db8::/32"])
        #expect(tree.verdict(on: try #require(IPAddress(text))) == verdict)
    }

    @Test("each family is its own, and mapped ranges are IPv4")
    func families() throws {
        let all = AddressTree(allow: ["::/0"], deny: ["::ffff:10.0.0.0/104"])
        #expect(all.verdict(on: IPAddress(v4: 0x0A01_0203)) == .denied)
        #expect(all.verdict(on: IPAddress(v4: 0x0B01_0203)) == nil)
        #expect(all.verdict(on: try #require(IPAddress("::1"))) == .allowed)
        let none = AddressTree(allow: [], deny: ["nonsense"])
        #expect(none.verdict(on: IPAddress(v4: 0)) == nil)
        #expect(none.count == 2)
        let mapped = AddressTree(allow: ["::ffff:0.0.0.0/96"], deny: [])
        #expect(mapped.verdict(on: IPAddress(v4: 7)) == .allowed)
    }

    @Test("a look-up among 100,000 networks takes the steps of one among 100, and the tree stays small")
    func size() {
        var random = SplitMix(seed: 7)
        let many = (0..<100_000).map { _ in UInt32.random(in: 0 ... .max, using: &random) & 0xFFFF_FF00 }
        let few = Array(many.prefix(100))
        let large = AddressTree(allow: [], deny: many.map { Network("\(IPAddress(v4: $0))/24") })
        let small = AddressTree(allow: [], deny: few.map { Network("\(IPAddress(v4: $0))/24") })
        for prefix in few {
            let address = IPAddress(v4: prefix | 77)
            #expect(large.verdict(on: address) == .denied)
            #expect(large.steps(to: address) == small.steps(to: address))
            #expect(large.steps(to: address) == 4)
        }
        for _ in 0..<1_000 {
            let address = IPAddress(v4: UInt32.random(in: 0 ... .max, using: &random))
            #expect(large.steps(to: address) <= 4)
        }
        #expect(large.count < 120_000)
    }

    // MARK: Random networks, close together so that they nest

    private struct Entry {
        let network: Network
        let address: IPAddress
        let length: Int
    }

    private static func address(_ random: inout SplitMix) -> IPAddress {
        let bits = UInt64.random(in: 0 ... .max, using: &random) & (random.oneIn(2) ? 0xFF00_0000_00FF_00FF : .max)
        if random.oneIn(2) { return IPAddress(v4: UInt32(truncatingIfNeeded: bits)) }
        return IPAddress(high: 0x2001_0DB8_0000_0000 | bits & 0xFF_00FF, low: bits)
    }

    private static func network(_ random: inout SplitMix) -> Entry {
        let address = address(&random)
        let longest = address.isIPv4 ? 32 : 128
        let length = random.oneIn(9) ? longest : random.below(longest + 1)
        let whole = address.isIPv4 ? length + 96 : length
        let high = whole >= 64 ? address.high : address.high & ~(UInt64.max >> UInt64(whole))
        let low = whole <= 64 ? 0 : address.low & ~(whole == 128 ? 0 : UInt64.max >> UInt64(whole - 64))
        // A short IPv6 prefix of zeros would be taken for another one.
        let masked = IPAddress(high: high, low: address.isIPv4 ? low | 0xFFFF_0000_0000 : low)
        return Entry(network: Network("\(masked)/\(length)"), address: masked, length: whole)
    }

    private static func walk(_ address: IPAddress, allow: [Entry], deny: [Entry]) -> AddressTree.Verdict? {
        let allowed = allow.filter { $0.network.contains(address) }.map(\.length).max() ?? -1
        let denied = deny.filter { $0.network.contains(address) }.map(\.length).max() ?? -1
        guard max(allowed, denied) >= 0 else { return nil }
        return denied >= allowed ? .denied : .allowed
    }
}
