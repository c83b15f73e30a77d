import Middleware
import NIOCore
import Testing

@Suite("Forwarded headers")
struct ForwardedHeadersTests {
    private static let everything: PeerTrust = [.forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost]
    private static let forged = [
        "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: evil", "Forwarded: for=6.6.6.6",
        "A: 1",
    ]

    private func facts(
        peer: String? = "192.0.2.1",
        client: String? = nil,
        scheme: String = "http",
        authority: String = "a.example",
        trust: PeerTrust = []
    ) throws -> ForwardedHeaders.Facts {
        let remote = try peer.map { try SocketAddress(ipAddress: $0, port: 4711) }
        let local = try SocketAddress(ipAddress: "2001:db8::80", port: 8080)
        let runtime = Runtime()
        let context = RequestContext(
            runtime: runtime,
            worker: runtime.workers.current,
            peer: Peer(remote: remote, local: local),
            watchesTask: false
        )
        if let client { context[ClientAddressKey.self] = try SocketAddress(ipAddress: client, port: 0) }
        var request = Request()
        request.scheme = scheme
        request.authority = authority
        return ForwardedHeaders.Facts(request.head, trust: trust, context: context)
    }

    /// What reaches the origin: what passes, then what is written.
    private func forwarded(
        _ policy: ForwardedHeaders,
        _ fields: [String],
        _ facts: ForwardedHeaders.Facts
    ) -> [String] {
        let headers = received(lines: fields)
        let present = KnownFields(of: headers)
        let hop = HopByHop(of: headers, also: policy.replaced(having: present, trust: facts.trust))
        return lines { buffer in
            headers.write(into: &buffer, skip: { hop.drops($0, in: headers) })
            policy.write(facts, for: headers, having: present, into: &buffer)
        }
    }

