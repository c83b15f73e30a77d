public import HTTPTypes

/// A request on its way through a gateway.
///
/// Method, target, authority and headers are values that a middleware edits in place; the body is pulled by whoever
/// needs it. Nothing of a request that only passes through is turned into a `String`: ``authority``, ``path`` and
/// header subscripts make one when they are read.
///
/// ```swift
/// var request = Request(.get, "/users/7?full=1")
/// request.headers[.accept] = "application/json"
/// ```
///
/// Not `Sendable`, because of its body; copies share that body.
public struct Request {
    /// Everything but the body, in one place: a request is handed through many layers, and this way each hand-over
    /// copies one reference. Shared between copies and copied when one of them is edited.
    package final class Head {
        @exclusivity(unchecked) package var method: HTTPRequest.Method
        @exclusivity(unchecked) package var scheme: String
        @exclusivity(unchecked) package var authority: Authority
        @exclusivity(unchecked) package var target: RequestTarget
        @exclusivity(unchecked) package var headers: Headers
        @exclusivity(unchecked) package var upgradeProtocol: String?
        /// What the client asked for, when another authority has taken its place. In a box, which few requests have.
        @exclusivity(unchecked) private var replaced: Replaced?

        private final class Replaced: Sendable {
            let authority: Authority

            init(_ authority: Authority) { self.authority = authority }
        }

        /// The authority that the client asked for.
        package var clientAuthority: Authority { replaced?.authority ?? authority }

        fileprivate func replaceAuthority(with text: String) {
            if replaced == nil { replaced = Replaced(authority) }
            authority = Authority(text)
        }

        package init(
            method: HTTPRequest.Method,
            scheme: String,
            authority: Authority,
            target: RequestTarget,
            headers: Headers,
            upgradeProtocol: String?
        ) {
            self.method = method
            self.scheme = scheme
            self.authority = authority
            self.target = target
            self.headers = headers
            self.upgradeProtocol = upgradeProtocol
        }

        fileprivate convenience init(copying other: Head) {
            self.init(
                method: other.method,
                scheme: other.scheme,
                authority: other.authority,
                target: other.target,
                headers: other.headers,
                upgradeProtocol: other.upgradeProtocol
            )
            replaced = other.replaced
        }
    }

    package private(set) var head: Head

    /// The content.
    public var body: Body

    /// A request with an empty body. `path` may carry a query behind `?`.
    public init(_ method: HTTPRequest.Method = .get, _ path: String = "/") {
        let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        head = Head(
            method: method,
            scheme: "http",
            authority: Authority(""),
            target: RequestTarget(String(parts.first ?? "/"), query: parts.count > 1 ? String(parts[1]) : nil),
            headers: Headers(),
            upgradeProtocol: nil
        )
        body = .empty
    }

    package init(_ head: Head, body: Body) {
        self.head = head
        self.body = body
    }

    /// The method, case-sensitive (RFC 9110 section 9.1).
    public var method: HTTPRequest.Method {
        get { head.method }
        set { own().method = newValue }
    }

    /// `http` or `https`: how the client reached the listener.
    public var scheme: String {
        get { head.scheme }
        set { own().scheme = newValue }
    }

    /// Path and query.
    public var target: RequestTarget {
        get { head.target }
        _modify { yield &own().target }
    }

    /// The fields. `Host` is not among them (see ``authority``); hop-by-hop fields are until the forwarder drops them.
    public var headers: Headers {
        get { head.headers }
        _modify { yield &own().headers }
    }

    /// `:protocol` of RFC 8441, or the token of `Upgrade`; `nil` for an ordinary request.
    public var upgradeProtocol: String? {
        get { head.upgradeProtocol }
        set { own().upgradeProtocol = newValue }
    }

    /// The one authority of the request, `host[:port]`: what an absolute target says, which wins over a `Host` that
    /// says something else (RFC 9112 section 3.2.2), else `Host`; empty when a request of HTTP/1.0 says neither. `Host`
    /// is derived from it on output. Bytes that would end a line are left out when it is set.
    public var authority: String {
        get { head.authority.text }
        set { own().authority = Authority(newValue) }
    }

    /// Asks for another authority in the place of the client's, which what is said about the client goes on naming.
    package mutating func replaceAuthority(with text: String) {
        own().replaceAuthority(with: text)
    }

    /// The normalised path of ``target``.
    public var path: String {
        get { head.target.path }
        set { own().target.path = newValue }
    }

    /// The head, not shared with another request.
    @inline(__always)
    private mutating func own() -> Head {
        if !isKnownUniquelyReferenced(&head) { head = Head(copying: head) }
        return head
    }
}
