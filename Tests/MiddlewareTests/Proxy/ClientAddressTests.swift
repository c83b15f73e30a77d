import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Client address")
struct ClientAddressTests {
    private static let networks: [Network] = ["10.0.0.0/8", "2001:db8:1::/48"]

    private func configuration(
        _ edit: (inout ClientAddress.Configuration) -> Void
    ) -> ClientAddress.Configuration {
        var configuration = ClientAddress.Configuration()
        edit(&configuration)
        return configuration
    }

    private func client(_ finding: ClientAddress.Finding) -> String? {
        finding.client.map { "\($0.ipAddress ?? "")\($0.port == 0 || $0.port == 4711 ? "" : " \($0.port ?? 0)")" }
    }

    private func peer(_ text: String) throws -> SocketAddress { try SocketAddress(ipAddress: text, port: 4711) }

    @Test(
        "walks X-Forwarded-For from its end through trusted proxies",
        arguments: [
            ("10.0.0.2", ["6.6.6.6, 198.51.100.7, 10.0.0.3"], "198.51.100.7"), ("10.0.0.2", [], "10.0.0.2"),
            ("10.0.0.2", ["198.51.100.7"], "198.51.100.7"), ("10.0.0.2", ["198.51.100.7", "10.0.0.3"], "198.51.100.7"),
            ("10.0.0.2", ["198.51.100.7 ,\t10.0.0.3 , "], "198.51.100.7"), ("10.0.0.2", ["", ","], "10.0.0.2"),
            ("10.0.0.2", ["10.0.0.4, 10.0.0.3"], "10.0.0.4"), ("198.51.100.9", ["198.51.100.7"], "198.51.100.9"),
            ("10.0.0.2", ["198.51.100.7, unknown, 10.0.0.3"], "10.0.0.3"), ("10.0.0.2", ["unknown"], "10.0.0.2"),
            ("10.0.0.2", ["198.51.100.7, _hidden"], "10.0.0.2"), ("10.0.0.2", ["1.2.3.4, 010.0.0.3"], "10.0.0.2"),
            ("10.0.0.2", ["1.2.3.4 10.0.0.3"], "10.0.0.2"), ("10.0.0.2", ["1.2.3.4, 10.0.0.3:80"], "1.2.3.4"),
            ("10.0.0.2", ["198.51.100.7:5678"], "198.51.100.7 5678"),
            ("10.0.0.2", ["[2001:db8::7]:443"], "2001:db8::7 443"),
            ("10.0.0.2", ["2001:db8::7, 2001:db8:1::9"], "2001:db8::7"), ("10.0.0.2", ["[2001:db8::7]"], "2001:db8::7"),
            ("::ffff:10.0.0.2", ["::ffff:198.51.100.7"], "198.51.100.7"), ("2001:db8:1::1", ["1.2.3.4"], "1.2.3.4"),
            ("::ffff:198.51.100.9", ["1.2.3.4"], "198.51.100.9"), ("10.0.0.2", ["\"1.2.3.4\""], "10.0.0.2"),
            ("10.0.0.2", ["1.2.3.4:99999"], "10.0.0.2"), ("10.0.0.2", ["1.2.3.4:"], "10.0.0.2"),
            ("10.0.0.2", ["[1.2.3.4]"], "10.0.0.2"), ("10.0.0.2", ["a.example"], "10.0.0.2"),
        ] as [(String, [String], String)]
    )
    func walk(peer: String, values: [String], expected: String) throws {
        let headers = received(lines: values.map { "X-Forwarded-For: \($0)" } + ["Forwarded: for=7.7.7.7"])
        let finding = ClientAddress(trusting: Self.networks).resolve(peer: try self.peer(peer), headers: headers)
        #expect(client(finding) == expected)
    }

