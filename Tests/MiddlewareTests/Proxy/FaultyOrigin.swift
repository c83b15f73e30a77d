import Middleware
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

/// An origin on a real socket that fails as the path of a request says.
///
/// ```swift
/// try await FaultyOrigin.run { origin in
///     // GET /breaksOff gets half a body
///     try await withServer(ReverseProxy(to: origin.endpoint)) { … }
/// }
/// ```
final class FaultyOrigin: Sendable {
    /// What it does with a request once it has the head.
    enum Fault: String, CaseIterable, Sendable {
        /// It answers `ok`.
        case none
        /// It closes without an answer.
        case closes
        /// It resets without an answer.
        case resets
        /// It never answers.
        case hangs
        /// It never answers and takes no more bytes.
        case stalls
        /// It sends something else than an answer, and closes.
        case babbles
        /// It sends `half` of 100 bytes, and closes.
        case breaksOff
        /// It sends `half` of 100 bytes, and resets.
        case resetsInBody
        /// It sends `half` of 100 bytes, and nothing more.
        case hangsInBody

        /// Whether the exchange comes to no end unless somebody leaves.
        var isEndless: Bool { self == .hangs || self == .stalls || self == .hangsInBody }

        /// Whether half an answer comes.
        var hasHalf: Bool { self == .breaksOff || self == .resetsInBody || self == .hangsInBody }
    }

    private let listener: any Channel
    private let seen: Seen

    var port: Int { listener.localAddress?.port ?? 0 }
    var endpoint: Endpoint { Endpoint("127.0.0.1:\(port)") }

    /// Whether a request with that target has come.
    func hasSeen(_ target: String) -> Bool { seen.targets.withLock { $0.contains(target) } }

    /// The connections that are open.
    var openConnections: Int { seen.channels.withLock { $0.count } }

    /// Closes every connection that is open.
    func closeConnections() async {
        for channel in seen.channels.withLock({ Array($0.values) }) { try? await channel.close() }
    }

    /// Runs one on a port that the system chooses while `body` runs.
    static func run<Value>(_ body: (FaultyOrigin) async throws -> Value) async throws -> Value {
        let seen = Seen()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Visitor(seen))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let origin = FaultyOrigin(listener, seen)
        let result: Result<Value, any Error>
        do { result = .success(try await body(origin)) } catch { result = .failure(error) }
        try? await listener.close()
        await origin.closeConnections()
        return try result.get()
    }

    private init(_ listener: any Channel, _ seen: Seen) {
        self.listener = listener
        self.seen = seen
    }

    /// What has come, over all connections.
    private final class Seen: Sendable {
        let targets = Mutex<Set<String>>([])
        let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
    }

    /// One connection.
    private final class Visitor: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let seen: Seen
        private var head = ""
        private var isOver = false

        init(_ seen: Seen) { self.seen = seen }

        func channelActive(context: ChannelHandlerContext) {
            let channel = context.channel
            seen.channels.withLock { $0[ObjectIdentifier(channel)] = channel }
        }

        func channelInactive(context: ChannelHandlerContext) {
            let id = ObjectIdentifier(context.channel)
            seen.channels.withLock { $0[id] = nil }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !isOver else { return }
            head += String(buffer: unwrapInboundIn(data))
            guard head.contains("\r\n\r\n") else { return }
            let target = head.split(separator: " ").dropFirst().first.map(String.init) ?? ""
            let name = target.dropFirst().prefix { $0 != "?" }
            head = ""
            act(Fault(rawValue: String(name)) ?? .none, context)
            _ = seen.targets.withLock { $0.insert(target) }
        }

        private func act(_ fault: Fault, _ context: ChannelHandlerContext) {
            isOver = fault != .none
            switch fault {
            case .none: send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", context)
            case .babbles: send("SSH-2.0-babble\r\n", context)
            case _ where fault.hasHalf: send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", context)
            default: break
            }
            switch fault {
            case .none, .hangs, .hangsInBody: break
            case .stalls: _ = context.channel.setOption(.autoRead, value: false)
            case .closes, .babbles, .breaksOff: context.close(promise: nil)
            case .resets, .resetsInBody:
                // A linger time of zero makes the kernel send RST instead of FIN.
                let channel = context.channel
                let provider = channel as? any SocketOptionProvider
                provider?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
            }
        }

        private func send(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        typealias OutboundOut = ByteBuffer
    }
}
