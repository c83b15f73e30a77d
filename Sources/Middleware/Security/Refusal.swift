import HTTPTypes
import NIOCore

/// A 403 that is the same for everybody, made once: whoever is refused costs little.
struct Refusal: Sendable {
    private let headers: Headers
    private let text: ByteBuffer

    /// A problem report with that detail, which varies by `Origin` when it depends on it.
    init(_ detail: String, varies: Bool) {
        let response = Response(.forbidden, problem: detail)
        var headers = response.headers
        if varies { headers.append(.vary, "Origin") }
        self.headers = headers
        text = if case .bytes(let buffer, _) = response.body.storage { buffer } else { ByteBuffer() }
    }

    var response: Response { Response(.forbidden, headers: headers, body: .bytes(text)) }
}
