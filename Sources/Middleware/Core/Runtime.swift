public import Logging
public import NIOCore
public import NIOPosix

/// Where time, chance, sockets, names and logs come from.
///
/// `Server` puts the real one into every context; `TestClient` puts one with manual time, seeded randomness and
/// scripted origins there. So a gateway needs no change to be tested: it is the very object that runs in production.
///
/// Connection pools belong to a runtime (one for each event loop and endpoint), so they outlive a handler that is
/// swapped.
///
/// ```swift
/// let runtime = Runtime(logger: Logger(label: "edge"))
/// let response = try await gateway.handle(Request(.get, "/"), context: RequestContext(runtime: runtime))
/// ```
public struct Runtime: Sendable {
    /// The clock. Setting it gives the runtime event-loop state of its own, without the pools it had.
    public var time: any TimeSource {
        get { workers.time }
        set { workers = Workers(group: workers.group, time: newValue) }
    }

    /// The logger that contexts start from.
    public var logger: Logger

    /// Where chance comes from.
    public var randomness: any Randomness

    /// What opens connections to origins.
    package var dialer: any Dialer

    /// What is kept for each event loop.
    package private(set) var workers: Workers

    /// A runtime on real sockets.
    ///
    /// - Parameters:
    ///   - time: the clock; the system's unless given.
    ///   - logger: the logger that contexts start from.
    ///   - randomness: the source of chance; the system's generator unless given.
    ///   - group: the event loops; NIO's shared group unless given. Every loop must belong to it.
    public init(
        time: any TimeSource = SystemTime(),
        logger: Logger = Logger(label: "middleware"),
        randomness: any Randomness = SystemRandomness(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.logger = logger
        self.randomness = randomness
        self.dialer = SocketDialer()
        self.workers = Workers(group: group, time: time)
    }

    /// The same with connections to origins opened by `dialer`.
    package init(
        time: any TimeSource,
        logger: Logger,
        randomness: any Randomness,
        group: any EventLoopGroup,
        dialer: any Dialer
    ) {
        self.init(time: time, logger: logger, randomness: randomness, group: group)
        self.dialer = dialer
    }
}
