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
    private let channels = Mutex<[[any Channel]]>([])

    init(workers: [ServerWorker], census: ConnectionCensus, backlog: Int) {
        self.workers = workers
        self.census = census
        self.backlog = backlog
    }

    /// One address for each listener.
    var addresses: [SocketAddress] {
        channels.withLock { $0.compactMap { $0.first?.localAddress } }
    }

    func listen(_ listener: Listener) async throws {
        channels.withLock { $0.append([]) }
        switch listener.address {
        case .unix(let path):
            // A path has one socket; its connections go to the loops in turn.
            let bootstrap = bootstrap(acceptingOn: workers[0], spreading: true)
            keep(try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get())
        case .host(let host, let port):
            // The first socket is bound without SO_REUSEPORT: with it, a port would be shared silently with another
            // server of this user, and port 0 could even choose such a port. It opens to its siblings once the port is
            // its own.
            let first = try await bootstrap(acceptingOn: workers[0], spreading: false).bind(host: host, port: port)
                .get()
            keep(first)
            guard workers.count > 1 else { return }
            try await first.setOption(Self.reusePort, value: 1).get()
            let port = first.localAddress?.port ?? port
            for worker in workers.dropFirst() {
                let bootstrap = bootstrap(acceptingOn: worker, spreading: false)
                    .serverChannelOption(Self.reusePort, value: 1)
                keep(try await bootstrap.bind(host: host, port: port).get())
            }
        }
    }

    func close() async {
        let open = channels.withLock { channels in
            defer { channels = [] }
            return channels.flatMap { $0 }
        }
        for channel in open { try? await channel.close().get() }
    }

    private func keep(_ channel: any Channel) {
        channels.withLock { $0[$0.count - 1].append(channel) }
    }

    private static var reusePort: ChannelOptions.Types.SocketOption {
        .socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT))
    }

    /// - Parameter spreading: whether the connections go to all loops in turn, or stay on the one that accepts them.
    private func bootstrap(acceptingOn worker: ServerWorker, spreading: Bool) -> ServerBootstrap {
        let group: any EventLoopGroup = worker.worker.eventLoop
        return ServerBootstrap(group: group, childGroup: spreading ? worker.runtime.workers.group : group)
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
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 262_144)
            )
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try accept(channel) }
            }
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

    private func accept(_ channel: any Channel) throws {
        guard let server = workers.first(where: { $0.worker.eventLoop === channel.eventLoop }) else { return }
        ServerMetric.connectionsAccepted.increment()
        let address = channel.remoteAddress
        let wire = ChannelWire(on: server.worker)
        try channel.pipeline.syncOperations.addHandler(wire)
        let peer = Peer(remote: address?.port == nil ? nil : address, local: channel.localAddress)
        let connection = ServerConnection(wire, server: server, peer: peer)
        wire.start(connection)
        switch census.admit(address) {
        case .admitted:
            ServerMetric.connectionsActive.increment()
            channel.closeFuture.assumeIsolated().whenComplete { [census] _ in
                census.leave(address)
                ServerMetric.connectionsActive.decrement()
            }
            connection.start()
        case .serverFull:
            refuse(connection, over: wire, channel, .serviceUnavailable, .total)
        case .addressFull:
            refuse(connection, over: wire, channel, .tooManyRequests, .address)
        }
    }
}
