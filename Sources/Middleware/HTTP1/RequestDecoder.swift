package import HTTPTypes
package import NIOCore

/// The head of a request, checked, and what it says about the connection.
package struct RequestHead {
    /// The head as handlers get it: the target in normal form (`*` for the asterisk-form, and for CONNECT, which names
    /// no resource), the fields without `Host`, and the first protocol that `Upgrade` offers when `Connection` names
    /// that field.
    package let message: Request.Head
    /// Whether an absolute-form says `https`, else `http`; `nil` for the other forms.
    package var isSecureTarget: Bool?
    /// Whether the request is HTTP/1.0: no chunks and no 1xx may be sent to it.
    package var isHTTP10: Bool
    package var framing: BodyFraming
    /// Whether another request may follow (RFC 9112 section 9.3). Never after CONNECT: bytes that were sent in the hope
    /// of a tunnel must not be read as a request when there is none.
    package var persists: Bool
    /// Whether content waits for 100 (RFC 9110 section 10.1.1).
    package var expectsContinue: Bool

    package var method: HTTPRequest.Method { message.method }
    package var target: RequestTarget { message.target }
    /// What the target itself says, else `Host`; empty when an HTTP/1.0 request says neither.
    package var authority: Authority { message.authority }
    package var headers: Headers { message.headers }
    package var upgrade: String? { message.upgradeProtocol }
}

/// What a ``RequestDecoder`` found.
package enum RequestEvent {
    case head(RequestHead)
    /// A part of the content, a slice of the input.
    case body(ByteBuffer)
    /// The end of content. None follows a head whose framing is ``BodyFraming/none``: the next event is the next head.
    case end(trailers: Headers?)
}

