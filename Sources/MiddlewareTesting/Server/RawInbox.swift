import NIOCore

/// What a ``RawClient`` has received and not read. The last handler of its channel; on the channel's loop only.
final class RawInbox: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// How the other side ended.
    struct End {
        var cause: (any Error)?
    }

    /// Takes what it wants of the bytes; `true` when it needs no more.
    typealias Read = (inout ByteBuffer, End?) -> Bool

    private var bytes = ByteBuffer()
    private var end: End?
    private var reads: [Read] = []
    private var watchers: [((any Error)?) -> Void] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        bytes.writeBuffer(&part)
        serve()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { ended(nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ended(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { ended(nil) }

    /// Serves a read now or when there is enough.
    func read(_ read: @escaping Read) {
        reads.append(read)
        serve()
    }

    func whenEnded(_ action: @escaping ((any Error)?) -> Void) {
        if let end { action(end.cause) } else { watchers.append(action) }
    }

    private func serve() {
        while let first = reads.first {
            guard first(&bytes, end) else { return }
            reads.removeFirst()
        }
    }

    private func ended(_ cause: (any Error)?) {
        guard end == nil else { return }
        end = End(cause: cause)
        serve()
        let watchers = watchers
        self.watchers = []
        for watcher in watchers { watcher(cause) }
    }
}
