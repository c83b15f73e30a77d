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
}
