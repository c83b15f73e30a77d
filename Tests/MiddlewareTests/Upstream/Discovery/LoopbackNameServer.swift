import Middleware
import NIOCore
import NIOPosix

/// A name server on a port of this machine, by datagram and by connection, that says what a test makes it say.
final class LoopbackNameServer: Sendable {
    /// What it sends, in this order; where from, for datagrams.
    enum Piece: Sendable {
        case message(DNSMessage)
        case bytes([UInt8])
        /// From another port than that which was asked.
        case elsewhere([UInt8])
        case close
    }

    typealias Script = @Sendable (_ query: DNSMessage, _ carrier: DNSCarrier) -> [Piece]

    let address: SocketAddress
    private let channels: [any Channel]

    private init(_ address: SocketAddress, _ channels: [any Channel]) {
        self.address = address
        self.channels = channels
    }

    /// Runs one for as long as the body takes.
    static func run<Value>(
        _ script: @escaping Script, _ body: (LoopbackNameServer) async throws -> Value
    ) async throws -> Value {
        let group = MultiThreadedEventLoopGroup.singleton
        // The port of the one has to be free for the other as well.
        var server: LoopbackNameServer?
        while server == nil {
            let stream = try await ServerBootstrap(group: group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(StreamServer(script))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            guard let address = stream.localAddress else { continue }
            let other = try await DatagramBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
            let datagram = try? await DatagramBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramServer(script, elsewhere: other))
                    }
                }
                .bind(to: address).get()
            if let datagram {
                server = LoopbackNameServer(address, [stream, datagram, other])
            } else {
                try await stream.close()
                try await other.close()
            }
        }
        guard let server else { throw ChannelError.alreadyClosed }
        do {
            let value = try await body(server)
            try await server.close()
            return value
        } catch {
            try await server.close()
            throw error
        }
    }

    private func close() async throws {
        for channel in channels { try await channel.close() }
    }
}

private final class DatagramServer: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let script: LoopbackNameServer.Script
    private let elsewhere: any Channel

    init(_ script: @escaping LoopbackNameServer.Script, elsewhere: any Channel) {
        self.script = script
        self.elsewhere = elsewhere
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let query = try? DNSMessage(Array(envelope.data.readableBytesView)) else { return }
        for piece in script(query, .udp) {
            switch piece {
            case .message(let message): send(DNSWire(message).bytes, to: envelope.remoteAddress, on: context.channel)
            case .bytes(let bytes): send(bytes, to: envelope.remoteAddress, on: context.channel)
            case .elsewhere(let bytes): send(bytes, to: envelope.remoteAddress, on: elsewhere)
            case .close: break
            }
        }
    }

    private func send(_ bytes: [UInt8], to address: SocketAddress, on channel: any Channel) {
        channel.writeAndFlush(AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: bytes)), promise: nil)
    }
}

private final class StreamServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let script: LoopbackNameServer.Script
    private var received = ByteBuffer()

    init(_ script: @escaping LoopbackNameServer.Script) { self.script = script }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.writeImmutableBuffer(unwrapInboundIn(data))
        while let bytes = received.readLengthPrefixedSlice(as: UInt16.self) {
            guard let query = try? DNSMessage(Array(bytes.readableBytesView)) else { continue }
            for piece in script(query, .tcp) {
                switch piece {
                case .message(let message): send(DNSWire(message).bytes, on: context.channel)
                case .bytes(let bytes), .elsewhere(let bytes): send(bytes, on: context.channel)
                case .close: context.close(promise: nil)
                }
            }
        }
    }

    private func send(_ bytes: [UInt8], on channel: any Channel) {
        var buffer = ByteBuffer(integer: UInt16(bytes.count))
        buffer.writeBytes(bytes)
        channel.writeAndFlush(buffer, promise: nil)
    }
}