/// Reads the requests of one HTTP/1.1 connection, strictly by RFC 9112 and RFC 9110.
///
/// ```swift
/// while let event = try decoder.next(from: &input) { … }      // nil: append more bytes to input
/// ```
///
/// The input is the caller's: what was read is taken from its front, what is incomplete stays there and must come again
/// with more behind it. Heads and content are slices of it. The events do not depend on how the bytes were cut, except
/// that content comes in the parts that were there.
///
/// Where the RFCs leave a choice it refuses: repeated equal `Content-Length`, obs-fold, a bare LF, empty members of
/// `Transfer-Encoding`, `Connection` that is no list of tokens. `Host` that differs from an absolute target is not
/// refused: RFC 9112 section 3.2.2 says to ignore it, and since the outgoing `Host` is derived from the authority
/// nobody behind reads another one.
///
/// It never traps. Once it has thrown it throws the same again. It knows no sockets, time or answers.
package struct RequestDecoder: Sendable {
    private enum State {
        case head
        case body(Int)
        case chunked, end
        case failed(WireProblem.Rule)
    }

    /// What is read off a head while its bytes are still where they were received.
    private struct Findings {
        var method: HTTPRequest.Method
        var form: TargetForm
        var host: Range<Int>
        var framing: BodyFraming
        var persists: Bool
        var isHTTP10: Bool
        var expectsContinue: Bool
        var upgrade: String?
    }

    private let limits: ParserLimits
    private var state = State.head
    private var emptyLines = 0
    private var line = RequestLine()
    private var fields = FieldLines(keepsHostApart: true)
    private var chunks = ChunkedDecoder()

    package init(limits: ParserLimits = ParserLimits()) { self.limits = limits }

    /// Whether the last request was read to its end and no byte of another one was.
    package var isAtMessageStart: Bool {
        if case .head = state { line.isFresh || fields.isComplete } else { false }
    }

    /// Whether some but not all bytes of a head were read.
    package var hasPartialHead: Bool {
        if case .head = state { !line.isFresh && !fields.isComplete } else { false }
    }

    /// The next event, or `nil` when it needs more bytes.
    package mutating func next(from input: inout ByteBuffer) throws(WireProblem) -> RequestEvent? {
        do throws(WireProblem.Rule) {
            switch state {
            case .head: return try readHead(from: &input).map { .head($0) }
            case .body(let remaining):
                guard let part = input.readSlice(length: min(remaining, input.readableBytes)),
                    part.readableBytes > 0
                else { return nil }
                let rest = remaining - part.readableBytes
                state = rest == 0 ? .end : .body(rest)
                return .body(part)
            case .end:
                state = .head
                return .end(trailers: nil)
            case .chunked:
                switch try chunks.next(from: &input, limits: limits) {
                case .body(let part): return .body(part)
                case .end(let trailers):
                    state = .head
                    return .end(trailers: trailers)
                case nil: return nil
                }
            case .failed(let rule): throw rule
            }
        } catch {
            state = .failed(error)
            throw WireProblem(request: error)
        }
    }

    /// The next head, or `nil` when it needs more bytes: the same as ``next(from:)`` for a caller who has had the end
    /// of the message before. `nil` in the midst of a message.
    package mutating func nextHead(from input: inout ByteBuffer) throws(WireProblem) -> RequestHead? {
        do throws(WireProblem.Rule) {
            switch state {
            case .head: return try readHead(from: &input)
            case .failed(let rule): throw rule
            case .body, .chunked, .end: return nil
            }
        } catch {
            state = .failed(error)
            throw WireProblem(request: error)
        }
    }

    private mutating func readHead(from input: inout ByteBuffer) throws(WireProblem.Rule) -> RequestHead? {
        guard input.readableBytes > 0 else { return nil }
        if fields.isComplete {
            line = RequestLine()
            fields.begin(at: 0)
            emptyLines = 0
        }
        if line.isFresh {
            try skipEmptyLines(of: &input)
        }
        guard try scan(input.readableBytesUInt8Span) else { return nil }
        let findings = try findings(in: input.readableBytesUInt8Span)
        guard let head = input.readSlice(length: fields.end) else { return nil }
        switch findings.framing {
        case .length(let length): state = .body(length)
        case .chunked:
            chunks = ChunkedDecoder()
            state = .chunked
        case .none, .untilClose: break
        }
        let target = try RequestTarget(findings.form.path, in: head)
        return RequestHead(
            message: Request.Head(
                method: findings.method,
                scheme: "http",
                authority: Authority(received: head.slice(findings.form.authority ?? findings.host)),
                target: target,
                headers: fields.headers(in: head),
                upgradeProtocol: findings.upgrade
            ),
            isSecureTarget: findings.form.isSecure,
            isHTTP10: findings.isHTTP10,
            framing: findings.framing,
            persists: findings.persists,
            expectsContinue: findings.expectsContinue
        )
    }

    /// RFC 9112 section 2.2: at least one empty line in front of a request is passed over.
    private mutating func skipEmptyLines(of input: inout ByteBuffer) throws(WireProblem.Rule) {
        while try beginsWithEmptyLine(input.readableBytesUInt8Span) {
            input.moveReaderIndex(forwardBy: 2)
            emptyLines += 1
        }
    }

    private func beginsWithEmptyLine(_ bytes: Span<UInt8>) throws(WireProblem.Rule) -> Bool {
        guard !bytes.isEmpty, bytes[0] == Octet.carriageReturn else { return false }
        guard emptyLines < limits.leadingEmptyLines else { throw .emptyLines }
        guard bytes.count > 1 else { return false }
        guard bytes[1] == Octet.lineFeed else { throw .bareCarriageReturn }
        return true
    }

    /// Whether the head is complete.
    private mutating func scan(_ bytes: Span<UInt8>) throws(WireProblem.Rule) -> Bool {
        if !line.isComplete {
            // A CR alone is the start of an empty line.
            if line.isFresh, bytes.isEmpty || bytes[0] == Octet.carriageReturn { return false }
            guard try line.scan(bytes, limits: limits) else { return false }
            fields.begin(at: line.end)
        }
        return try fields.scan(bytes, limit: limits.headBytes, maximumCount: limits.fieldCount)
    }

    /// What a complete head says.
    @inline(__always)
    private mutating func findings(in bytes: Span<UInt8>) throws(WireProblem.Rule) -> Findings {
        guard let method = line.method(in: bytes) else { throw .methodInvalid }
        let isHTTP10 = line.minorVersion == 0
        let isConnect = line.methodEnd == 7 && method.matches(.connect)
        let form = try TargetForm(
            of: line.target,
            in: bytes,
            isConnect: isConnect,
            isOptions: line.methodEnd == 7 && method.matches(.options)
        )
        // RFC 9112 section 3.2: 400 for HTTP/1.1 without Host, and for any request with two or an invalid one, whatever
        // the form of its target.
        guard fields.hostCount < 2 else { throw .hostRepeated }
        guard fields.hostCount == 1 || isHTTP10 else { throw .hostMissing }
        let host = try bytes.authority(in: fields.host, otherwise: .hostInvalid).whole

        let framing = try fields.framing(in: bytes, isHTTP10: isHTTP10) ?? BodyFraming.none
        if case .length(let length) = framing, length > limits.contentBytes {
            // RFC 9110 section 15.5.14.
            throw .contentTooLarge
        }
        // RFC 9110 section 9.3.6: content of a CONNECT means nothing, and what follows it is the tunnel's.
        guard !isConnect || framing == .none else { throw .contentInConnect }
        let options = try fields.connectionOptions(in: bytes)
        let expects = try fields.expectsContinue(in: bytes)
        return Findings(
            method: method,
            form: form,
            host: host,
            framing: framing,
            persists: !isConnect && options.persists(isHTTP10: isHTTP10),
            isHTTP10: isHTTP10,
            // RFC 9110 section 10.1.1: ignored in HTTP/1.0; and nothing waits when there is no content.
            expectsContinue: expects && !isHTTP10 && framing != .none,
            // RFC 9110 section 7.8: ignored in HTTP/1.0.
            upgrade: options.contains(.upgrade) && !isHTTP10 ? fields.upgradeToken(in: bytes) : nil
        )
    }
}

extension RequestTarget {
    /// The target of a form, in the normal form that is forwarded.
    fileprivate init(_ path: TargetForm.Path, in head: ByteBuffer) throws(WireProblem.Rule) {
        switch path {
        case .asterisk: self.init(normal: ByteBuffer(string: "*"), queryStart: nil)
        case .bytes(let range):
            do {
                try self.init(normalising: head.slice(range))
            } catch {
                throw WireProblem.Rule(error)
            }
        }
    }
}

extension WireProblem.Rule {
    fileprivate init(_ problem: RequestTargetProblem) {
        switch problem {
        case .notOriginForm: self = .targetForm
        case .illegalByte: self = .targetInvalid
        case .malformedEscape, .nullEscape: self = .targetEscape
        case .aboveRoot, .ambiguousDotSegment: self = .targetDotSegments
        }
    }
}

extension ByteBuffer {
    /// The bytes at offsets from the reader index.
    @inline(__always)
    fileprivate func slice(_ range: Range<Int>) -> ByteBuffer {
        getSlice(at: readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }
}
