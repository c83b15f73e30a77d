import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("BalancingKey")
struct BalancingKeyTests {
    private func hash(
        _ key: BalancingKey, _ target: String = "/", host: String = "", headers: [(String, String)] = [],
        from address: String? = nil
    ) throws -> UInt64? {
        var request = Request(.get, target)
        request.authority = host
        for (name, value) in headers { request.headers.append(try #require(HTTPField.Name(name)), value) }
        let context = RequestContext(runtime: Runtime())
        context[ClientAddressKey.self] = try address.map { try SocketAddress(ipAddress: $0, port: 1) }
        return key.hash(request, context)
    }

    @Test("a field is taken as it stands, the first of its name")
    func header() throws {
        let key = BalancingKey.header(try #require(HTTPField.Name("X-Tenant")))
        let seven = StableHash.hash("7")
        #expect(try hash(key, headers: [("x-tenant", "7"), ("x-tenant", "8")]) == seven)
        #expect(try hash(key, headers: [("X-TENANT", "7")]) == seven)
        #expect(try hash(key, headers: [("x-tenants", "7")]) == nil && hash(key, headers: [("x-tenant", "")]) == nil)
        #expect(try hash(.header(.via), headers: [("via", "1.1 a")]) == StableHash.hash("1.1 a"))
    }

    static let cookies: [(line: String, value: String?)] = [
        ("id=7", "7"), ("a=1; id=7; b=2", "7"), ("a=1;id=7", "7"), ("id=7; id=8", "7"), ("id=a=b", "a=b"),
        ("id= 7 ", " 7"), ("\tid=7", "7"), ("id=", nil), ("id", nil), ("", nil), (";;=;", nil), ("ID=7", nil),
        ("xid=7", nil), ("id =7", nil), ("a=id=7", nil), ("id; id=7", nil), (#"id="7""#, #""7""#),
    ]

    @Test("a cookie is the first of its name", arguments: cookies)
    func cookie(line: String, value: String?) throws {
        #expect(try hash(.cookie("id"), headers: [("cookie", line)]) == value.map { StableHash.hash($0) })
        #expect(
            try hash(.cookie("id"), headers: [("cookie", "z=1"), ("cookie", line)]) == value.map { StableHash.hash($0) }
        )
    }

    static let queries: [(query: String, value: String?)] = [
        ("id=7", "7"), ("a=1&id=7&b=2", "7"), ("id=7&id=8", "7"), ("%69d=7", "7"), ("i%64=7", "7"),
        ("id=a%20b", "a%20b"),
        ("id=a=b", "a=b"), ("id", nil), ("id=", nil), ("", nil), ("&&", nil), ("xid=7", nil), ("idx=7", nil),
        ("i=7", nil),
        ("id%", nil), ("%6=7", nil),
    ]

    @Test("an item of the query is the first of its name, escapes of which are decoded", arguments: queries)
    func query(query: String, value: String?) throws {
        #expect(try hash(.query("id"), "/x?" + query) == value.map { StableHash.hash($0) })
        #expect(try hash(.query("id"), "/id=7") == nil)
    }

    @Test("path and target are the normal form")
    func target() throws {
        #expect(try hash(.path, "/a/../b?c=1") == StableHash.hash("/b"))
        #expect(try hash(.target, "/a/../b?c=1") == StableHash.hash("/b?c=1"))
        #expect(try hash(.path, "*") == StableHash.hash("*"))
    }

    @Test(
        "a host has no port and no capitals",
        arguments: [
            ("Example.COM:8080", "example.com"), ("example.com", "example.com"), ("example.com:", "example.com"),
            ("[2001:DB8::1]:80", "[2001:db8::1]"), ("[::1]", "[::1]"), ("80", "80"), (":80", nil), ("", nil),
            (String(repeating: "A", count: 5000), String(repeating: "a", count: 5000)),
        ] as [(String, String?)]
    )
    func host(authority: String, host: String?) throws {
        #expect(try hash(.host, host: authority) == host.map { StableHash.hash($0) })
        #expect(try hash(.header(.host), host: authority) == host.map { StableHash.hash($0) })
    }

    @Test("IPv4 addresses count whole, IPv6 addresses by their network of 64 bits")
    func clientAddress() throws {
        func key(_ address: String?) throws -> UInt64? { try hash(.clientAddress, from: address) }
        #expect(try key("192.0.2.1") != key("192.0.2.2"))
        #expect(try key("192.0.2.1") == key("::ffff:192.0.2.1"))
        #expect(try key("2001:db8::1") == key("2001:db8::ffff:1:2:3"))
        #expect(try key("2001:db8::1") != key("2001:db8:0:1::1"))
        #expect(try key(nil) == nil)
        var blueprint = Blueprint("Cluster")
        IPHash().check(&blueprint)
        #expect(blueprint.placement.follows == ["client address"])
    }

    @Test("text of one's own is hashed as its bytes; none is none")
    func custom() throws {
        #expect(try hash(.custom { request, _ in request.path }, "/a") == StableHash.hash("/a"))
        #expect(try hash(.custom { _, _ in nil }) == nil && hash(.custom { _, _ in "" }) == nil)
    }

    @Test("keys that follow each other are spread evenly")
    func spread() throws {
        let balancer = Maglev(by: .path).balancer(among: BalancingCandidate.numbered([1, 1, 1, 1]))
        var counts = [0, 0, 0, 0]
        for third in 0..<16 {
            for last in 0..<250 {
                counts[balancer.choose(hash: try hash(.clientAddress, from: "10.0.\(third).\(last)") ?? 0)] += 1
            }
        }
        #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts)")
    }
}
