import ServiceLifecycle
public import UnixSignals

extension Server {
    /// How a server uses its machine, what it waits for and what it refuses.
    ///
    /// ```swift
    /// var configuration = Server.Configuration()
    /// configuration.threads = 4
    /// configuration.limits.connectionsPerAddress = 100
    /// configuration.timeouts.head = .seconds(5)
    /// ```
    ///
    /// Values out of range are not corrected: `run` refuses them together with the problems of the composition.
    public struct Configuration: Sendable {
        /// Event loops, each with a listening socket of its own; one for each core when 0, which it is unless set.
        /// Ignored when the server is given a runtime, whose loops it uses.
        public var threads = 0
        /// What is waited for, and for how long.
        public var timeouts = Timeouts()
        /// How much is taken from clients.
        public var limits = Limits()
        /// How long a drain waits for requests in flight, upgraded connections and spawned work before it breaks them
        /// off. 30 seconds unless set; zero breaks them off at once.
        public var drainTimeout = Duration.seconds(30)
        /// Whether a client may close its sending side behind a complete request and still read the answer. `false`
        /// unless set: then such a close counts as the client having gone, which ends the work for it.
        public var allowsHalfClose = false
        /// Connections that the kernel holds ready for each listening socket. 4096 unless set.
        public var backlog = 4096
        /// The signals that start a drain. SIGTERM and SIGINT unless set.
        public var shutdownSignals: [UnixSignal] = [.sigterm, .sigint]

        public init() {}
    }

    /// What a server waits for. Zero or less means no limit.
    public struct Timeouts: Sendable {
        /// From the first byte of a request to the end of its head; then 408. On a new connection from its start, and
        /// one that has sent nothing is closed without an answer. 10 seconds unless set.
        public var head = Duration.seconds(10)
        /// For the next bytes of a request's body while its handler waits for them; then 408. 30 seconds unless set.
        public var bodyIdle = Duration.seconds(30)
        /// For a whole request body, counted while its handler waits for it; then 408. No limit unless set.
        public var body = Duration.zero
        /// For the next request on a connection; then the connection closes. 75 seconds unless set.
        public var keepAlive = Duration.seconds(75)
        /// For a client to take any of the bytes that are ready for it; then the connection is reset, between one and
        /// two of these limits after it took the last of them. 30 seconds unless set.
        public var write = Duration.seconds(30)

        public init() {}
    }

    /// How much a server takes from clients.
    public struct Limits: Sendable {
        /// The bytes of a request line and its fields; then 431. 32 KiB unless set; at least 256.
        public var headBytes = 32 << 10
        /// The fields of a request; then 431. 100 unless set.
        public var fieldCount = 100
        /// The bytes of a request target; then 414. 8 KiB unless set.
        public var targetBytes = 8 << 10
        /// The bytes of a request's body; then 413, at once when its length is declared. No limit unless set: a route
        /// that needs one sets it.
        public var bodyBytes = Int.max
        /// The least bytes a second at which a body may come, measured over the time in which its handler waited, after
        /// the first ``Timeouts/bodyIdle``; then 408. 100 unless set; 0 is no limit.
        public var bodyBytesPerSecond = 100
        /// Open connections in all; then 503 and a close. 16384 unless set.
        public var connections = 16384
        /// Open connections of one client address, or of one IPv6 network of 64 bits; then 429 and a close. No limit
        /// unless set: many clients can share one.
        public var connectionsPerAddress = Int.max
        /// Requests on one connection before it closes. No limit unless set.
        public var requestsPerConnection = Int.max
        /// The bytes of a body that nobody read which are taken and thrown away to keep the connection; past it the
        /// connection closes behind the answer. 64 KiB unless set.
        public var discardedBodyBytes = 64 << 10

        public init() {}
    }
}

extension Server.Configuration {
    /// Notes the values that are out of range.
    func check(_ blueprint: inout Blueprint) {
        blueprint.require(threads >= 0, "has \(threads) threads", mend: "give 0 or more")
        blueprint.require(backlog > 0, "has a backlog of \(backlog)", mend: "give 1 or more")
        blueprint.require(
            limits.headBytes >= 256, "has limits.headBytes of \(limits.headBytes)", mend: "give 256 or more")
        blueprint.require(
            limits.fieldCount > 0, "has limits.fieldCount of \(limits.fieldCount)", mend: "give 1 or more")
        blueprint.require(
            limits.targetBytes > 0, "has limits.targetBytes of \(limits.targetBytes)", mend: "give 1 or more")
        blueprint.require(limits.bodyBytes >= 0, "has limits.bodyBytes of \(limits.bodyBytes)", mend: "give 0 or more")
        blueprint.require(
            limits.bodyBytesPerSecond >= 0,
            "has limits.bodyBytesPerSecond of \(limits.bodyBytesPerSecond)",
            mend: "give 0 or more"
        )
        blueprint.require(
            limits.connections > 0, "has limits.connections of \(limits.connections)", mend: "give 1 or more")
        blueprint.require(
            limits.connectionsPerAddress > 0,
            "has limits.connectionsPerAddress of \(limits.connectionsPerAddress)",
            mend: "give 1 or more"
        )
        blueprint.require(
            limits.requestsPerConnection > 0,
            "has limits.requestsPerConnection of \(limits.requestsPerConnection)",
            mend: "give 1 or more"
        )
        blueprint.require(
            limits.discardedBodyBytes >= 0,
            "has limits.discardedBodyBytes of \(limits.discardedBodyBytes)",
            mend: "give 0 or more"
        )
        blueprint.require(drainTimeout >= .zero, "has a drainTimeout of \(drainTimeout)", mend: "give zero or more")
    }
}
