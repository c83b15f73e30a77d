import HTTPTypes
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The listening sockets of a server: one for each address and event loop, so that the kernel spreads the connections
/// and no connection changes its thread.
final class Acceptor: Sendable {
    private let workers: [ServerWorker]
    private let census: ConnectionCensus
    private let backlog: Int
    private let sockets = Mutex<[[Socket]]>([])

    private struct Socket {
        let channel: any Channel
        /// Whether it outlives ``stopAccepting()``.
        let isDatagram: Bool
    }

    init(workers: [ServerWorker], census: ConnectionCensus, backlog: Int) {
        self.workers = workers
        self.census = census
        self.backlog = backlog
    }

    /// One address for each listener.
    var addresses: [SocketAddress] {
        sockets.withLock { $0.compactMap { $0.first?.channel.localAddress } }
    }

    func listen(_ listener: Listener) async throws {
        sockets.withLock { $0.append([]) }
        if case .datagrams(let handler) = listener.use {
            try await listen(for: handler, on: listener)
            return
        }
        switch listener.address {
        case .unix(let path):
            // A path has one socket; its connections go to the loops in turn.
            let bootstrap = bootstrap(listener, acceptingOn: workers[0], spreading: true)
            keep(try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get())
        case .host(let host, let port):
            // The first socket is bound without SO_REUSEPORT: with it, a port would be shared silently with another
            // server of this user, and port 0 could even choose such a port. It opens to its siblings once the port is
            // its own.
            let bootstrap = bootstrap(listener, acceptingOn: workers[0], spreading: false)
            let first = try await bootstrap.bind(host: host, port: port).get()
            keep(first)
            guard workers.count > 1 else { return }
            try await first.setOption(Self.reusePort, value: 1).get()
            let port = first.localAddress?.port ?? port
            for worker in workers.dropFirst() {
                let bootstrap = self.bootstrap(listener, acceptingOn: worker, spreading: false)
                    .serverChannelOption(Self.reusePort, value: 1)
                keep(try await bootstrap.bind(host: host, port: port).get())
            }
        }
    }

    /// The same for datagrams: the sockets share the port, and the kernel keeps each client with one of them.
    private func listen(for handler: any DatagramHandler, on listener: Listener) async throws {
        guard case .host(let host, let port) = listener.address else { return }
        let count = SessionCount()
        let bootstraps = workers.map { datagramBootstrap(handler, $0, count) }
        let first = try await bootstraps[0].bind(host: host, port: port).get()
        keep(first, isDatagram: true)
        guard workers.count > 1 else { return }
        try await first.setOption(Self.reusePort, value: 1).get()
        for bootstrap in bootstraps.dropFirst() {
            let bootstrap = bootstrap.channelOption(Self.reusePort, value: 1)
            keep(try await bootstrap.bind(host: host, port: first.localAddress?.port ?? port).get(), isDatagram: true)
        }
    }

