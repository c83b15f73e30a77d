public import HTTPTypes
public import Middleware
public import NIOCore

/// A whole answer, as a ``TestClient`` got it.
public struct TestResponse: Sendable {
    /// A 1xx answer that came ahead of the final one.
    public struct Informational: Sendable {
        public var status: HTTPResponse.Status
        public var headers: Headers

        public init(_ status: HTTPResponse.Status, _ headers: Headers) {
            self.status = status
            self.headers = headers
        }
    }

    /// The status.
    public var status: HTTPResponse.Status
    /// The fields, as the handler left them: a server frames the message (`Content-Length`, `Transfer-Encoding`,
    /// `Connection`) and adds `Date`, which shows in a test with ``withServer(_:on:configuration:runtime:_:)`` alone.
    public var headers: Headers
    /// The content; none of an answer to HEAD, a 204 and a 304, whatever body the handler gave them.
    public var bytes = ByteBuffer()
    /// The trailer section.
    public var trailers: Headers?
    /// The 1xx answers that came before.
    public var informational: [Informational] = []
    /// How the exchange ended, as `onFinish` actions were told.
    public var outcome = Outcome()

    /// A response with that status and these fields.
    public init(_ status: HTTPResponse.Status, headers: Headers = [:]) {
        self.status = status
        self.headers = headers
    }

    /// The content as UTF-8.
    public var body: String { String(buffer: bytes) }
}

/// Thrown when an answer began and its body broke off, which a client of a server sees as a connection that fails.
public struct BrokenResponse: Error, CustomStringConvertible {
    /// The answer as far as it came.
    public var response: TestResponse
    /// What the body's source threw.
    public var cause: any Error

    public init(_ response: TestResponse, cause: any Error) {
        self.response = response
        self.cause = cause
    }

    public var description: String {
        "a \(response.status.code) broke off after \(response.bytes.readableBytes) bytes: \(cause)"
    }
}