    @Test(
        "walks Forwarded from its end, whatever stands in front",
        arguments: [
            (["for=198.51.100.7, for=10.0.0.3"], "198.51.100.7"),
            (["for=198.51.100.7", "For=\"10.0.0.3:80\";by=_a"], "198.51.100.7"),
            (["for=\"[2001:db8::7]:443\""], "2001:db8::7 443"), (["for=\"198.51.100.7:_port\""], "198.51.100.7"),
            (["for=\"6.6.6.6, for=198.51.100.7"], "198.51.100.7"),
            (["for=\"\\\", for=198.51.100.7;x=\"a, \\\\\""], "198.51.100.7"),
            (["host=\"a,b\";for=198.51.100.7;x=\"c, d\""], "198.51.100.7"),
            (["for=198.51.100.7, for=unknown"], "10.0.0.2"),
            (["for=_x"], "10.0.0.2"), (["for=[2001:db8::7]"], "10.0.0.2"), (["for=1.2.3.4;for=5.6.7.8"], "10.0.0.2"),
            (["proto=https"], "10.0.0.2"), (["for=1.2.3.4 proto=https"], "10.0.0.2"), (["1.2.3.4"], "10.0.0.2"),
            ([], "10.0.0.2"),
            (["for=\"2001:db8::7\""], "2001:db8::7"),
        ] as [([String], String)]
    )
    func standard(values: [String], expected: String) throws {
        let headers = received(lines: values.map { "Forwarded: \($0)" } + ["X-Forwarded-For: 7.7.7.7"])
        let configuration = configuration { $0.field = .forwarded }
        let middleware = ClientAddress(trusting: Self.networks, configuration)
        let finding = middleware.resolve(peer: try peer("10.0.0.2"), headers: headers)
        #expect(client(finding) == expected)
        #expect(finding.trust == .forwarded)
    }

