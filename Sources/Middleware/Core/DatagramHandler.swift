/// Takes the datagrams of one client after the other: what a UDP listener needs.
///
/// ```swift
/// struct Echo: DatagramHandler {
///     func handle(_ session: DatagramSession, context: RequestContext) async throws {
///         while let bytes = try await session.receive() { session.send(bytes) }
///     }
/// }
/// Server(gateway, listeners: [.http(port: 8080), .udp(port: 7) { Echo() }])
/// ```
///
/// UDP has no connections: a session is what one client address and port sends to one address of this server, until it
/// has been silent for ``DatagramLimits/idleTimeout``. Nothing waits for anybody: what comes faster than it is taken is
/// dropped and counted.
///
/// One value serves every session of every event loop at once; a call runs on its session's loop.
public protocol DatagramHandler: Sendable {
    /// What is inside. The type's name unless implemented.
    var blueprint: Blueprint { get }

    /// How much is taken from clients. The defaults unless implemented.
    var limits: DatagramLimits { get }

    /// Lets a new session in with a permit, which is held until it ends; `nil` drops the datagram. Everybody is let in
    /// unless implemented.
    func admit(_ context: RequestContext) -> ConnectionPermit?

    /// Serves one session. When it returns or throws the session is over; the next datagram of that client begins
    /// another.
    nonisolated(nonsending) func handle(_ session: DatagramSession, context: RequestContext) async throws
}

extension DatagramHandler {
    public var blueprint: Blueprint { Blueprint("\(Self.self)") }
    public var limits: DatagramLimits { DatagramLimits() }
    public func admit(_ context: RequestContext) -> ConnectionPermit? { .free }
}

/// How much a UDP listener takes from clients.
public struct DatagramLimits: Sendable, Hashable {
    /// Sessions at a time, over all event loops; datagrams of further clients are dropped. 16384 unless set: each has a
    /// socket of its own when it is proxied.
    public var sessions = 16384
    /// How long a session may be silent in both directions before it is over. 60 seconds unless set; UDP mappings of
    /// home routers last about as long (RFC 4787 section 4.3 wants 2 minutes at least).
    public var idleTimeout = Duration.seconds(60)
    /// The same for a client that has sent one datagram and no more: 10 seconds unless set. Addresses can be forged, and
    /// forged ones send one each; so a flood of them holds the places of sessions for this long and not for longer.
    public var firstIdleTimeout = Duration.seconds(10)
    /// Datagrams of one session that wait for its handler; further ones are dropped. 64 unless set.
    public var queuedDatagrams = 64

    public init() {}

    /// Notes the values that are out of range.
    package func check(_ blueprint: inout Blueprint) {
        blueprint.require(sessions > 0, "has limits of \(sessions) sessions", mend: "give 1 or more")
        blueprint.require(
            idleTimeout > .zero, "has sessions that end after \(idleTimeout) of silence", mend: "give more than zero")
        blueprint.require(
            firstIdleTimeout > .zero, "has first datagrams that are waited behind for \(firstIdleTimeout)",
            mend: "give more than zero")
        blueprint.require(
            queuedDatagrams > 0, "has limits of \(queuedDatagrams) queued datagrams", mend: "give 1 or more")
    }
}
