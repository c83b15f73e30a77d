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
    /// Everything but the body; see ``Request``'s head.
    private final class Head {
        @exclusivity(unchecked) var status: HTTPResponse.Status
        @exclusivity(unchecked) var headers: Headers
        @exclusivity(unchecked) var upgrade:
            (nonisolated(nonsending) (consuming Connection, RequestContext) async throws -> Void)?

        init(_ status: HTTPResponse.Status, _ headers: Headers) {
            self.status = status
            self.headers = headers
        }

        init(copying other: Head) {
            status = other.status
            headers = other.headers
            upgrade = other.upgrade
        }
    }

    private var head: Head

    /// The content. Answers to HEAD, 204 and 304 go out without it.
    public var body: Body

    /// A response with that status and body and no fields.
    public init(_ status: HTTPResponse.Status, body: Body = .empty) {
        self.init(status, headers: Headers(), body: body)
    }

    /// A response with those fields.
    public init(_ status: HTTPResponse.Status, headers: Headers, body: Body = .empty) {
        head = Head(status, headers)
        self.body = body
    }

    /// The status with its reason phrase. A final one: a server answers 500 in place of an interim status (1xx), other
    /// than the 101 of an ``upgrade``. Interim answers go through ``RequestContext/sendInformational(_:_:)``.
    public var status: HTTPResponse.Status {
        get { head.status }
        set { own().status = newValue }
    }

    /// The fields. Framing (`Content-Length`, `Transfer-Encoding`, `Connection`) is the connection's: it follows from
    /// the body, and what stands here for it is dropped, apart from the `Content-Length` of an answer to HEAD and of a
    /// 304.
    public var headers: Headers {
        get { head.headers }
        _modify { yield &own().headers }
    }

    /// Takes over the connection after a 101, or after a 2xx answer to CONNECT; `nil` for an ordinary answer.
    ///
    /// Only when the client has offered an upgrade (or sent CONNECT) and the whole of its body has come: a 101 without
    /// that goes out as a 500, and another status as an ordinary answer.
    public var upgrade: (nonisolated(nonsending) (consuming Connection, RequestContext) async throws -> Void)? {
        get { head.upgrade }
        set { own().upgrade = newValue }
    }

    /// Whether something takes over the connection.
    package var isUpgrade: Bool { head.upgrade != nil }

    /// The head, not shared with another response.
    @inline(__always)
    private mutating func own() -> Head {
        if !isKnownUniquelyReferenced(&head) { head = Head(copying: head) }
        return head
    }
}
