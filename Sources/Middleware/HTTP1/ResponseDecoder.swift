package import HTTPTypes
package import NIOCore

/// The head of a final response, or of 101.
package struct ResponseHead {
    /// The code and the reason phrase that was received.
    package let status: HTTPResponse.Status
    package fileprivate(set) var headers = Headers()
    package let isHTTP10: Bool
    package fileprivate(set) var framing = BodyFraming.none
    /// Whether the connection may carry another exchange.
    package fileprivate(set) var persists: Bool
    /// Whether the bytes that follow are no longer HTTP: 101, or success of CONNECT. The decoder reads none of them.
    package fileprivate(set) var switchesProtocol = false
    /// Whether `Connection` names fields that are not the codec's.
    fileprivate let namesOtherFields: Bool

    fileprivate init(status: HTTPResponse.Status, isHTTP10: Bool, persists: Bool, namesOtherFields: Bool) {
        self.status = status
        self.isHTTP10 = isHTTP10
        self.persists = persists
        self.namesOtherFields = namesOtherFields
    }
}

/// What a ``ResponseDecoder`` found.
package enum ResponseEvent {
    /// A 1xx other than 101; the final response is still to come.
    case informational(HTTPResponse.Status, Headers)
    case head(ResponseHead)
    /// A part of the content, a slice of the input.
    case body(ByteBuffer)
    /// The end of content. None follows a head whose framing is ``BodyFraming/none``.
    case end(trailers: Headers?)
}

