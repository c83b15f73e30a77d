public import HTTPTypes

/// A request on its way through a gateway.
///
/// Method, target, authority and headers are values that a middleware edits in place; the body is pulled by whoever needs
/// it. Nothing of a request that only passes through is turned into a `String`: ``authority``, ``path`` and header
/// subscripts make one when they are read.
///
/// ```swift
/// var request = Request(.get, "/users/7?full=1")
/// request.headers[.accept] = "application/json"
/// ```
///
/// Not `Sendable`, because of its body; copies share that body.
public struct Request {
    /// The method, case-sensitive (RFC 9110 section 9.1).
    public var method: HTTPRequest.Method
    /// `http` or `https`: how the client reached the listener.
    public var scheme = "http"
    /// Path and query.
    public var target: RequestTarget
    /// The fields. `Host` is not among them (see ``authority``); hop-by-hop fields are until the forwarder drops them.
    public var headers = Headers()
    /// The content.
    public var body: Body = .empty
    /// `:protocol` of RFC 8441, or the token of `Upgrade`; `nil` for an ordinary request.
    public var upgradeProtocol: String?
    package var authorityStorage: Authority

    /// The one authority of the request, `host[:port]`: what the absolute-form target says, else `Host`, else
    /// `:authority`; those agree or the request was refused (RFC 9112 section 3.2). `Host` is derived from it on output.
    public var authority: String {
        get { authorityStorage.text }
        set { authorityStorage = Authority(newValue) }
    }

    /// The normalised path of ``target``.
    public var path: String {
        get { target.path }
        set { target.path = newValue }
    }

    /// A request with an empty body. `path` may carry a query behind `?`.
    public init(_ method: HTTPRequest.Method = .get, _ path: String = "/") {
        self.method = method
        let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        target = RequestTarget(String(parts.first ?? "/"), query: parts.count > 1 ? String(parts[1]) : nil)
        authorityStorage = Authority("")
    }

    package init(
        method: HTTPRequest.Method,
        scheme: String,
        authority: Authority,
        target: RequestTarget,
        headers: Headers,
        body: Body,
        upgradeProtocol: String?
    ) {
        self.method = method
        self.scheme = scheme
        self.authorityStorage = authority
        self.target = target
        self.headers = headers
        self.body = body
        self.upgradeProtocol = upgradeProtocol
    }
}
