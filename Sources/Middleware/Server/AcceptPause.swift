import Logging
import NIOCore

/// Stops accepting for a second when a connection cannot be taken: file descriptors or memory have run out.
///
/// In front of a listening socket's other handlers. Without it the loop would do nothing but try again: the connections
/// that wait make the socket readable for as long as they wait. (The pause that SwiftNIO brings waits for a read to be
/// asked for, which does not happen after an error.)
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// How long a pause is. Connections that end meanwhile make room.
    static let length = TimeAmount.seconds(1)

    private let logger: Logger
    /// Whether the last attempt failed: one line says so, until a connection was taken again.
    private var isFailing = false
    private var isPaused = false

    init(logger: Logger) { self.logger = logger }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isFailing = false
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else {
            context.fireErrorCaught(error)
            return
        }
        ServerMetric.acceptFailures.increment()
        if !isFailing {
            isFailing = true
            logger.error("cannot accept connections, trying again every second", metadata: ["error": "\(error)"])
        }
        guard !isPaused else { return }
        isPaused = true
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.length) {
            self.isPaused = false
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}