    @Test(
        "counts hops from the end when told how many there are",
        arguments: [
            (1, ["1.1.1.1, 2.2.2.2"], "2.2.2.2"), (2, ["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (3, ["1.1.1.1, 2.2.2.2"], "9.9.9.9"),
            (1, [], "9.9.9.9"), (2, ["1.1.1.1", "2.2.2.2"], "1.1.1.1"), (2, ["1.1.1.1, unknown"], "9.9.9.9"),
            (2, ["unknown, 2.2.2.2"], "9.9.9.9"), (1, ["unknown, 2.2.2.2"], "2.2.2.2"), (0, ["1.1.1.1"], "9.9.9.9"),
        ] as [(Int, [String], String)]
    )
    func hops(count: Int, values: [String], expected: String) throws {
        let headers = received(lines: values.map { "X-Forwarded-For: \($0)" } + ["X-Forwarded-Proto: https"])
        let finding = ClientAddress(hops: count).resolve(peer: try peer("9.9.9.9"), headers: headers)
        #expect(client(finding) == expected)
        #expect(finding.trust.isEmpty == (expected == "9.9.9.9"))
        #expect((finding.scheme == nil) == (expected == "9.9.9.9"))
    }

    @Test(
        "believes one scheme of a trusted proxy",
        arguments: [
            (["https"], "https"), (["HTTP"], "http"), (["wss"], "https"), (["ws"], "http"), (["https, http"], nil),
            (["https", "https"], nil), (["ftp"], nil), ([""], nil), ([], nil),
        ] as [([String], String?)]
    )
    func scheme(values: [String], expected: String?) throws {
        let headers = received(lines: values.map { "X-Forwarded-Proto: \($0)" })
        let middleware = ClientAddress(trusting: Self.networks)
        #expect(middleware.resolve(peer: try peer("10.0.0.2"), headers: headers).scheme == expected)
        #expect(middleware.resolve(peer: try peer("11.0.0.2"), headers: headers).scheme == nil)
        let silent = ClientAddress(trusting: Self.networks, configuration { $0.adoptsScheme = false })
        let finding = silent.resolve(peer: try peer("10.0.0.2"), headers: headers)
        #expect(finding.scheme == nil && finding.trust == .xForwardedFor)
    }

    @Test(
        "believes an authority when told to",
        arguments: [
            (["a.example"], "a.example"), (["a.example:8443"], "a.example:8443"),
            (["[2001:db8::1]:80"], "[2001:db8::1]:80"),
            (["a, b"], nil), (["a", "a"], nil), (["a/b"], nil), (["a:"], nil), (["a:99999"], nil), ([":80"], nil),
            ([""], nil),
            (["user@a"], nil), (["[1.2.3.4]"], nil), (["[::1"], nil), (["a b"], nil),
        ] as [([String], String?)]
    )
    func authority(values: [String], expected: String?) throws {
        let headers = received(lines: values.map { "X-Forwarded-Host: \($0)" })
        let finding = ClientAddress(trusting: Self.networks, configuration { $0.adoptsAuthority = true })
            .resolve(peer: try peer("10.0.0.2"), headers: headers)
        #expect(finding.authority == expected)
        #expect(finding.trust.contains(.xForwardedHost))
        let usual = ClientAddress(trusting: Self.networks).resolve(peer: try peer("10.0.0.2"), headers: headers)
        #expect(usual.authority == nil && !usual.trust.contains(.xForwardedHost))
    }

    @Test("takes scheme and authority from the Forwarded entry that names the client")
    func element() throws {
        let value = "for=6.6.6.6;proto=gopher, for=1.2.3.4;proto=https;host=\"a:8443\", for=10.0.0.3;proto=http;host=b"
        let middleware = ClientAddress(
            trusting: Self.networks,
            configuration {
                $0.field = .forwarded
                $0.adoptsAuthority = true
            }
        )
        let finding = middleware.resolve(peer: try peer("10.0.0.2"), headers: received(lines: ["Forwarded: \(value)"]))
        #expect(client(finding) == "1.2.3.4" && finding.scheme == "https" && finding.authority == "a:8443")
    }

    @Test("trusts a Unix-domain socket only when told to")
    func unix() throws {
        let headers = received(lines: ["X-Forwarded-For: 1.2.3.4"])
        let trusting = ClientAddress(trusting: [], configuration { $0.trustsUnixSockets = true })
        for peer in [nil, try SocketAddress(unixDomainSocketPath: "/tmp/a")] {
            #expect(client(trusting.resolve(peer: peer, headers: headers)) == "1.2.3.4")
            #expect(client(ClientAddress(trusting: ["0.0.0.0/0"]).resolve(peer: peer, headers: headers)) == nil)
        }
    }

    @Test("tells those inside")
    func tells() throws {
        let context = RequestContext(runtime: Runtime())
        context.peer = Peer(remote: try peer("10.0.0.2"))
        var request = Request(.get, "/")
        request.headers[.xForwardedFor] = "1.2.3.4"
        request.headers[.xForwardedProto] = "https"
        let answer = ClientAddress(trusting: Self.networks).before(&request, context: context)
        #expect(answer == nil)
        #expect(context[ClientAddressKey.self]?.ipAddress == "1.2.3.4")
        #expect(context[PeerTrustKey.self] == [.xForwardedFor, .xForwardedProto])
        #expect(request.scheme == "https")
        #expect(request.headers[.xForwardedFor] == "1.2.3.4")
        // One further in that trusts nobody takes it back.
        _ = ClientAddress(trusting: []).before(&request, context: context)
        #expect(context[ClientAddressKey.self]?.ipAddress == "10.0.0.2")
        #expect(context[PeerTrustKey.self] == [])
    }

    @Test("provides the client address and reports bad values")
    func blueprint() {
        let good = ClientAddress(trusting: Self.networks).blueprint
        #expect(good.placement.provides == ["client address"])
        #expect(good.validate().isEmpty)
        #expect(ClientAddress(trusting: ["10.0.0.0/8", "10.0.0.1/8", "x"]).blueprint.validate().count == 2)
        #expect(ClientAddress(hops: 0).blueprint.validate().count == 1)
        #expect(ClientAddress(hops: 1).blueprint.validate().isEmpty)
    }
}

@Suite("Client address, properties")
struct ClientAddressPropertyTests {
    private static let trusted = ["10.0.0.1", "10.255.0.9", "10.1.2.3:80", "2001:db8:1::5", "[2001:db8:1::5]:443"]
    private static let strangers = ["198.51.100.7", "11.0.0.1", "2001:db8:2::1", "[2001:db8::9]:80", "8.8.8.8:53"]
    private static let garbage = [
        "unknown", "_x", "\"", "1.2.3", "a,b", ",", "10.0.0.1 10.0.0.2", "for=1.2.3.4", "\\\"", "",
    ]

    /// What a client can write has no say in who it is: behind any beginning, the entries that proxies have added
    /// decide.
    @Test("nothing that a client writes changes who it is", arguments: [false, true])
    func forgery(isStandard: Bool) throws {
        var random = SplitMix(seed: isStandard ? 11 : 12)
        var configuration = ClientAddress.Configuration()
        configuration.field = isStandard ? .forwarded : .xForwardedFor
        let middleware = ClientAddress(trusting: ["10.0.0.0/8", "2001:db8:1::/48"], configuration)
        let peer = try SocketAddress(ipAddress: "10.0.0.2", port: 1)
        for _ in 0..<4_000 {
            let forged = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                let text = (Self.trusted + Self.strangers + Self.garbage).randomElement(using: &random) ?? ""
                return isStandard && Bool.random(using: &random) ? "for=\(text)" : text
            }
            let stranger = Self.strangers.randomElement(using: &random) ?? ""
            let proxies = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                Self.trusted.randomElement(using: &random) ?? ""
            }
            let added = ([stranger] + proxies).map { isStandard ? entry($0) : $0 }
            let expected = try #require(IPAddress(host(stranger)))
            // Proxies add to the line that is there, or a line of their own.
            let all: [String] = forged + added
            let lines = Bool.random(using: &random) ? [all.joined(separator: ", ")] : all
            let name = isStandard ? "Forwarded" : "X-Forwarded-For"
            let finding = middleware.resolve(peer: peer, headers: received(lines: lines.map { "\(name): \($0)" }))
            #expect(finding.client.flatMap { IPAddress($0) } == expected, "\(lines)")
        }
    }

