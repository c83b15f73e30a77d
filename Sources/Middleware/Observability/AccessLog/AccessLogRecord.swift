import HTTPTypes
import NIOCore
import Synchronization

/// What is remembered of one exchange until its line is written.
final class AccessLogRecord: Sendable {
    /// The innermost record of an exchange; the others hang on it.
    enum Key: ContextKey {
        static var defaultValue: AccessLogRecord? { nil }
    }

    let method: HTTPRequest.Method
    let scheme: String
    let authority: Authority
    let target: RequestTarget
    /// The request's fields, when the format shows any.
    let headers: Headers?
    /// 0 before an answer.
    private let statusCode = Atomic<Int>(0)
    private let answer = Mutex<Headers?>(nil)
    private let writer: AccessLogWriter
    private let outer: AccessLogRecord?

    init(_ request: borrowing Request, writer: AccessLogWriter, outer: AccessLogRecord?) {
        method = request.method
        scheme = request.scheme
        authority = request.head.authority
        target = request.target
        headers = writer.showsRequestHeaders ? request.headers : nil
        self.writer = writer
        self.outer = outer
    }

    /// The status that left the log; `nil` before an answer.
    var status: Int? {
        let code = statusCode.load(ordering: .relaxed)
        return code == 0 ? nil : code
    }

    /// The answer's fields, when the format shows any.
    var responseHeaders: Headers? { answer.withLock { $0 } }

    /// The record that one log keeps of this exchange.
    func record(of writer: AccessLogWriter) -> AccessLogRecord? {
        self.writer === writer ? self : outer?.record(of: writer)
    }

    func answered(_ response: Response) {
        statusCode.store(response.status.code, ordering: .relaxed)
        if writer.showsResponseHeaders { answer.withLock { $0 = response.headers } }
    }

    func finish(_ context: RequestContext, _ outcome: Outcome) {
        writer.write(self, context, outcome)
    }
}
