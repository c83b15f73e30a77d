import HTTPTypes

extension Response {
    /// The answer of a limit that will be free again: it says when to come back (RFC 9110 section 10.2.3).
    static func unavailable(
        _ problem: String,
        retryAfter: Duration,
        status: HTTPResponse.Status = .serviceUnavailable
    ) -> Response {
        // Whole seconds, and never one that is too early.
        let (seconds, rest) = max(.zero, retryAfter).components
        let headers: Headers = [.retryAfter: "\(rest > 0 && seconds < .max ? seconds + 1 : seconds)"]
        return Response(HTTPError(status, problem, headers: headers))
    }
}
