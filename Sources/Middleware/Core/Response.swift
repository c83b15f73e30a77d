public import HTTPTypes

/// An answer on its way back through a gateway.
///
/// ```swift
/// var response = Response(.ok, body: .text("hello"))
/// response.headers[.contentType] = "text/plain; charset=utf-8"
/// ```
///
/// Not `Sendable`, because of its body; copies share that body. Whoever replaces a response first discards its body or
/// drops it, which releases the connection that it comes from.
public struct Response {
    /// The status with its reason phrase.
    public var status: HTTPResponse.Status
    /// The fields. Framing (`Content-Length`, `Transfer-Encoding`, `Connection`) is the connection's: it follows from the
    /// body, and what stands here for it is dropped, apart from the `Content-Length` of an answer to HEAD and of a 304.
    public var headers = Headers()
    /// The content. Answers to HEAD, 204 and 304 go out without it.
    public var body: Body = .empty
    /// Takes over the connection after a 101, or after a 2xx answer to CONNECT; `nil` for an ordinary answer.
    public var upgrade: (nonisolated(nonsending) (consuming Connection, RequestContext) async throws -> Void)?

    /// A response with that status and body and no fields.
    public init(_ status: HTTPResponse.Status, body: Body = .empty) {
        self.status = status
        self.body = body
    }
}
