public import HTTPTypes

/// How a ``ProxyFailure`` is answered: the one place where a failure becomes a status.
extension ProxyFailure {
    /// The status of the answer.
    ///
    /// | side | cause | status |
    /// |---|---|---|
    /// | client | timed out | 408 (RFC 9110 section 15.5.9) |
    /// | client | too large | 413 (section 15.5.14) |
    /// | client | unsupported | 501 (section 15.6.2) |
    /// | client | closed, cancelled | 499: nobody is there to read it; it is for logs |
    /// | client | other | 400 (section 15.5.1) |
    /// | any | loop | 508 (RFC 5842 section 7.2) |
    /// | origin | timed out | 504 (RFC 9110 section 15.6.5) |
    /// | origin | unavailable, full | 503 (section 15.6.4) |
    /// | origin | other | 502 (section 15.6.3) |
    /// | gateway | full, unavailable; timed out in the pool | 503 with `Retry-After` |
    /// | gateway | timed out elsewhere | 504 |
    /// | gateway | cancelled | 503 |
    /// | gateway | unsupported | 501 |
    /// | gateway | too large, malformed, closed, TLS, no way to the origin | 502: it is the origin's message or way |
    /// | gateway | other | 500 (section 15.6.1) |
    public var status: HTTPResponse.Status {
        if cause == .loop { return Via.loopAnswer.status }
        if side == .client { return statusForClient }
        if cause == .timedOut { return side == .gateway && phase == .pool ? .serviceUnavailable : .gatewayTimeout }
        if cause == .full || cause == .unavailable { return .serviceUnavailable }
        guard side == .gateway else { return .badGateway }
        if cause == .cancelled { return .serviceUnavailable }
        if cause == .unsupported { return .notImplemented }
        return cause == .other ? .internalServerError : .badGateway
    }

    private var statusForClient: HTTPResponse.Status {
        switch cause {
        case .timedOut: .requestTimeout
        case .tooLarge: .contentTooLarge
        case .unsupported: .notImplemented
        case .closed, .cancelled: HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request")
        default: .badRequest
        }
    }

    /// Whether waiting helps: seconds for `Retry-After` (RFC 9110 section 10.2.3). A full pool empties within a moment.
    package var retryAfterSeconds: Int? {
        status == .serviceUnavailable && side == .gateway && cause != .cancelled ? 1 : nil
    }

    /// A sentence for the client, without names, addresses or errors of the inside.
    private var explanation: String {
        switch status.code {
        case 400: "the request could not be read"
        case 408: "the request took too long to arrive"
        case 413: "the body of the request is too large"
        case 499: "the client has closed the connection"
        case 501: "the request asks for what is not supported here"
        case 502: isBeforeAnswer ? "the origin could not be reached" : "the origin gave no valid answer"
        case 503: "the service has no room for the request"
        case 504: "the origin did not answer in time"
        case 508: Via.loopAnswer.detail ?? ""
        default: "the request could not be forwarded"
        }
    }

    private var isBeforeAnswer: Bool { phase == .resolve || phase == .pool || phase == .connect }

    /// The problem report for the client.
    public var answer: HTTPError { answer(proxyStatus: nil) }

    /// The problem report for the client with a `Proxy-Status` field in the name of `gateway`, a token; without one
    /// when it is `nil` or no token. Off by default, because the kind of failure tells an attacker about the inside.
    public func answer(proxyStatus gateway: String?) -> HTTPError {
        var headers = Headers()
        if let retryAfterSeconds { headers[.retryAfter] = "\(retryAfterSeconds)" }
        if let gateway, FieldGrammar.isToken(gateway.utf8.span) {
            headers[.proxyStatus] = "\(gateway); error=\(proxyError)"
        }
        return HTTPError(status, explanation, headers: headers)
    }

    /// The error type of RFC 9209 section 2.3 that says what happened.
    package var proxyError: String {
        if cause == .loop { return "proxy_loop_detected" }
        if side == .client { return cause == .unsupported ? "http_protocol_error" : "http_request_error" }
        if side == .gateway {
            switch cause {
            case .full: return "connection_limit_reached"
            case .timedOut where phase == .pool: return "connection_limit_reached"
            case .unavailable: return "destination_unavailable"
            case .other, .cancelled, .unsupported: return "proxy_internal_error"
            default: break
            }
        }
        switch cause {
        case .notFound: return "dns_error"
        case .refused: return "connection_refused"
        case .unreachable: return phase == .resolve ? "dns_error" : "destination_ip_unroutable"
        case .timedOut: return timeoutError
        case .closed: return closeError
        case .malformed: return phase == .upgrade ? "http_upgrade_failed" : "http_protocol_error"
        case .tooLarge: return phase == .responseHead ? "http_response_header_section_size" : "http_response_body_size"
        case .tls: return "tls_protocol_error"
        case .unsupported: return phase == .upgrade ? "http_upgrade_failed" : "http_protocol_error"
        default: return "destination_unavailable"
        }
    }

    private var timeoutError: String {
        switch phase {
        case .resolve: "dns_timeout"
        case .connect, .pool: "connection_timeout"
        case .requestHead, .requestBody: "connection_write_timeout"
        case .responseHead: "http_response_timeout"
        default: "connection_read_timeout"
        }
    }

    private var closeError: String {
        switch phase {
        case .responseHead, .responseBody: "http_response_incomplete"
        default: "connection_terminated"
        }
    }
}
