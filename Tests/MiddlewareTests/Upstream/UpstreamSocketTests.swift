import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// What only real sockets show: both servers of a test are in this process.
@Suite("Upstream connections on sockets", .timeLimit(.minutes(1)))
struct UpstreamSocketTests {
    private let answer = HandlerFunction { request, _ in Response(.ok, body: .text(request.path)) }

    @Test("an origin that closes behind each answer can be asked again and again")
    func closing() async throws {
        var configuration = Server.Configuration()
        configuration.threads = 1
        configuration.limits.requestsPerConnection = 1
        try await withServer(answer, configuration: configuration) { origin in
            try await withServer(ReverseProxy(to: Endpoint("127.0.0.1:\(origin.port)"))) { gateway in
                let client = try await gateway.connect()
                for number in 0..<20 {
                    try await client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await client.readResponse().body == "/\(number)")
                }
            }
        }
    }

    @Test(
        "requests reach an origin over every kind of socket", arguments: [TestListener.loopback, .loopbackIPv6, .unix])
    func sockets(_ listener: TestListener) async throws {
        try await withServer(answer, on: listener) { origin in
            let text =
                switch listener {
                case .loopback: "127.0.0.1:\(origin.port)"
                case .loopbackIPv6: "[::1]:\(origin.port)"
                case .unix: "unix:\(origin.address.pathname ?? "")"
                }
            try await withServer(ReverseProxy(to: Endpoint(text))) { gateway in
                let client = try await gateway.connect()
                for number in 0..<3 {
                    try await client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await client.readResponse().body == "/\(number)")
                }
            }
        }
    }

    @Test("an origin is found by its name")
    func name() async throws {
        try await withServer(answer) { origin in
            try await withServer(ReverseProxy(to: Endpoint("localhost:\(origin.port)"))) { gateway in
                let client = try await gateway.connect()
                for number in 0..<3 {
                    try await client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await client.readResponse().body == "/\(number)")
                }
            }
        }
    }

    @Test("a name that has no address is answered with 502, as a failure to resolve it")
    func unknownName() async throws {
        let failures = Notes()
        var configuration = Forwarder.Configuration()
        // A machine without a network may take its time to say that there is no such name (RFC 6761 section 6.4).
        configuration.connections.connectTimeout = .seconds(50)
        let forwarder = Forwarder(configuration)
        let proxy = HandlerFunction { request, context in
            do {
                return try await forwarder.forward(request, to: "nowhere.invalid:1", context: context)
            } catch let failure as ProxyFailure {
                failures.add(failure.code)
                throw failure
            }
        }
        try await withServer(proxy) { gateway in
            let client = try await gateway.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try await client.readResponse()
            #expect(response.status == .badGateway && !response.body.contains("nowhere"))
            #expect(failures.all == ["resolve.gateway.notFound"])
        }
    }
}
