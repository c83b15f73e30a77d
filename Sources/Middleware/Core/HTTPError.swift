public import HTTPTypes
import Logging

/// An error that says how it is to be answered: what a middleware throws when it has no response at hand.
///
/// Expected outcomes are responses, not throws; this is for code that is too deep inside to return one.
///
/// ```swift
/// throw HTTPError(.badRequest, "the page number is not a number")
/// ```
///
/// The pipeline answers with `application/problem+json` (RFC 9457). ``detail`` reaches the client: nothing internal
/// belongs there.
public struct HTTPError: Error {
    /// The status of the answer.
    public var status: HTTPResponse.Status
    /// What went wrong in this case, for the client; `nil` to say no more than the status does.
    public var detail: String?
    /// Fields that the answer carries besides its content type, such as `Retry-After`.
    public var headers: Headers

    public init(_ status: HTTPResponse.Status, _ detail: String? = nil, headers: Headers = Headers()) {
        self.status = status
        self.detail = detail
        self.headers = headers
    }
}

/// An error of another kind that knows how it is to be answered, such as a failure of forwarding.
public protocol AnsweringError: Error {
    /// The answer.
    var answer: HTTPError { get }
}

extension Response {
    /// A problem report, RFC 9457: `application/problem+json` with `title`, `status` and `detail`.
    ///
    /// `problem` reaches the client: nothing internal belongs there.
    public init(_ status: HTTPResponse.Status, problem: String?) {
        self.init(HTTPError(status, problem))
    }

    /// The problem report of an error.
    public init(_ error: HTTPError) {
        let title = error.status.reasonPhrase.isEmpty ? "Error" : error.status.reasonPhrase
        // RFC 9457 section 4.2.1: without a `type`, the title is the status phrase.
        var text = "{\"title\":\(title.jsonQuoted),\"status\":\(error.status.code)"
        if let detail = error.detail { text += ",\"detail\":\(detail.jsonQuoted)" }
        text += "}"
        self.init(error.status, body: .text(text))
        headers = error.headers
        headers[.contentType] = "application/problem+json"
        // A problem says something of this request at this moment.
        headers[.cacheControl] = "no-store"
    }

    /// The one place where a throw becomes an answer. An error that does not say how it is answered is a 500 without
    /// details: they stay in the log.
    package init(answering error: any Error, context: RequestContext) {
        switch error {
        case let error as HTTPError:
            self.init(error)
        case let error as any AnsweringError:
            self.init(error.answer)
        case let error as BodyTooLarge:
            self.init(HTTPError(.contentTooLarge, "the body is longer than \(error.limit) bytes"))
        case is DeadlineExceeded:
            self.init(HTTPError(.gatewayTimeout, "the answer took too long"))
        default:
            context.logger.error("a handler failed", metadata: ["error": "\(error)"])
            self.init(HTTPError(.internalServerError))
        }
    }
}

extension String {
    /// The text as a JSON string, RFC 8259 section 7.
    package var jsonQuoted: String {
        var result = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
