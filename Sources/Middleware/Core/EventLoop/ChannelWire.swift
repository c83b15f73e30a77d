package import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A NIO channel as a ``Wire``. The last handler of its pipeline; touched on the channel's loop only.
///
/// It asks for each read itself: the channel's option `autoRead` is to be off.
package final class ChannelWire: ChannelInboundHandler, Wire {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// How connections that carry whatever passes are read: from small pieces, so that those that are quiet keep little
    /// memory, up to what moves bulk with few calls and stays in the processor's cache.
    static var streamAllocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 4096, maximum: 128 << 10)
    }

    /// Above one whole read, so that a read is only held back when the one before it has not left.
    static var streamWaterMark: ChannelOptions.Types.WriteBufferWaterMark {
        ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 160 << 10)
    }

    private let executor: LoopExecutor
    @exclusivity(unchecked) private var handler: (any WireHandler)?
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var isInEvent = false
    private var failure: (any Error)?
    private var hasEnded = false
    @exclusivity(unchecked) private var reads = true
    @exclusivity(unchecked) package private(set) var isWritable = true

    package init(on worker: Worker) { executor = worker.executor }

    /// Gives the events to `handler` from here on.
    package func start(_ handler: any WireHandler) {
        self.handler = handler
        // It may have ended before anybody listened.
        if hasEnded { end() }
    }

    package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        end()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isInEvent {
            isInEvent = true
            executor.beginEvent()
        }
        handler?.received(unwrapInboundIn(data))
    }

    package func channelActive(context: ChannelHandlerContext) { if reads { context.read() } }

    package func channelReadComplete(context: ChannelHandlerContext) {
        if isInEvent { handler?.receivedAll() }
        // What was received may have closed the channel, which has ended the event already.
        if isInEvent {
            isInEvent = false
            executor.endEvent()
        }
        if reads { context.read() }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        event { $0.writabilityChanged() }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            self.event { $0.inputClosed() }
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = failure ?? error
        context.close(promise: nil)
    }

    package func channelInactive(context: ChannelHandlerContext) { end() }

    private func end() {
        hasEnded = true
        guard let handler else { return }
        self.handler = nil
        executor.beginEvent()
        handler.closed(failure)
        executor.endEvent()
        if isInEvent {
            isInEvent = false
            executor.endEvent()
        }
    }

    private func event(_ body: (any WireHandler) -> Void) {
        guard let handler else { return }
        executor.beginEvent()
        body(handler)
        executor.endEvent()
    }

    // MARK: Wire

    package var bufferedBytes: Int {
        (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    package func write(_ bytes: ByteBuffer) {
        context?.write(wrapOutboundOut(bytes), promise: nil)
    }

    package func write(_ bytes: ByteBuffer, _ done: @escaping (Result<Void, any Error>) -> Void) {
        guard let context else {
            done(.failure(ChannelError.ioOnClosedChannel))
            return
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete(done)
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    package func send(_ bytes: ByteBuffer) {
        context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    package func flush() { context?.flush() }

    package func setReading(_ isReading: Bool) {
        guard reads != isReading else { return }
        reads = isReading
        if isReading, let context, context.channel.isActive { context.read() }
    }

    package func closeOutput() { context?.close(mode: .output, promise: nil) }

    package func close() { context?.close(promise: nil) }

    package func reset() {
        // A linger time of zero makes the kernel send RST instead of FIN.
        guard let context else { return }
        _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        context.close(promise: nil)
    }
}