    private func datagramBootstrap(
        _ handler: any DatagramHandler, _ server: ServerWorker, _ count: SessionCount
    ) -> DatagramBootstrap {
        DatagramBootstrap(group: server.worker.eventLoop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65_536))
            .channelOption(.maxMessagesPerRead, value: 16)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let socket = DatagramSocket(handler, server: server, count: count) { address in
                        Self.reopen(self, handler, server, count, at: address)
                    }
                    try channel.pipeline.syncOperations.addHandler(socket)
                }
            }
    }

    /// Opens the socket of one loop anew, and tries again every second while that is not possible.
    private static func reopen(
        _ acceptor: Acceptor, _ handler: any DatagramHandler, _ server: ServerWorker, _ count: SessionCount,
        at address: SocketAddress
    ) {
        guard !server.isDraining else { return }
        let bootstrap = acceptor.datagramBootstrap(handler, server, count).channelOption(reusePort, value: 1)
        bootstrap.bind(to: address).assumeIsolated().whenFailure { _ in
            server.worker.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
                reopen(acceptor, handler, server, count, at: address)
            }
        }
    }

    /// Stops accepting connections. Sockets of datagrams stay, since their sessions answer through them: each closes with
    /// its last session.
    func stopAccepting() async { await close { !$0.isDatagram } }

    /// Closes every socket.
    func close() async { await close { _ in true } }

    private func close(_ isMeant: (Socket) -> Bool) async {
        let open = sockets.withLock { sockets in
            defer { sockets = [] }
            return sockets.flatMap { $0 }.filter(isMeant)
        }
        for socket in open { try? await socket.channel.close().get() }
    }

    private func keep(_ channel: any Channel, isDatagram: Bool = false) {
        sockets.withLock { $0[$0.count - 1].append(Socket(channel: channel, isDatagram: isDatagram)) }
    }

    private static var reusePort: ChannelOptions.Types.SocketOption {
        .socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT))
    }

    /// - Parameter spreading: whether the connections go to all loops in turn, or stay on the one that accepts them.
    private func bootstrap(
        _ listener: Listener, acceptingOn worker: ServerWorker, spreading: Bool
    ) -> ServerBootstrap {
        let group: any EventLoopGroup = worker.worker.eventLoop
        let bootstrap = ServerBootstrap(group: group, childGroup: spreading ? worker.runtime.workers.group : group)
            .serverChannelOption(.backlog, value: Int32(clamping: backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(logger: worker.runtime.logger))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel, listener) }
            }
        if case .connections = listener.use {
            return
                bootstrap
                .childChannelOption(.recvAllocator, value: ChannelWire.streamAllocator)
                .childChannelOption(.writeBufferWaterMark, value: ChannelWire.streamWaterMark)
        }
        return bootstrap.childChannelOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 262_144))
    }

    private func refuse(
        _ connection: ServerConnection,
        over wire: ChannelWire,
        _ channel: any Channel,
        _ status: HTTPResponse.Status,
        _ limit: ConnectionRefusal
    ) {
        guard census.admitRefusal() else {
            ServerMetric.connectionsRefused[limit].increment()
            wire.reset()
            return
        }
        channel.closeFuture.assumeIsolated().whenComplete { [census] _ in census.leaveRefusal() }
        connection.refuse(status, limit)
    }

    private func accept(_ channel: any Channel, _ listener: Listener) throws {
        guard let server = workers.first(where: { $0.worker.eventLoop === channel.eventLoop }) else { return }
        ServerMetric.connectionsAccepted.increment()
        let address = channel.remoteAddress
        let wire = ChannelWire(on: server.worker)
        try channel.pipeline.syncOperations.addHandler(wire)
        let peer = Peer(remote: address?.port == nil ? nil : address, local: channel.localAddress)
        guard let policy = listener.proxyProtocol else {
            serve(wire, channel, server, peer, listener)
            return
        }
        let gate = ProxyProtocolGate(wire, on: server.worker, peer: peer, policy: policy, logger: server.runtime.logger)
        {
            [self] peer in serve(wire, channel, server, peer, listener)
        }
        wire.start(gate)
        gate.start()
    }

    /// Gives a connection to who takes it, unless a limit is reached. What is returned has its events.
    @discardableResult
    private func serve(
        _ wire: ChannelWire, _ channel: any Channel, _ server: ServerWorker, _ peer: Peer, _ listener: Listener
    ) -> (any WireHandler)? {
        // It may have waited for a PROXY protocol header while the server began to drain.
        guard !server.isDraining else {
            wire.reset()
            return nil
        }
        let verdict = census.admit(peer.remote)
        if verdict == .admitted {
            ServerMetric.connectionsActive.increment()
            channel.closeFuture.assumeIsolated().whenComplete { [census] _ in
                census.leave(peer.remote)
                ServerMetric.connectionsActive.decrement()
            }
        }
        guard case .connections(let handler) = listener.use else {
            return serve(ServerConnection(wire, server: server, peer: peer), wire, channel, verdict)
        }
        guard verdict == .admitted else {
            // Nothing can be said in a protocol that is not known.
            ServerMetric.connectionsRefused[verdict == .serverFull ? .total : .address].increment()
            wire.reset()
            return nil
        }
        let bytes = RawConnection(wire, server: server, peer: peer, handler: handler).start()
        wire.start(bytes)
        return bytes
    }

    private func serve(
        _ connection: ServerConnection, _ wire: ChannelWire, _ channel: any Channel, _ verdict: ConnectionCensus.Verdict
    ) -> ServerConnection {
        wire.start(connection)
        switch verdict {
        case .admitted: connection.start()
        case .serverFull: refuse(connection, over: wire, channel, .serviceUnavailable, .total)
        case .addressFull: refuse(connection, over: wire, channel, .tooManyRequests, .address)
        }
        return connection
    }
}