/// Reads the responses of one HTTP/1.1 connection to an origin, as strictly as ``RequestDecoder`` reads requests and
/// with the same contract about its input.
///
/// ```swift
/// decoder.start(answering: .get)
/// while let event = try decoder.next(from: &input) { … }
/// let last = try decoder.close()                              // at the end of the connection
/// ```
///
/// A response that is wrong is never repaired: its problem has status 502 and the connection is of no further use.
package struct ResponseDecoder: Sendable {
    private enum State {
        case idle, head
        case body(Int)
        case chunked, untilClose, end, switched
        case failed(WireProblem.Rule)
    }

    private let limits: ParserLimits
    private let dropsConnectionFields: Bool
    private var state = State.idle
    private var method = HTTPRequest.Method.get
    private var offersUpgrade = false
    private var line = StatusLine()
    private var fields = FieldLines(keepsHostApart: false)
    private var chunks = ChunkedDecoder()

    /// - Parameter dropsConnectionFields: leaves out of the headers what was about this connection alone and has been acted
    ///   on: `Keep-Alive`, `Transfer-Encoding`, and a `Connection` that names no other field. It costs less here than later.
    package init(limits: ParserLimits = ParserLimits(), dropsConnectionFields: Bool = false) {
        self.limits = limits
        self.dropsConnectionFields = dropsConnectionFields
    }

    /// Whether every response that was asked for was read to its end.
    package var isAtMessageStart: Bool {
        if case .idle = state { true } else { false }
    }

    /// Whether some but not all bytes of a head were read. When it is `false` at the end of the connection and a
    /// response is awaited, the server has sent nothing of it.
    package var hasPartialHead: Bool {
        if case .head = state { !line.isFresh && !fields.isComplete } else { false }
    }

    /// Expects the response to a request that was sent; to be called before the first byte of it can come.
    ///
    /// - Parameter offersUpgrade: Whether the request asked to switch protocols. A 101 that nobody asked for is
    ///   refused.
    package mutating func start(answering method: HTTPRequest.Method, offersUpgrade: Bool = false) {
        guard case .idle = state else { return }
        self.method = method
        self.offersUpgrade = offersUpgrade
        state = .head
    }

    /// The next event, or `nil` when it needs more bytes.
    ///
    /// Inlined, so that an event is taken apart where it is made.
    @inline(__always)
    package mutating func next(from input: inout ByteBuffer) throws(WireProblem) -> ResponseEvent? {
        do throws(WireProblem.Rule) {
            switch state {
            case .idle:
                // RFC 9112 section 9.2: bytes that answer nothing must not answer the next request.
                guard input.readableBytes == 0 else { throw .unsolicited }
                return nil
            case .head: return try nextHead(from: &input)
            case .body(let remaining):
                guard let part = takePart(of: &input, upTo: remaining) else { return nil }
                let rest = remaining - part.readableBytes
                state = rest == 0 ? .end : .body(rest)
                return .body(part)
            case .untilClose:
                guard let part = takePart(of: &input, upTo: .max) else { return nil }
                return .body(part)
            case .chunked:
                switch try chunks.next(from: &input, limits: limits) {
                case .body(let part): return .body(part)
                case .end(let trailers):
                    state = .idle
                    return .end(trailers: trailers)
                case nil: return nil
                }
            case .end:
                state = .idle
                return .end(trailers: nil)
            case .switched: return nil
            case .failed(let rule): throw rule
            }
        } catch {
            state = .failed(error)
            throw WireProblem(response: error)
        }
    }

    /// The end of the connection, after all its bytes were read. Ends content that lasts until then; throws when
    /// anything else is incomplete (RFC 9112 section 8).
    package mutating func close() throws(WireProblem) -> ResponseEvent? {
        switch state {
        case .idle, .switched: return nil
        case .untilClose, .end:
            state = .idle
            return .end(trailers: nil)
        case .head, .body, .chunked:
            state = .failed(.truncated)
            throw WireProblem(response: .truncated)
        case .failed(let rule):
            throw WireProblem(response: rule)
        }
    }

    private func takePart(of input: inout ByteBuffer, upTo limit: Int) -> ByteBuffer? {
        guard input.readableBytes > 0 else { return nil }
        return input.readSlice(length: min(limit, input.readableBytes))
    }

    @inline(__always)
    private mutating func nextHead(from input: inout ByteBuffer) throws(WireProblem.Rule) -> ResponseEvent? {
        guard input.readableBytes > 0 else { return nil }
        if fields.isComplete {
            line = StatusLine()
            fields.begin(at: 0)
        }
        guard try scan(input.readableBytesUInt8Span) else { return nil }
        var head = try head(in: input.readableBytesUInt8Span)
        guard let section = input.readSlice(length: fields.end) else { return nil }
        if dropsConnectionFields, !head.namesOtherFields { fields.dropConnectionFields() }
        head.headers = fields.headers(in: section)
        if head.status.code < 200, !head.switchesProtocol {
            return .informational(head.status, head.headers)
        }
        switch head.framing {
        case .none: state = head.switchesProtocol ? .switched : .idle
        case .length(let length): state = .body(length)
        case .chunked:
            chunks = ChunkedDecoder()
            state = .chunked
        case .untilClose: state = .untilClose
        }
        return .head(head)
    }

    /// Whether the head is complete.
    private mutating func scan(_ bytes: Span<UInt8>) throws(WireProblem.Rule) -> Bool {
        if !line.isComplete {
            guard try line.scan(bytes, limits: limits) else { return false }
            fields.begin(at: line.end)
        }
        return try fields.scan(bytes, limit: limits.headBytes, maximumCount: limits.fieldCount)
    }

    /// What a complete head says; its fields are still to be set.
    @inline(__always)
    private mutating func head(in bytes: Span<UInt8>) throws(WireProblem.Rule) -> ResponseHead {
        let isHTTP10 = line.minorVersion == 0
        let code = line.code
        let options = try fields.connectionOptions(in: bytes)
        var head = ResponseHead(
            status: line.status(in: bytes),
            isHTTP10: isHTTP10,
            persists: options.persists(isHTTP10: isHTTP10),
            namesOtherFields: options.contains(.others) || options.contains(.upgrade)
        )
        if method.matches(.connect), (200..<300).contains(code) {
            // RFC 9112 section 6.3: a tunnel, whatever the fields say about content.
            head.switchesProtocol = true
            head.persists = false
            return head
        }
        let asked = try fields.framing(in: bytes, isHTTP10: isHTTP10)
        switch code {
        case 100..<200:
            // RFC 9110 section 15.2. A server that sends content here desynchronises what follows.
            guard (asked ?? BodyFraming.none) == BodyFraming.none else { throw .contentInInterim }
            if code == 101 {
                // RFC 9110 section 15.2.2.
                guard offersUpgrade else { throw .switchNotRequested }
                head.switchesProtocol = true
                head.persists = false
            }
        case 204:
            // RFC 9112 section 6.3: no content. A server that announces some may send it: not another exchange then.
            if (asked ?? BodyFraming.none) != BodyFraming.none { head.persists = false }
        case 304:
            break
        default:
            // RFC 9112 section 6.3: HEAD has no content; without a length it lasts until the connection ends.
            if method.matches(.head) { break }
            head.framing = asked ?? .untilClose
            if head.framing == .untilClose { head.persists = false }
            if case .length(let length) = head.framing, length > limits.contentBytes { throw .contentTooLarge }
        }
        return head
    }
}
