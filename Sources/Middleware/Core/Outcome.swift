/// How an exchange ended, once the last byte went out or failed.
public struct Outcome: Sendable {
    /// The kinds of end.
    public enum End: Sendable {
        /// The whole answer went out.
        case complete
        /// The client closed, reset or stopped reading before the answer was out.
        case clientGone
        /// The answer's body broke off behind the gateway.
        case originFailed
        /// A deadline, or another limit of time, passed while the answer was going out.
        case timedOut
        /// The body of the request, from which the answer was being made, broke the protocol.
        case requestFailed
        /// The request was refused before a handler saw it, and so before anybody could ask for its end with
        /// `onFinish`; the answers of a test client say it.
        case refused
    }

    /// The kind of end.
    public var end = End.complete
    /// The bytes of the answer's body that were handed to the connection, framing not counted.
    public var bytesSent = 0
    /// The bytes of the request's body that had come, read by a handler or not, framing not counted.
    public var bytesReceived = 0
    /// When the head of the final answer was handed to the connection.
    public var firstByte: ContinuousClock.Instant? {
        get { firstByteAt.map { ContinuousClock.Instant(nanoseconds: $0) } }
        set { firstByteAt = newValue?.nanoseconds }
    }
    /// When the last byte was, or the exchange failed.
    public var lastByte: ContinuousClock.Instant? {
        get { lastByteAt.map { ContinuousClock.Instant(nanoseconds: $0) } }
        set { lastByteAt = newValue?.nanoseconds }
    }
    package var firstByteAt: Int64?
    package var lastByteAt: Int64?
    /// The trailer section that was sent.
    public var trailers: Headers?

    public init() {}
}

extension Outcome.End {
    /// How an exchange ended whose answer broke off with `error`.
    package init(brokenBy error: any Error) {
        if let limited = error as? any TimeLimited, limited.isTimeout {
            self = .timedOut
        } else {
            self = error.isCancellation ? .clientGone : .originFailed
        }
    }
}