    @Test("bytes at random never trap and never make a stranger of a trusted proxy's neighbour")
    func bytes() throws {
        var random = SplitMix(seed: 13)
        let alphabet = Array("0123456789abcf:.,;=\"\\[] \tor_%".utf8)
        var configuration = ClientAddress.Configuration()
        configuration.field = .forwarded
        let middlewares = [
            ClientAddress(trusting: ["10.0.0.0/8"]), ClientAddress(trusting: ["10.0.0.0/8"], configuration),
            ClientAddress(hops: 2), ClientAddress(hops: 1, configuration),
        ]
        let peer = try SocketAddress(ipAddress: "10.0.0.2", port: 1)
        for _ in 0..<5_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            let value = String(decoding: bytes, as: UTF8.self)
            let headers = received(lines: ["X-Forwarded-For: \(value)", "Forwarded: for=\(value)"])
            for middleware in middlewares { #expect(middleware.resolve(peer: peer, headers: headers).client != nil) }
        }
    }

    private func host(_ node: String) -> String {
        if node.hasPrefix("[") { return String(node.dropFirst().prefix { $0 != "]" }) }
        return node.contains("::") ? node : String(node.prefix { $0 != ":" })
    }

    private func entry(_ node: String) -> String {
        let isBare = node.contains("::") && !node.hasPrefix("[")
        return node.contains(":") ? "for=\"\(isBare ? "[\(node)]" : node)\";proto=https" : "for=\(node)"
    }
}
