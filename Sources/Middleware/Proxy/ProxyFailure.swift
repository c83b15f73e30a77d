/// Why a request could not be forwarded to its end: in which phase, on whose side, and what happened.
///
/// ```swift
/// ProxyFailure(.connect, .origin, .timedOut, endpoint: "10.0.0.1:8080")        // answered 504
/// ```
///
/// It answers with a problem report (RFC 9457) that says nothing about the inside; the log line (``description``) says
/// all. Which status an answer has is decided in one place, ``status``.
public struct ProxyFailure: Error, AnsweringError {
    /// How far the exchange had come. More may be added.
    public struct Phase: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case resolve, pool, connect, requestHead, requestBody, responseHead, responseBody, upgrade
        }

        private let value: Value

        /// Finding the addresses of a name.
        public static var resolve: Phase { Phase(value: .resolve) }
        /// Waiting for a connection that is free.
        public static var pool: Phase { Phase(value: .pool) }
        /// Opening a connection, with TLS where it is spoken.
        public static var connect: Phase { Phase(value: .connect) }
        /// Sending the head of the request.
        public static var requestHead: Phase { Phase(value: .requestHead) }
        /// Sending the body of the request.
        public static var requestBody: Phase { Phase(value: .requestBody) }
        /// Waiting for the head of the answer and reading it.
        public static var responseHead: Phase { Phase(value: .responseHead) }
        /// Reading the body of the answer: the client has its head by then.
        public static var responseBody: Phase { Phase(value: .responseBody) }
        /// Relaying an upgraded connection.
        public static var upgrade: Phase { Phase(value: .upgrade) }

        package static var all: [Phase] {
            [resolve, pool, connect, requestHead, requestBody, responseHead, responseBody, upgrade]
        }

        public var description: String { value.rawValue }
    }

    /// Who failed. More may be added.
    public struct Side: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String { case client, origin, gateway }

        private let value: Value

        /// The client of the gateway.
        public static var client: Side { Side(value: .client) }
        /// The endpoint behind the gateway.
        public static var origin: Side { Side(value: .origin) }
        /// The gateway itself: a limit of its own, a deadline, a stop.
        public static var gateway: Side { Side(value: .gateway) }

        package static var all: [Side] { [client, origin, gateway] }

        public var description: String { value.rawValue }
    }

    /// What happened. More may be added.
    public struct Cause: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case notFound, refused, unreachable, timedOut, closed, malformed, tooLarge, full, unavailable, tls, loop
            case unsupported, cancelled, other
        }

        private let value: Value

        /// A name has no address.
        public static var notFound: Cause { Cause(value: .notFound) }
        /// Nobody listens there.
        public static var refused: Cause { Cause(value: .refused) }
        /// No way leads there.
        public static var unreachable: Cause { Cause(value: .unreachable) }
        /// It took too long.
        public static var timedOut: Cause { Cause(value: .timedOut) }
        /// The connection ended or was reset too early.
        public static var closed: Cause { Cause(value: .closed) }
        /// A message broke the protocol.
        public static var malformed: Cause { Cause(value: .malformed) }
        /// A message was larger than a limit allows.
        public static var tooLarge: Cause { Cause(value: .tooLarge) }
        /// A limit on connections or waiting requests was reached.
        public static var full: Cause { Cause(value: .full) }
        /// There is no endpoint to send to, or the gateway is being stopped.
        public static var unavailable: Cause { Cause(value: .unavailable) }
        /// A TLS handshake or certificate failed.
        public static var tls: Cause { Cause(value: .tls) }
        /// The request had been here before.
        public static var loop: Cause { Cause(value: .loop) }
        /// A protocol was asked for that cannot be spoken.
        public static var unsupported: Cause { Cause(value: .unsupported) }
        /// Nobody waits for the answer any more.
        public static var cancelled: Cause { Cause(value: .cancelled) }
        /// Something else; ``ProxyFailure/detail`` says what.
        public static var other: Cause { Cause(value: .other) }

        package static var all: [Cause] {
            [
                notFound, refused, unreachable, timedOut, closed, malformed, tooLarge, full, unavailable, tls, loop,
                unsupported, cancelled, other,
            ]
        }

        public var description: String { value.rawValue }
    }

    /// How far the exchange had come.
    public var phase: Phase
    /// Who failed.
    public var side: Side
    /// What happened.
    public var cause: Cause
    /// The endpoint as its configuration spells it; empty when none was chosen yet.
    public var endpoint: String
    /// What the system or the codec said, for the log; never sent to a client.
    public var detail: String
    /// Whether the request may be sent again, to this endpoint or another: no byte of it can have been acted on. Unless
    /// given, that holds for what failed before a connection was open. What may be sent again although it may have been
    /// acted on (idempotent methods, RFC 9110 section 9.2.2) is for a retry to decide.
    public var isRetryable: Bool

    /// A failure; see the properties for what is left out.
    public init(
        _ phase: Phase,
        _ side: Side,
        _ cause: Cause,
        endpoint: String = "",
        detail: String = "",
        isRetryable: Bool? = nil
    ) {
        self.phase = phase
        self.side = side
        self.cause = cause
        self.endpoint = endpoint
        self.detail = detail
        self.isRetryable = isRetryable ?? Self.isUntouched(phase, side, cause)
    }

    /// `phase.side.cause`, for metrics and logs.
    public var code: String { "\(phase).\(side).\(cause)" }

    private static func isUntouched(_ phase: Phase, _ side: Side, _ cause: Cause) -> Bool {
        guard side != .client, cause != .cancelled, cause != .loop, cause != .unsupported else { return false }
        return phase == .resolve || phase == .pool || phase == .connect
    }
}

extension ProxyFailure: CustomStringConvertible {
    /// Everything, for the log.
    public var description: String {
        let place = endpoint.isEmpty ? "" : " \(endpoint)"
        return
            "forwarding\(endpoint.isEmpty ? "" : " to")\(place) failed: \(code)\(detail.isEmpty ? "" : ": \(detail)")"
    }
}
