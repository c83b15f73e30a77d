package import NIOCore
import NIOPosix
import Synchronization

/// A socket for each query.
///
/// A datagram leaves from a port that the system draws for it, and the socket is connected, so that the system drops
/// what comes from elsewhere than the server's address and port (RFC 5452 sections 4.5 and 9.1). What arrives and
/// answers something else is passed over a few times, then the exchange is given up: somebody guesses.
package struct SocketDNSTransport: DNSTransport {
    /// How many messages that are no answer are passed over.
    package static var tolerance: Int { 8 }

    package init() {}

    package func exchange(
        _ query: DNSQuery, with server: SocketAddress, over carrier: DNSCarrier, on runtime: Runtime
    ) async throws(DNSFailure) -> DNSMessage {
        let exchange = DNSExchange(query)
        let loop = runtime.workers.current.eventLoop
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                exchange.begin(continuation, with: server, over: carrier, on: loop)
            }
        } onCancel: {
            exchange.finish(.failure(.cancelled))
        }
        return try result.get()
    }
}

/// One query under way, over once.
private final class DNSExchange: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Result<DNSMessage, DNSFailure>, Never>?
        var channel: (any Channel)?
        var isOver = false
        var strayCount = 0
    }

    private let query: DNSQuery
    private let state = Mutex(State())

    init(_ query: DNSQuery) { self.query = query }

    func begin(
        _ continuation: CheckedContinuation<Result<DNSMessage, DNSFailure>, Never>,
        with server: SocketAddress,
        over carrier: DNSCarrier,
        on loop: any EventLoop
    ) {
        let isOver = state.withLock { state in
            if !state.isOver { state.continuation = continuation }
            return state.isOver
        }
        guard !isOver else {
            continuation.resume(returning: .failure(.cancelled))
            return
        }
        let connected =
            switch carrier {
            case .udp: datagram(to: server, on: loop)
            case .tcp: stream(to: server, on: loop)
            }
        connected.whenFailure { self.finish(.failure(.unreachable("\($0)"))) }
    }

    func finish(_ result: Result<DNSMessage, DNSFailure>) {
        let (continuation, channel) = state.withLock { state in
            defer { state = State(isOver: true) }
            return (state.continuation, state.channel)
        }
        channel?.close(promise: nil)
        continuation?.resume(returning: result)
    }

    /// A message arrived.
    func receive(_ buffer: ByteBuffer) {
        if let message = query.answer(in: Array(buffer.readableBytesView)) {
            finish(.success(message))
            return
        }
        let isTooMany = state.withLock { state in
            state.strayCount += 1
            return state.strayCount > SocketDNSTransport.tolerance
        }
        if isTooMany { finish(.failure(.mistrusted)) }
    }

    private func datagram(to server: SocketAddress, on loop: any EventLoop) -> EventLoopFuture<Void> {
        DatagramBootstrap(group: loop)
            .channelInitializer { self.open($0, DatagramReply(self, from: server)) }
            .connect(to: server)
            .flatMap { channel in
                let data = ByteBuffer(bytes: self.query.bytes)
                return channel.writeAndFlush(AddressedEnvelope(remoteAddress: server, data: data))
            }
    }

    private func stream(to server: SocketAddress, on loop: any EventLoop) -> EventLoopFuture<Void> {
        ClientBootstrap(group: loop)
            .channelInitializer { self.open($0, StreamReply(self)) }
            .connect(to: server)
            .flatMap { channel in
                // RFC 7766 section 8: length and message leave together.
                let bytes = self.query.bytes
                var buffer = ByteBuffer(integer: UInt16(bytes.count))
                buffer.writeBytes(bytes)
                return channel.writeAndFlush(buffer)
            }
    }

    /// Holds the channel before it connects, so that a connection that does not come about can be called off.
    private func open(
        _ channel: any Channel, _ handler: @autoclosure @escaping @Sendable () -> some ChannelHandler
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let isOver = state.withLock { state in
                if !state.isOver { state.channel = channel }
                return state.isOver
            }
            if isOver { throw DNSFailure.cancelled }
            try channel.pipeline.syncOperations.addHandler(handler())
        }
    }
}

private final class DatagramReply: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let exchange: DNSExchange
    private let server: SocketAddress

    init(_ exchange: DNSExchange, from server: SocketAddress) {
        self.exchange = exchange
        self.server = server
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard envelope.remoteAddress == server else { return }
        exchange.receive(envelope.data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        exchange.finish(.failure(.unreachable("\(error)")))
    }

    func channelInactive(context: ChannelHandlerContext) {
        exchange.finish(.failure(.unreachable("the socket was closed")))
    }
}

private final class StreamReply: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let exchange: DNSExchange
    /// Less than one message, which 16 bits bound.
    private var received = ByteBuffer()

    init(_ exchange: DNSExchange) { self.exchange = exchange }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.writeImmutableBuffer(unwrapInboundIn(data))
        while let message = received.readLengthPrefixedSlice(as: UInt16.self) { exchange.receive(message) }
        received.discardReadBytes()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        exchange.finish(.failure(.unreachable("\(error)")))
    }

    func channelInactive(context: ChannelHandlerContext) {
        exchange.finish(.failure(.unreachable("the server closed the connection")))
    }
}
