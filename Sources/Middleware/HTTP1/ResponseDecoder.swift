package import HTTPTypes
package import NIOCore

/// The head of a response.
package struct ResponseHead {
    /// The code and the reason phrase that was received.
    package let status: HTTPResponse.Status
    package let headers: Headers
    package let isHTTP10: Bool
    package let framing: BodyFraming
    /// Whether the connection may carry another exchange.
    package let persists: Bool
    /// Whether the bytes that follow are no longer HTTP: 101, or success of CONNECT. The decoder reads none of them.
    package let switchesProtocol: Bool
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

    /// - Parameter dropsConnectionFields: leaves out of the headers what was about this connection alone and has been
    ///   acted on: `Keep-Alive`, `Transfer-Encoding`, and a `Connection` that names no other field. It costs less here
    ///   than later.
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
        let head = try head(of: input)
        input.moveReaderIndex(forwardBy: fields.end)
        if head.status.code < 200, !head.switchesProtocol { return .informational(head.status, head.headers) }
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

    /// The complete head at the front of the input.
    @inline(__always)
    private mutating func head(of input: ByteBuffer) throws(WireProblem.Rule) -> ResponseHead {
        let bytes = input.readableBytesUInt8Span
        let isHTTP10 = line.minorVersion == 0
        let options = try fields.connectionOptions(in: bytes)
        let asked = isTunnel ? nil : try fields.framing(in: bytes, isHTTP10: isHTTP10)
        if dropsConnectionFields, !options.contains(.others), !options.contains(.upgrade) {
            fields.dropConnectionFields()
        }
        let outcome = try outcome(asked, persists: options.persists(isHTTP10: isHTTP10))
        return ResponseHead(
            status: line.status(in: bytes),
            headers: fields.headers(in: input.getSlice(at: input.readerIndex, length: fields.end) ?? ByteBuffer()),
            isHTTP10: isHTTP10,
            framing: outcome.framing,
            persists: outcome.persists,
            switchesProtocol: outcome.switchesProtocol
        )
    }

    /// RFC 9112 section 6.3: success of CONNECT opens a tunnel, whatever the fields say about content.
    private var isTunnel: Bool { method.matches(.connect) && (200..<300).contains(line.code) }

    /// How the content follows and what becomes of the connection.
    ///
    /// - Parameter asked: what the fields say about content; `nil` when they say nothing.
    @inline(__always)
    private func outcome(
        _ asked: BodyFraming?,
        persists: Bool
    ) throws(WireProblem.Rule) -> (framing: BodyFraming, persists: Bool, switchesProtocol: Bool) {
        if isTunnel { return (.none, false, true) }
        switch line.code {
        case 100..<200:
            // RFC 9110 section 15.2. A server that sends content here desynchronises what follows.
            guard (asked ?? BodyFraming.none) == BodyFraming.none else { throw .contentInInterim }
            guard line.code == 101 else { return (.none, persists, false) }
            // RFC 9110 section 15.2.2.
            guard offersUpgrade else { throw .switchNotRequested }
            return (.none, false, true)
        case 204:
            // RFC 9112 section 6.3: no content. A server that announces some may send it: not another exchange then.
            return (.none, persists && (asked ?? BodyFraming.none) == BodyFraming.none, false)
        case 304:
            return (.none, persists, false)
        default:
            // RFC 9112 section 6.3: HEAD has no content; without a length it lasts until the connection ends.
            if method.matches(.head) { return (.none, persists, false) }
            guard let asked else { return (.untilClose, false, false) }
            if case .length(let length) = asked, length > limits.contentBytes { throw .contentTooLarge }
            return (asked, persists, false)
        }
    }
}
