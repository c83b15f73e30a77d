/// How one exchange or connection with an endpoint ended, as far as it says something about the endpoint.
///
/// Not evidence, and never reported: a client that went away, a request body that broke off, a deadline or a limit of
/// the gateway itself. Made on the path of every request: it owns no memory.
public enum Evidence: Sendable, Hashable {
    /// The head of a final answer came so many nanoseconds after the request was sent.
    case answered(status: Int, nanoseconds: Int64)
    /// A connection was taken, so many nanoseconds after it was asked for; for protocols whose answers nobody reads.
    case connected(nanoseconds: Int64)
    /// No connection could be opened: refused, unreachable, a name without an address, a failed handshake.
    case notConnected
    /// The connection ended or was reset before the answer was complete.
    case brokeOff
    /// Connecting, the head of the answer or a part of its body took too long.
    case timedOut
    /// The answer broke the protocol.
    case malformed

    /// Whether the endpoint failed to answer at all, so that no status says how it does.
    package var isTransportFailure: Bool {
        switch self {
        case .answered, .connected: false
        case .notConnected, .brokeOff, .timedOut, .malformed: true
        }
    }
}

extension Evidence: CustomStringConvertible {
    public var description: String {
        switch self {
        case .answered(let status, _): "answered \(status)"
        case .connected: "connected"
        case .notConnected: "no connection"
        case .brokeOff: "the connection broke off"
        case .timedOut: "timed out"
        case .malformed: "a malformed answer"
        }
    }
}
