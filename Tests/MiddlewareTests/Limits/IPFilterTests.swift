import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("IPFilter")
struct IPFilterTests {
    @Test(
        "a list of the banned lets others in, a list of guests does not",
        arguments: [
            ("192.0.2.1", 403, 200), ("192.0.2.7", 200, 200), ("198.51.100.1", 200, 403), ("2001:db8::1", 200, 403),
            ("::ffff:192.0.2.1", 403, 200),
        ])
    func lists(address: String, banned: Int, guests: Int) async throws {
        let bans = IPFilter(allow: [], deny: ["192.0.2.0/24"])
        try bans.replace(allow: ["192.0.2.7"], deny: ["192.0.2.0/24"])
        #expect(try await status(bans, from: address) == banned)
        #expect(try await status(IPFilter(allow: ["192.0.2.0/24"]), from: address) == guests)
    }

    @Test("a client without an address is like one in no network, unless set")
    func unknown() async throws {
        var configuration = IPFilter.Configuration()
        #expect(try await status(IPFilter(deny: ["0.0.0.0/0"]), from: nil) == 200)
        #expect(try await status(IPFilter(allow: ["0.0.0.0/0"]), from: nil) == 403)
        configuration.admitsUnknown = true
        #expect(try await status(IPFilter(allow: ["192.0.2.0/24"], configuration), from: nil) == 200)
        configuration.admitsUnknown = false
        #expect(try await status(IPFilter(deny: ["192.0.2.0/24"], configuration), from: nil) == 403)
    }

    @Test("the client is who a trusted proxy reports")
    func clientAddress() async throws {
        let client = TestClient {
            ClientAddress(trusting: ["192.0.2.1"])
            IPFilter(deny: ["198.51.100.0/24"])
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(try await client.get("/").status == .ok)
        let refused = try await client.get("/", headers: [.xForwardedFor: "198.51.100.9"])
        #expect(refused.status == .forbidden)
        #expect(refused.headers[.contentType] == "application/problem+json")
    }

    @Test("lists are replaced while requests are answered, for copies as well")
    func replacing() async throws {
        let filter = IPFilter(deny: ["192.0.2.0/24"])
        let client = TestClient {
            filter
            HandlerFunction { _, _ in Response(.ok) }
        }
        #expect(try await client.get("/").status == .forbidden)
        try filter.replace(deny: ["198.51.100.0/24"])
        #expect(try await client.get("/").status == .ok)
        try filter.replace(deny: ["192.0.2.1"])
        #expect(try await client.get("/").status == .forbidden)
        #expect(throws: NetworkError.self) { try filter.replace(deny: ["198.51.100.0/24", "10.0.0.0/99"]) }
        #expect(try await client.get("/").status == .forbidden)
    }

    @Test("each request sees the old lists or the new ones while they are swapped")
    func swapping() async throws {
        let filter = IPFilter(allow: ["192.0.2.1"], deny: ["0.0.0.0/0"])
        let client = TestClient {
            filter
            HandlerFunction { _, _ in Response(.ok) }
        }
        try await withThrowingTaskGroup { group in
            group.addTask {
                for round in 0..<200 {
                    // The client is let in by both.
                    try filter.replace(
                        allow: [round.isMultiple(of: 2) ? "192.0.2.0/24" : "192.0.2.1"], deny: ["192.0.0.0/16"])
                }
            }
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<50 {
                        let status = try await client.get("/").status
                        #expect(status == .ok)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a list of guests that becomes empty opens nothing, unless set")
    func emptied() async throws {
        let filter = IPFilter(allow: ["192.0.2.0/24"])
        try filter.replace()
        #expect(try await status(filter, from: "192.0.2.1") == 403)
        var configuration = IPFilter.Configuration()
        configuration.admitsOthers = true
        #expect(try await status(IPFilter(allow: ["10.0.0.0/8"], configuration), from: "192.0.2.1") == 200)
    }

    @Test("each of many filters on one loop keeps its own lists when they are replaced")
    func many() async throws {
        let filters = (0..<200).map { _ in IPFilter(deny: ["192.0.2.1"]) }
        for (number, filter) in filters.enumerated() where number % 2 == 0 { try filter.replace(deny: ["192.0.2.2"]) }
        for index in filters.indices.shuffled() {
            let banned = index % 2 == 0 ? "192.0.2.2" : "192.0.2.1"
            #expect(try await status(filters[index], from: banned) == 403)
            #expect(try await status(filters[index], from: "192.0.2.3") == 200)
        }
    }

    @Test("bad networks and a wrong order are problems of the composition")
    func problems() {
        let client = TestClient {
            IPFilter(allow: ["10.0.0.0/33"], deny: ["300.0.0.1", "10.0.0.1/8"])
            ClientAddress(trusting: ["10.0.0.0/8"])
            HandlerFunction { _, _ in Response(.ok) }
        }
        let error = #expect(throws: CompositionError.self) { try client.validate() }
        #expect(error?.problems.count == 4)
        #expect(error?.problems.contains { $0.problem.hasPrefix("denies 300.0.0.1, which is no network") } == true)
        #expect(error?.problems.contains { $0.problem.contains("client address") } == true)
    }

    @Test("it leaves bodies and cancellation alone")
    func conformance() async {
        #expect(await MiddlewareConformance(IPFilter(deny: ["198.51.100.0/24"])).check() == [])
    }

    private func status(_ filter: IPFilter, from address: String?) async throws -> Int {
        let remote = try address.map { try SocketAddress(ipAddress: $0, port: 1) }
        let handler = Pipeline([filter], endingIn: HandlerFunction { _, _ in Response(.ok) })
        return try await TestClient(handler, peer: Peer(remote: remote)).get("/").status.code
    }
}
