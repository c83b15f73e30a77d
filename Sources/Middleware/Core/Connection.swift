public import NIOCore

/// A raw two-way byte stream: an upgraded HTTP exchange, or an accepted connection of another protocol.
///
/// Not copyable: it has one owner, who splits it with ``halves()`` or joins it to another with ``relay(with:idle:)``.
/// Dropping it closes it, once what was written has left or 30 seconds have passed.
///
/// Reads and writes keep to no deadline of a context: they end with the connection, with the cancellation of their
/// task, and with the limit that ``relay(with:idle:)`` is given.
public struct Connection: ~Copyable {
    /// The bytes that come in. One reader.
    public final class Inbound: Sendable {
        private let owner: Owner

        init(_ owner: Owner) { self.owner = owner }

        var bytes: ConnectionBytes { owner.bytes }

        /// The next bytes; `nil` when the far side sends no more. Not reading is back-pressure.
        public nonisolated(nonsending) func read() async throws -> ByteBuffer? { try await bytes.read() }
    }

    /// The bytes that go out. One writer.
    public final class Outbound: Sendable {
        private let owner: Owner

        init(_ owner: Owner) { self.owner = owner }

        var bytes: ConnectionBytes { owner.bytes }

        /// Sends bytes, and waits while the far side takes them more slowly than they come.
        public nonisolated(nonsending) func write(_ buffer: ByteBuffer) async throws { try await bytes.write(buffer) }

        /// Sends no more; the far side sees the end.
        public func finish() { bytes.finish() }
    }

    /// Closes the connection when the last of those who use it lets go.
    final class Owner: Sendable {
        let bytes: ConnectionBytes

        init(_ bytes: ConnectionBytes) { self.bytes = bytes }

        deinit { bytes.letGo() }
    }

    let owner: Owner

    package init(_ bytes: ConnectionBytes) { owner = Owner(bytes) }

    /// The two directions, to be used at the same time. The connection closes when both are finished or dropped.
    public consuming func halves() -> (Inbound, Outbound) {
        (Inbound(owner), Outbound(owner))
    }

    /// Closes both directions at once, so that the far side sees a reset and not an orderly end.
    public consuming func reset() { owner.bytes.reset() }

    /// Copies bytes both ways until both sides have ended, one of them fails, or neither has sent anything for `idle`.
    /// The end of one direction is passed on, and the other goes on; a failure of one side resets the other.
    ///
    /// Not reading on one side holds the other back. Connections of one event loop are joined without a task in between:
    /// as cheap as copying gets.
    ///
    /// Throws ``DeadlineExceeded`` when it was idle for too long, and what either side throws.
    public nonisolated(nonsending) consuming func relay(with other: consuming Connection, idle: Duration) async throws {
        try await relay(with: other, idle: idle, counting: RelayCounters())
    }

    /// The same, counting what moves. Connections of two loops are not counted.
    package nonisolated(nonsending) consuming func relay(
        with other: consuming Connection, idle: Duration, counting counters: RelayCounters
    ) async throws {
        let (one, other) = (owner, other.owner)
        // Their last references, and with them the connections, go when the relay is over.
        defer { withExtendedLifetime((one, other)) {} }
        guard ConnectionRelay.canJoin(one.bytes, other.bytes) else {
            try await ConnectionRelay.copy(
                (Inbound(one), Outbound(one)), (Inbound(other), Outbound(other)), idle: idle)
            return
        }
        try await ConnectionRelay(one.bytes, other.bytes, idle: idle, counting: counters).run()
    }

    // MARK: For those who look at the first bytes

    /// The next bytes; `nil` when the far side sends no more.
    package nonisolated(nonsending) func read() async throws -> ByteBuffer? { try await owner.bytes.read() }

    /// Puts bytes that were read in front of those that come, for whoever gets the connection next.
    package func unread(_ bytes: ByteBuffer) { owner.bytes.unread(bytes) }
}
