/// Why an exchange with an endpoint failed, as the connection saw it. The proxy turns it into an answer.
package struct UpstreamFailure: TimeLimited {
    /// The kinds of failure.
    package enum Kind: Sendable {
        /// No connection could be opened.
        case connect
        /// A connection was not open in time.
        case connectTimeout
        /// Every connection was busy, and the queue for them full.
        case queueFull
        /// Every connection was busy for too long.
        case queueTimeout
        /// The connection closed before the head of an answer.
        case closedBeforeHead
        /// The connection closed within an answer's body.
        case closedInBody
        /// The answer breaks the protocol.
        case malformed
        /// The head of the answer did not come in time.
        case headTimeout
        /// The body of the answer stood still for too long.
        case bodyTimeout
        /// The endpoint took nothing of the request's body for too long.
        case uploadTimeout
        /// The request's body could not be read to its end.
        case requestBody
    }

    package var kind: Kind
    /// For the log; never for a client.
    package var detail: String
    /// Whether the connection had served an earlier request and no byte of an answer had come: what a request meets
    /// when the endpoint closed an idle connection at that moment.
    package var isStale = false
    /// What is behind it: the error of the request's body, or of the attempt to connect.
    package var cause: (any Error)?

    package var isTimeout: Bool {
        switch kind {
        case .connectTimeout, .queueTimeout, .headTimeout, .bodyTimeout, .uploadTimeout: true
        case .requestBody: (cause as? any TimeLimited)?.isTimeout ?? false
        case .connect, .queueFull, .closedBeforeHead, .closedInBody, .malformed: false
        }
    }

    package init(_ kind: Kind, _ detail: String, isStale: Bool = false, cause: (any Error)? = nil) {
        self.kind = kind
        self.detail = detail
        self.isStale = isStale
        self.cause = cause
    }
}
