public import HTTPTypes
public import Middleware
public import NIOCore

/// A request as a ``ScriptedUpstream`` received it: read off the connection by the library's own strict decoder.
public struct ScriptedRequest: Sendable {
    /// The method.
    public var method: HTTPRequest.Method
    /// Path and query.
    public var target: RequestTarget
    /// What `Host` said, or an absolute target.
    public var authority: String
    /// The fields, without `Host`.
    public var headers: Headers
    /// The bytes of the content that have come.
    public var bytes = ByteBuffer()
    /// The trailer section, once it has come.
    public var trailers: Headers?
    /// Whether all of it has come.
    public var isComplete = false

    init(_ head: RequestHead) {
        method = head.method
        target = head.target
        authority = head.authority.text
        headers = head.headers
        isComplete = head.framing == .none
    }

    /// The path, without the query.
    public var path: String { target.path }

    /// The content as UTF-8.
    public var body: String { String(buffer: bytes) }
}