    @Test("a request without the fields gets them")
    func plain() throws {
        #expect(
            forwarded(ForwardedHeaders(), ["A: 1"], try facts()) == [
                "A: 1", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: a.example",
            ]
        )
    }

    @Test("what a client wrote itself does not reach the origin")
    func forgery() throws {
        #expect(
            forwarded(ForwardedHeaders(), Self.forged, try facts(scheme: "https")) == [
                "A: 1", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.example",
            ]
        )
    }

    @Test("what a trusted proxy wrote stays, and the list gets its address")
    func trusted() throws {
        let fields = [
            "X-Forwarded-For: 6.6.6.6, 198.51.100.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: b",
            "X-Forwarded-For: 10.0.0.3",
        ]
        let facts = try facts(peer: "10.0.0.2", client: "198.51.100.7", trust: Self.everything)
        #expect(
            forwarded(ForwardedHeaders(), fields, facts) == [
                "X-Forwarded-Proto: https", "X-Forwarded-Host: b",
                "X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.0.0.3, 10.0.0.2",
            ]
        )
    }

    @Test("a trusted proxy is believed only what it is known to write")
    func vouched() throws {
        let facts = try facts(peer: "10.0.0.2", client: "198.51.100.7", scheme: "https", trust: .xForwardedFor)
        #expect(
            forwarded(ForwardedHeaders(), ["X-Forwarded-For: 198.51.100.7"] + Self.forged.dropFirst(), facts) == [
                "A: 1", "X-Forwarded-For: 198.51.100.7, 10.0.0.2", "X-Forwarded-Proto: https",
                "X-Forwarded-Host: a.example",
            ]
        )
        // The client was found through another field: X-Forwarded-For begins anew, with the client.
        let other = try self.facts(peer: "10.0.0.2", client: "198.51.100.7", trust: .forwarded)
        #expect(
            forwarded(ForwardedHeaders(), ["X-Forwarded-For: 6.6.6.6"], other).first == "X-Forwarded-For: 198.51.100.7")
    }

    @Test(
        "a policy holds for its field, from anybody",
        arguments: [
            (ForwardedHeaders.Policy.remove, PeerTrust(), nil), (.remove, everything, nil),
            (.pass, PeerTrust(), "6.6.6.6"),
            (.pass, everything, "6.6.6.6"), (.replace, PeerTrust(), "198.51.100.7"),
            (.replace, everything, "198.51.100.7"),
            (.append, PeerTrust(), "198.51.100.7"), (.append, everything, "6.6.6.6, 10.0.0.2"),
        ] as [(ForwardedHeaders.Policy, PeerTrust, String?)]
    )
    func policies(policy: ForwardedHeaders.Policy, trust: PeerTrust, value: String?) throws {
        let facts = try facts(peer: "10.0.0.2", client: "198.51.100.7", scheme: "https", trust: trust)
        var headers = ForwardedHeaders()
        headers.xForwardedFor = policy
        headers.xForwardedProto = policy
        headers.xForwardedHost = policy
        let lines = forwarded(headers, Self.forged, facts)
        #expect(lines.filter { $0.hasPrefix("X-Forwarded-For") } == (value.map { ["X-Forwarded-For: \($0)"] } ?? []))
        let isKept = policy == .pass || (policy == .append && !trust.isEmpty)
        let proto = policy == .remove ? [] : ["X-Forwarded-Proto: \(isKept ? "gopher" : "https")"]
        #expect(lines.filter { $0.hasPrefix("X-Forwarded-Proto") } == proto)
        let host = policy == .remove ? [] : ["X-Forwarded-Host: \(isKept ? "evil" : "a.example")"]
        #expect(lines.filter { $0.hasPrefix("X-Forwarded-Host") } == host)
    }

    @Test("everything passes when nothing is to be touched")
    func untouched() throws {
        #expect(forwarded(.untouched, Self.forged, try facts()) == Self.forged)
        #expect(forwarded(.untouched, [], try facts()) == [])
    }

    @Test("a Unix-domain socket has no address to tell")
    func unix() throws {
        let untrusted = try facts(peer: nil)
        #expect(!forwarded(ForwardedHeaders(), Self.forged, untrusted).contains { $0.hasPrefix("X-Forwarded-For") })
        let trusted = try facts(peer: nil, client: "198.51.100.7", trust: Self.everything)
        let fields = ["X-Forwarded-For: 198.51.100.7"]
        #expect(forwarded(ForwardedHeaders(), fields, trusted).first == fields.first)
    }

    @Test("empty values add nothing to the list, and an empty authority is not told")
    func empty() throws {
        let facts = try facts(peer: "10.0.0.2", authority: "", trust: Self.everything)
        #expect(
            forwarded(ForwardedHeaders(), ["X-Forwarded-For: "], facts) == [
                "X-Forwarded-For: 10.0.0.2", "X-Forwarded-Proto: http",
            ]
        )
    }

    @Test(
        "Forwarded quotes what is no token",
        arguments: [
            ("192.0.2.1", ForwardedHeaders.Node.address, "a.example", "for=192.0.2.1;host=a.example;proto=http"),
            ("192.0.2.1", .addressAndPort, "a:80", "for=\"192.0.2.1:4711\";host=\"a:80\";proto=http"),
            ("2001:db8::1", .address, "[::1]", "for=\"[2001:db8::1]\";host=\"[::1]\";proto=http"),
            ("2001:db8::1", .addressAndPort, "a", "for=\"[2001:db8::1]:4711\";host=a;proto=http"),
            ("::ffff:192.0.2.1", .address, "a", "for=192.0.2.1;host=a;proto=http"),
            ("192.0.2.1", .unknown, "", "for=unknown;proto=http"),
            (nil, .address, "a", "for=unknown;host=a;proto=http"),
            ("192.0.2.1", .obfuscated("_x.1"), "a\"b", "for=_x.1;host=\"a\\\"b\";proto=http"),
            ("192.0.2.1", .obfuscated("bad\r\n"), "a\r\nb", "for=unknown;host=ab;proto=http"),
        ] as [(String?, ForwardedHeaders.Node, String, String)]
    )
    func nodes(peer: String?, node: ForwardedHeaders.Node, authority: String, value: String) throws {
        var policy = ForwardedHeaders()
        policy.forwarded = .append
        policy.forwardedFor = node
        policy.xForwardedHost = .remove
        let lines = forwarded(policy, ["Forwarded: for=6.6.6.6"], try facts(peer: peer, authority: authority))
        #expect(lines.filter { $0.hasPrefix("Forwarded") } == ["Forwarded: \(value)"])
    }

    @Test("Forwarded of a trusted proxy gets an entry about that proxy")
    func appended() throws {
        var policy = ForwardedHeaders()
        policy.forwarded = .append
        policy.forwardedBy = .addressAndPort
        let facts = try facts(peer: "10.0.0.2", client: "198.51.100.7", scheme: "https", trust: .forwarded)
        let ours = "for=10.0.0.2;by=\"[2001:db8::80]:8080\";host=a.example;proto=https"
        let fields = ["Forwarded: for=198.51.100.7;proto=https", "Forwarded: for=\"[2001:db8::7]\""]
        #expect(
            forwarded(policy, fields, facts).contains(
                "Forwarded: for=198.51.100.7;proto=https, for=\"[2001:db8::7]\", \(ours)"
            )
        )
        policy.forwarded = .replace
        #expect(forwarded(policy, fields, facts).contains { $0.hasPrefix("Forwarded: for=198.51.100.7;by=") })
    }

    @Test("names of nodes are checked", arguments: ["", "_", "x", "_a b", "_a~", "_\r\n", "_é"])
    func problems(name: String) {
        var policy = ForwardedHeaders()
        policy.forwardedBy = .obfuscated(name)
        #expect(policy.problems.count == 1)
        policy.forwardedBy = .obfuscated("_edge-1.a_b")
        #expect(policy.problems.isEmpty)
    }
}
