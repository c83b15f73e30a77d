import HTTPTypes

/// Thrown by a read of a request's body that did not come in time. Becomes 408 unless a handler answers.
public struct RequestTimeout: AnsweringError {
    public init() {}

    // RFC 9110 section 15.5.9.
    public var answer: HTTPError { HTTPError(.requestTimeout, "the body of the request did not come in time") }
}
