public import HTTPTypes
public import Middleware
public import NIOCore

/// A response that a ``RawClient`` read off its connection with the library's own strict decoder.
public struct RawResponse: Sendable {
    /// The status with the reason phrase that came.
    public var status: HTTPResponse.Status
    /// The fields, framing and `Connection` included.
    public var headers: Headers
    /// The content.
    public var bytes = ByteBuffer()
    /// The trailer section.
    public var trailers: Headers?
    /// The 1xx answers that came before.
    public var informational: [TestResponse.Informational] = []

    init(_ head: ResponseHead, informational: [TestResponse.Informational]) {
        status = head.status
        headers = head.headers
        self.informational = informational
    }

    /// The content as UTF-8.
    public var body: String { String(buffer: bytes) }
}
