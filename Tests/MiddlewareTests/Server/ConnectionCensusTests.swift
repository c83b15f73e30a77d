import NIOCore
import Testing

@testable import Middleware

@Suite("Connection census")
struct ConnectionCensusTests {
    @Test(
        "connections count together by IPv4 address, and by the IPv6 network that one host is given",
        arguments: [
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true), ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
        ]
    )
    func together(one: String, other: String, areOne: Bool) throws {
        let census = ConnectionCensus(limit: 10, limitPerAddress: 1)
        let first = try SocketAddress(ipAddress: one, port: 1)
        #expect(census.admit(first) == .admitted)
        #expect(census.admit(try SocketAddress(ipAddress: other, port: 2)) == (areOne ? .addressFull : .admitted))
        census.leave(first)
        #expect(census.admit(first) == .admitted)
    }

    @Test("the limit for all comes before that of an address, and only so many refusals are told")
    func limits() {
        let census = ConnectionCensus(limit: 1, limitPerAddress: 1)
        #expect(census.admit(nil) == .admitted && census.count == 1)
        #expect(census.admit(nil) == .serverFull)
        var told = 0
        while census.admitRefusal() { told += 1 }
        #expect(told == 1024)
        census.leaveRefusal()
        #expect(census.admitRefusal())
    }
}
