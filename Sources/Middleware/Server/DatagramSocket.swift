import Logging
import NIOCore
import Synchronization

/// The socket of a UDP listener on one event loop, and the sessions of its clients.
///
/// Unchecked because it is touched on its worker's loop only.
final class DatagramSocket: ChannelInboundHandler, ServedConnection, @unchecked Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let server: ServerWorker
    private let handler: any DatagramHandler
    private let limits: DatagramLimits
    private let count: SessionCount
    private let reopen: (SocketAddress) -> Void
    private var address: SocketAddress?
    private var outbox: DatagramOutbox?
    private var sessions: [SocketAddress: ServedSession] = [:]
    /// Those that got something in this batch.
    private var touched: [ServedSession] = []
    /// For filters: made once, since a flood asks them once for each datagram.
    private lazy var question = RequestContext(
        runtime: server.runtime, worker: server.worker, peer: Peer(), watchesTask: false)
    private var isDraining = false
    private var isClosing = false
    private var isInEvent = false

    /// - Parameter reopen: called with the address of a socket that was lost while it should be open.
    init(
        _ handler: any DatagramHandler, server: ServerWorker, count: SessionCount,
        reopen: @escaping (SocketAddress) -> Void
    ) {
        self.reopen = reopen
        self.handler = handler
        self.server = server
        self.count = count
        limits = handler.limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        outbox = DatagramOutbox(context.channel) { DatagramMetric.dropped[.socket].increment() }
        server.add(self)
    }

    func channelActive(context: ChannelHandlerContext) { address = context.channel.localAddress }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isInEvent {
            isInEvent = true
            server.worker.executor.beginEvent()
        }
        let envelope = unwrapInboundIn(data)
        guard let session = sessions[envelope.remoteAddress] ?? begin(with: envelope.remoteAddress, context) else {
            return
        }
        if !session.isTouched {
            session.isTouched = true
            touched.append(session)
        }
        session.session?.received(envelope.data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        for session in touched {
            session.isTouched = false
            session.session?.receivedAll()
        }
        touched.removeAll(keepingCapacity: true)
        guard isInEvent else { return }
        isInEvent = false
        server.worker.executor.endEvent()
    }

    /// A client is gone whose port is closed now; its session ends in time. Nothing can be known of which it was.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.runtime.logger.debug("a UDP listener met an error", metadata: ["error": "\(error)"])
    }

    func channelInactive(context: ChannelHandlerContext) {
        for session in sessions.values { session.abort() }
        server.remove(self)
        // SwiftNIO closes a socket on errors of the network that pass (an interface that went away, a firewall).
        guard !isClosing, !server.isDraining, let address else { return }
        DatagramMetric.lost.increment()
        server.runtime.logger.error(
            "a UDP listener lost its socket and opens another", metadata: ["address": "\(address)"])
        reopen(address)
    }

    private func begin(with client: SocketAddress, _ context: ChannelHandlerContext) -> ServedSession? {
        // Nobody can be answered there; an attempt would cost the socket.
        guard let port = client.port, port > 0 else {
            DatagramMetric.dropped[.refused].increment()
            return nil
        }
        let peer = Peer(remote: client, local: context.channel.localAddress)
        guard !isDraining, count.enter(limit: limits.sessions) else {
            DatagramMetric.dropped[.sessions].increment()
            return nil
        }
        question.peer = peer
        guard let permit = handler.admit(question), let outbox else {
            count.leave()
            DatagramMetric.dropped[.refused].increment()
            return nil
        }
        let session = ServedSession(peer, of: self, through: outbox, permit)
        sessions[client] = session
        DatagramMetric.sessions.increment()
        DatagramMetric.active.increment()
        session.start(handler, limits, server)
        return session
    }

    fileprivate func ended(_ client: SocketAddress?) {
        guard let client, sessions.removeValue(forKey: client) != nil else { return }
        count.leave()
        DatagramMetric.active.decrement()
        if isDraining, sessions.isEmpty { close() }
    }

    private func close() {
        isClosing = true
        outbox?.close()
    }

    // MARK: ServedConnection

    /// Takes no new sessions; those that there are go on until they have been silent for a moment.
    func drain() {
        isDraining = true
        for session in sessions.values { session.session?.drain() }
        if sessions.isEmpty { close() }
    }

    func abort() {
        for session in sessions.values { session.abort() }
        close()
    }
}

/// The number of sessions of one listener, over all event loops.
final class SessionCount: Sendable {
    private let value = Atomic<Int>(0)

    func enter(limit: Int) -> Bool {
        guard value.add(1, ordering: .relaxed).newValue <= limit else {
            leave()
            return false
        }
        return true
    }

    func leave() { value.subtract(1, ordering: .relaxed) }
}

/// One session, the task that serves it and its way out. On its loop only.
private final class ServedSession: DatagramLine, @unchecked Sendable {
    private let peer: Peer
    private weak var socket: DatagramSocket?
    private let outbox: DatagramOutbox
    private var permit: ConnectionPermit?
    private var task: Task<Void, Never>?
    private(set) var session: DatagramSession?
    var isTouched = false

    init(_ peer: Peer, of socket: DatagramSocket, through outbox: DatagramOutbox, _ permit: ConnectionPermit) {
        self.peer = peer
        self.socket = socket
        self.outbox = outbox
        self.permit = permit
    }

    func start(_ handler: any DatagramHandler, _ limits: DatagramLimits, _ server: ServerWorker) {
        let session = DatagramSession(self, limits: limits, on: server.worker)
        self.session = session
        session.start()
        task = Task(executorPreference: server.worker.executor) {
            await self.run(session, handler, server)
        }
    }

    private func run(_ session: DatagramSession, _ handler: any DatagramHandler, _ server: ServerWorker) async {
        let context = RequestContext(
            runtime: server.runtime, worker: server.worker, peer: peer, watchesTask: true)
        do {
            try await handler.handle(session, context: context)
            session.finish(.success(()))
        } catch {
            // A datagram costs a client nothing, so it must not cost a line.
            context.logger.debug(
                "a UDP session was broken off",
                metadata: ["error": "\(error)", "client": "\(peer.remote?.description ?? "local")"]
            )
            session.finish(.failure(error))
        }
    }

    func abort() { session?.finish(.failure(CancellationError())) }

    // MARK: DatagramLine

    func write(_ bytes: ByteBuffer) {
        guard let remote = peer.remote else { return }
        outbox.write(bytes, to: remote)
    }

    func flush() { outbox.flush() }

    func dropped() { DatagramMetric.dropped[.queue].increment() }

    func ended() {
        session = nil
        permit = nil
        task?.cancel()
        task = nil
        socket?.ended(peer.remote)
    }
}
