import Middleware
import NIOCore

/// An origin that does what a test says, in memory.
///
/// ```swift
/// let origin = ScriptedUpstream { $0.answer(.ok, "fine") }
/// let flaky = ScriptedUpstream { exchange in
///     if exchange.number == 1 { exchange.reset() } else { exchange.answer(.ok, "fine") }
/// }
/// let client = TestClient(gateway, origins: [
///     "10.0.0.1:8080": origin,
///     "10.0.0.2:8080": flaky,
///     "10.0.0.3:8080": .refusing,
/// ])
/// ```
///
/// The gateway connects to it through its real pool and codec: only the socket is missing. Requests are read strictly;
/// one that breaks the protocol ends its connection and is in ``problems``.
///
/// The script runs for one request after the other on each connection, once the whole request has come unless told
/// otherwise, and with the event loop's clock. It is called for several connections at once. A script that ends without
/// an answer closes its connection; one that throws does too.
///
/// It speaks HTTP/1.1 in memory and nothing else: no TLS, and no upgrades. Safe to use from any thread.
public final class ScriptedUpstream: Sendable {
    /// What an origin does with a request.
    public typealias Script = nonisolated(nonsending) @Sendable (ScriptedExchange) async throws -> Void

    /// What becomes of attempts to connect.
    public enum Connects: Sendable {
        /// They succeed.
        case accepted
        /// They are refused.
        case refused
        /// They come to no end, as when a firewall drops the packets.
        case hanging
    }

    private struct State: Sendable {
        var connects: Connects
        var requests: [ScriptedRequest] = []
        var numbers = 0
        var attempts = 0
        var opened = 0
        var closed = 0
        var problems: [String] = []
        var connections: [Int: OriginConnection] = [:]
    }

    let script: Script
    let startsAtHead: Bool
    let pieceBytes: Int
    private let state: Watched<State>

    /// An origin with a script.
    ///
    /// - Parameters:
    ///   - connects: what becomes of attempts to connect; they succeed unless told otherwise.
    ///   - startsAtHead: whether the script starts as soon as the head of a request has come. It can then answer early,
    ///     and waits for the rest with ``ScriptedExchange/wholeRequest()``. `false` unless given.
    ///   - pieceBytes: the most bytes that arrive at once, in either direction; 1 cuts every message everywhere.
    ///   - script: what it does with each request.
    public init(
        connects: Connects = .accepted,
        startsAtHead: Bool = false,
        pieceBytes: Int = 16 << 10,
        _ script: @escaping Script
    ) {
        self.script = script
        self.startsAtHead = startsAtHead
        self.pieceBytes = pieceBytes
        state = Watched(State(connects: connects))
    }

    /// An origin that refuses connections.
    public static var refusing: ScriptedUpstream { ScriptedUpstream(connects: .refused) { $0.close() } }

    /// An origin to which no connection is ever completed.
    public static var hanging: ScriptedUpstream { ScriptedUpstream(connects: .hanging) { $0.close() } }

    /// What becomes of the next attempts to connect: an origin that goes down and comes back.
    public var connects: Connects {
        get { state.value.connects }
        set { state.change { $0.connects = newValue } }
    }

    // MARK: What happened

    /// The requests so far, in the order in which they were complete, or began when the script starts at the head.
    public var requests: [ScriptedRequest] { state.value.requests }

    /// The attempts to connect so far.
    public var connectionAttempts: Int { state.value.attempts }

    /// The connections that were opened so far.
    public var connectionsOpened: Int { state.value.opened }

    /// The connections of them that have ended, from whichever side.
    public var connectionsClosed: Int { state.value.closed }

    /// The connections that are open.
    public var openConnections: Int {
        let state = state.value
        return state.opened - state.closed
    }

    /// What the gateway did that breaks the protocol, and scripts that ended without an answer or threw. Empty in a
    /// test that passes.
    public var problems: [String] { state.value.problems }

    // MARK: Waiting

    /// Waits until at least so many requests have come, in all; returns early when the task is cancelled.
    ///
    /// The gateway's timers for an answer are running by then, so a test can move the clock.
    public func waitForRequests(_ count: Int = 1) async { await state.wait { $0.requests.count >= count } }

    /// Waits until at least so many attempts to connect were made, in all; returns early when the task is cancelled.
    public func waitForConnectionAttempts(_ count: Int = 1) async { await state.wait { $0.attempts >= count } }

    /// Waits until at least so many connections have ended, in all; returns early when the task is cancelled.
    public func waitForClosedConnections(_ count: Int = 1) async { await state.wait { $0.closed >= count } }

    /// Closes every connection that is open now, as an origin does with those that idle. The gateway sees it soon
    /// after.
    public func closeConnections() {
        for connection in state.value.connections.values { connection.closeSoon() }
    }

    // MARK: For the connections

    /// Closes the connections that are open from a loop.
    func closeConnections(on worker: Worker) {
        for connection in state.value.connections.values where connection.worker === worker { connection.closeSoon() }
    }

    /// Counts an attempt to connect, and says what becomes of it.
    func attempted() -> Connects {
        state.change {
            $0.attempts += 1
            return $0.connects
        }
    }

    func accept(_ wire: MemoryWire, on worker: Worker) {
        let number = state.change {
            $0.opened += 1
            return $0.opened
        }
        let connection = OriginConnection(wire, number: number, of: self, on: worker)
        state.change { $0.connections[number] = connection }
        wire.start(connection)
    }

    func ended(_ connection: OriginConnection) {
        state.change {
            $0.closed += 1
            $0.connections[connection.number] = nil
        }
    }

    /// The number of the next request.
    func nextNumber() -> Int {
        state.change {
            $0.numbers += 1
            return $0.numbers
        }
    }

    func record(_ request: ScriptedRequest) { state.change { $0.requests.append(request) } }

    func report(_ problem: String) { state.change { $0.problems.append(problem) } }
}
