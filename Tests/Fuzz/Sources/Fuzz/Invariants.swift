import Codec
import HTTPTypes
import NIOCore

/// What holds of everything that was read, whatever the input.
enum Invariants {
    static func check(_ event: RequestEvent, _ limits: ParserLimits) {
        switch event {
        case .head(let head):
            check(head.headers, limits.fieldCount, limits.headBytes)
            require(!head.headers.has(.host), "Host is among the fields")
            require(head.target.withBytes { RequestTarget.isNormal($0) }, "a target is not in normal form")
            require(isOneLine(head.authority), "an authority holds a space or a control")
            check(head.framing, head.headers, isHTTP10: head.isHTTP10, limits)
            require(head.framing != .untilClose, "a request lasts until the connection ends")
            require(head.framing == .none || head.method != .connect, "CONNECT has content")
        case .body(let part): require(part.readableBytes > 0, "a part of the content is empty")
        case .end(let trailers): check(trailers: trailers, limits)
        }
    }

    static func check(_ event: ResponseEvent, _ limits: ParserLimits) {
        switch event {
        case .informational(let status, let headers):
            require((100..<200).contains(status.code) && status.code != 101, "\(status.code) is no interim response")
            check(headers, limits.fieldCount, limits.headBytes)
        case .head(let head):
            require((100..<1000).contains(head.status.code), "\(head.status.code) is no status")
            check(head.headers, limits.fieldCount, limits.headBytes)
            check(head.framing, head.headers, isHTTP10: head.isHTTP10, limits)
            require(head.framing != .untilClose || !head.persists, "a connection persists that ends the content")
            require(head.framing == .none || !head.switchesProtocol, "content precedes another protocol")
        case .body(let part): require(part.readableBytes > 0, "a part of the content is empty")
        case .end(let trailers): check(trailers: trailers, limits)
        }
    }

    /// What a response that was written here must not say.
    static func check(written event: ResponseEvent, answering method: HTTPRequest.Method) {
        let (status, headers): (HTTPResponse.Status, Headers)
        switch event {
        case .informational(let code, let fields): (status, headers) = (code, fields)
        case .head(let head): (status, headers) = (head.status, head.headers)
        case .body, .end: return
        }
        // RFC 9110 section 8.6 and RFC 9112 section 6.1.
        let isTunnel = method == .connect && status.kind == .successful
        guard status.code < 200 || status.code == 204 || isTunnel else { return }
        require(!headers.has(.contentLength), "\(status.code) was written with a length")
        require(!headers.has(.transferEncoding), "\(status.code) was written with a transfer coding")
    }

    /// The most bytes that wait for more, and so the memory that an unfinished message can claim.
    static func check(left: Int, _ limits: ParserLimits) {
        let bound = max(limits.headBytes, limits.chunkLineBytes, limits.trailerBytes)
        require(left < bound, "\(left) bytes are awaiting more, and \(bound) is the limit")
    }

    private static func check(_ headers: Headers, _ count: Int, _ bytes: Int) {
        require(headers.entries.count <= count, "\(headers.entries.count) fields, and \(count) is the limit")
        require(headers.received.readableBytes <= bytes, "a section of \(headers.received.readableBytes) bytes")
        for entry in headers.entries {
            require(headers.withName(of: entry) { FieldGrammar.isToken($0) }, "a field name is no token")
            require(headers.withName(of: entry) { KnownField(name: $0) } == entry.known, "a known field is mistaken")
            let isValue = headers.withValue(of: entry) { value in
                let all = 0..<value.count
                return FieldGrammar.isFieldValue(value) && FieldGrammar.trimmed(all, in: value) == all
            }
            require(isValue, "a field value holds a control or outer white space")
        }
    }

    private static func check(trailers: Headers?, _ limits: ParserLimits) {
        guard let trailers else { return }
        check(trailers, limits.trailerCount, limits.trailerBytes)
        require(!trailers.isEmpty, "trailers without a field")
        let forbidden: [KnownField] = [.contentLength, .transferEncoding, .host, .connection, .forwarded, .via]
        for known in forbidden {
            require(!trailers.has(known), "a field of \(known) is in the trailers")
        }
    }

    private static func check(_ framing: BodyFraming, _ headers: Headers, isHTTP10: Bool, _ limits: ParserLimits) {
        switch framing {
        case .length(let length):
            require(length > 0 && length <= limits.contentBytes, "content of \(length) bytes")
            require(!headers.has(.transferEncoding), "a length beside a transfer coding")
            let lengths = headers.entries.filter { $0.known == .contentLength }
            let values = lengths.map { entry in headers.withValue(of: entry) { String(decoding: $0) } }
            require(values.count == 1 && Int(values[0]) == length, "a length of \(values) read as \(length)")
        case .chunked:
            require(!isHTTP10, "chunks in HTTP/1.0")
            require(!headers.has(.contentLength), "chunks beside a length")
        case .none, .untilClose: break
        }
    }

    private static func isOneLine(_ authority: Authority) -> Bool {
        authority.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
