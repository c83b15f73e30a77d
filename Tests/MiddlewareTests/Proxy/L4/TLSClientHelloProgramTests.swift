import Middleware
import NIOCore
import NIOPosix
import Testing

/// The first message of real clients, as they send it now.
@Suite("ClientHello of programs", .timeLimit(.minutes(1)))
struct TLSClientHelloProgramTests {
    /// Reads the first message of a client and closes.
    private final class FirstMessage: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let promise: EventLoopPromise<TLSClientHelloReader.Reading>
        private var reader = TLSClientHelloReader()
        private var received = ByteBuffer()

        init(_ promise: EventLoopPromise<TLSClientHelloReader.Reading>) { self.promise = promise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            received.writeBuffer(&bytes)
            let reading = reader.read(received)
            guard reading != .needsMore else { return }
            promise.succeed(reading)
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { promise.succeed(reader.read(received)) }
    }

    /// What a program says to a port of this machine.
    private func hello(_ program: String, _ arguments: (Int) -> [String]) async throws -> TLSClientHello? {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: TLSClientHelloReader.Reading.self)
        let server = try await ServerBootstrap(group: loop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FirstMessage(promise))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        // It fails when the connection closes; what it said before is all that is wanted.
        let result = try await #require(Program.named(program)).run(arguments(port))
        try await server.close()
        promise.fail(ChannelError.eof)
        let reading = try? await promise.futureResult.get()
        guard case .hello(let hello) = reading else {
            Issue.record("\(String(describing: reading)) \(result.errors)")
            return nil
        }
        return hello
    }

    private static let hasOpenSSL = Program.isInstalled("openssl")
    private static let hasCurl = Program.isInstalled("curl")

    @Test(
        "openssl s_client, with every version that it still speaks",
        .enabled(if: hasOpenSSL, "openssl is not installed"), arguments: ["-tls1_2", "-tls1_3", "-no_ticket"])
    func openSSL(option: String) async throws {
        let hello = try await hello("openssl") { port in
            ["s_client", "-connect", "127.0.0.1:\(port)", "-servername", "A.Example", "-alpn", "h2,http/1.1", option]
        }
        let protocols = [Array("h2".utf8), Array("http/1.1".utf8)]
        #expect(hello == TLSClientHello(serverName: "a.example", applicationProtocols: protocols))
    }

    @Test("openssl s_client without a name", .enabled(if: hasOpenSSL, "openssl is not installed"))
    func nameless() async throws {
        let hello = try await hello("openssl") { ["s_client", "-connect", "127.0.0.1:\($0)", "-noservername"] }
        #expect(hello == TLSClientHello())
    }

    @Test("curl, by name and by address", .enabled(if: hasCurl, "curl is not installed"))
    func curl() async throws {
        let named = try await hello("curl") { port in
            ["-sk", "--noproxy", "*", "--resolve", "b.example:\(port):127.0.0.1", "https://b.example:\(port)/"]
        }
        #expect(named?.serverName == "b.example")
        #expect(named?.applicationProtocols.contains(Array("http/1.1".utf8)) == true)
        let address = try await hello("curl") { ["-sk", "--noproxy", "*", "https://127.0.0.1:\($0)/"] }
        #expect(address?.serverName == nil)
    }
}
