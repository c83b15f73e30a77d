import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The way of one session to its endpoint and back: a socket that is connected to it.
///
/// Unchecked because it is touched on its worker's loop only.
final class UDPFlow: ChannelInboundHandler, DatagramSink, @unchecked Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let session: DatagramSession
    private let worker: Worker
    private let counters: UDPCounters
    private let evidence: (Evidence, Int64) -> Void
    private var answersLeft: Int
    private var outbox: DatagramOutbox?
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var result: Result<Void, any Error>?
    private var hasAnswered = false
    /// Whether it has told anything of its endpoint.
    private(set) var hasEvidence = false
    private var firstSent = Int64.max
    private var isInEvent = false

    /// - Parameters:
    ///   - answers: after how many of them it is over.
    ///   - evidence: told of the first answer, and of an endpoint that does not listen.
    init(
        to session: DatagramSession,
        on worker: Worker,
        answers: Int,
        counters: UDPCounters,
        evidence: @escaping (Evidence, Int64) -> Void
    ) {
        self.session = session
        self.worker = worker
        answersLeft = answers
        self.counters = counters
        self.evidence = evidence
    }

    /// Returns when the session is over; throws what the socket met.
    func run(to address: SocketAddress) async throws {
        let channel = try await DatagramBootstrap(group: worker.eventLoop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65_536))
            .channelOption(.maxMessagesPerRead, value: 16)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(self) }
            }
            .connect(to: address).get()
        defer { channel.close(promise: nil) }
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                worker.perform { self.start(continuation, channel) }
            }
        } onCancel: {
            worker.perform { self.finish(.failure(CancellationError())) }
        }
    }

    private func start(_ continuation: UnsafeContinuation<Void, any Error>, _ channel: any Channel) {
        self.continuation = continuation
        guard result == nil else {
            resume()
            return
        }
        outbox = DatagramOutbox(channel) { [counters] in counters.dropped.increment() }
        session.join(self)
    }

    private func finish(_ result: Result<Void, any Error>) {
        guard self.result == nil else { return }
        self.result = result
        outbox = nil
        resume()
    }

    private func resume() {
        guard let result, let continuation else { return }
        self.continuation = nil
        continuation.resume(with: result)
    }

    // MARK: From the client

    func received(_ bytes: ByteBuffer) {
        guard let outbox else { return }
        if firstSent == .max { firstSent = worker.eventNow }
        counters.inward.increment()
        outbox.write(bytes)
    }

    func receivedAll() { outbox?.flush() }

    func ended(_ result: Result<Void, any Error>) { finish(result) }

    // MARK: From the endpoint

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isInEvent {
            isInEvent = true
            worker.executor.beginEvent()
        }
        guard result == nil else { return }
        if !hasAnswered {
            hasAnswered = true
            let now = worker.eventNow
            tell(.connected(nanoseconds: max(0, now - min(firstSent, now))), now)
        }
        counters.outward.increment()
        session.write(unwrapInboundIn(data).data)
        answersLeft -= 1
        if answersLeft == 0 { finish(.success(())) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        session.flush()
        guard isInEvent else { return }
        isInEvent = false
        worker.executor.endEvent()
    }

    /// ICMP: nobody listens there, or no way leads there. Other errors are this machine's own.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        worker.executor.beginEvent()
        if result == nil, (error as? IOError)?.saysNobodyIsThere ?? false { tell(.notConnected, worker.eventNow) }
        finish(.failure(error))
        worker.executor.endEvent()
    }

    private func tell(_ evidence: Evidence, _ now: Int64) {
        hasEvidence = true
        self.evidence(evidence, now)
    }

    func channelInactive(context: ChannelHandlerContext) { finish(.failure(ChannelError.ioOnClosedChannel)) }
}

extension IOError {
    /// What an ICMP message of the endpoint or of the way to it comes to.
    fileprivate var saysNobodyIsThere: Bool {
        [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN].contains(errnoCode)
    }
}
