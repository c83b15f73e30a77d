import HTTPTypes
import NIOCore

/// One line while it is being made.
struct AccessLogLine {
    var buffer = ByteBuffer()
    private let record: AccessLogRecord
    private let context: RequestContext
    private let outcome: Outcome
    private let redactor: AccessLogRedactor
    private let duration: Int64
    private var isJSON = false

    init(record: AccessLogRecord, context: RequestContext, outcome: Outcome, redactor: AccessLogRedactor) {
        self.record = record
        self.context = context
        self.outcome = outcome
        self.redactor = redactor
        let end = outcome.lastByteAt ?? context.worker.now
        duration = max(0, end - context.beganAt)
    }

    mutating func write(_ format: AccessLog.Format) {
        switch format.shape {
        case .text(let parts):
            for part in parts {
                switch part {
                case .literal(let bytes): buffer.write(bytes.span)
                case .field(let field): if !write(field) { buffer.writeStaticString("-") }
                }
            }
        case .object(let members):
            isJSON = true
            buffer.writeStaticString("{")
            var isFirst = true
            for member in members {
                let start = buffer.writerIndex
                if !isFirst { buffer.writeStaticString(",") }
                buffer.write(member.key.span)
                if write(member.field) { isFirst = false } else { buffer.moveWriterIndex(to: start) }
            }
            buffer.writeStaticString("}")
        }
    }

    /// Writes a value; `false` when there is none, and then nothing was written.
    private mutating func write(_ field: AccessLog.Field) -> Bool {
        switch field.code {
        case .time, .timestamp:
            writeTime(inWords: field.code == .time)
        case .clientAddress:
            guard let text = context.clientAddress?.ipAddress else { return false }
            return write(text)
        case .method:
            return write(record.method.rawValue)
        case .target:
            return record.target.withBytes { write($0, isTarget: true) }
        case .path:
            return record.target.withPath { write($0) }
        case .query:
            return record.target.withQuery { write($0, isQuery: true) } ?? false
        case .requestLine:
            writeRequestLine()
        case .protocolName:
            return write(context[ProtocolKey.self])
        case .scheme:
            return write(record.scheme)
        case .authority:
            guard !record.authority.isEmpty else { return false }
            return write(record.authority.text)
        case .status:
            guard let status = record.status else { return false }
            buffer.writeString("\(status)")
        case .bytesSent:
            buffer.writeString("\(outcome.bytesSent)")
        case .bytesReceived:
            buffer.writeString("\(outcome.bytesReceived)")
        case .duration:
            writeMilliseconds(duration)
        case .timeToFirstByte:
            guard let first = outcome.firstByteAt else { return false }
            writeMilliseconds(max(0, first - context.beganAt))
        case .requestID:
            guard let id = context[RequestIDKey.self] else { return false }
            return write(id)
        case .upstream:
            guard let endpoint = context[UpstreamEndpointKey.self] else { return false }
            return write(endpoint)
        case .route:
            guard let pattern = context[RoutePatternKey.self] else { return false }
            return write(pattern)
        case .end:
            return write(outcome.end.word)
        case .requestHeader(let name):
            return write(name, of: record.headers, isReferer: name == .referer)
        case .responseHeader(let name):
            return write(name, of: record.responseHeaders, isReferer: false)
        }
        return true
    }

    // MARK: Values

    private mutating func write(_ name: HTTPField.Name, of headers: Headers?, isReferer: Bool) -> Bool {
        guard let headers, let index = headers.firstIndex(of: name) else { return false }
        if redactor.hides(name) { return write(AccessLogRedactor.markText) }
        return headers.withValue(of: headers.entries[index]) { write($0, isTarget: isReferer) }
    }

    private mutating func write(_ text: String) -> Bool {
        let bytes = text.utf8
        return write(bytes.span)
    }

    /// Writes a text; an empty one counts as none in a text line.
    private mutating func write(_ bytes: Span<UInt8>, isTarget: Bool = false, isQuery: Bool = false) -> Bool {
        guard isJSON || !bytes.isEmpty else { return false }
        if isJSON { buffer.writeStaticString("\"") }
        if isTarget || isQuery, redactor.concernsQueries {
            buffer.writeLogText(redactor.redacted(bytes, isQuery: isQuery).span, isJSON: isJSON)
        } else {
            buffer.writeLogText(bytes, isJSON: isJSON)
        }
        if isJSON { buffer.writeStaticString("\"") }
        return true
    }

    private mutating func writeRequestLine() {
        if isJSON { buffer.writeStaticString("\"") }
        buffer.writeLogText(record.method.rawValue.utf8.span, isJSON: isJSON)
        buffer.writeStaticString(" ")
        record.target.withBytes { target in
            if redactor.concernsQueries {
                buffer.writeLogText(redactor.redacted(target, isQuery: false).span, isJSON: isJSON)
            } else {
                buffer.writeLogText(target, isJSON: isJSON)
            }
        }
        buffer.writeStaticString(" ")
        buffer.writeLogText(context[ProtocolKey.self].utf8.span, isJSON: isJSON)
        if isJSON { buffer.writeStaticString("\"") }
    }

    private mutating func writeMilliseconds(_ nanoseconds: Int64) {
        let microseconds = nanoseconds / 1_000
        buffer.writeString("\(microseconds / 1_000)")
        buffer.writeStaticString(".")
        writeDigits(microseconds % 1_000)
    }

    /// Writes when the exchange began.
    private mutating func writeTime(inWords: Bool) {
        let began = context.runtime.time.wallClock - .nanoseconds(duration)
        // `Sun, 06 Nov 1994 08:49:37 GMT`: the parts of both forms, at fixed places.
        let date = HTTPDate(began).bytes
        let (day, month, year, time) = (5..<7, 8..<11, 12..<16, 17..<25)
        if inWords {
            if isJSON { buffer.writeStaticString("\"") }
            buffer.write(date.span.extracting(day))
            buffer.writeStaticString("/")
            buffer.write(date.span.extracting(month))
            buffer.writeStaticString("/")
            buffer.write(date.span.extracting(year))
            buffer.writeStaticString(":")
            buffer.write(date.span.extracting(time))
            buffer.writeStaticString(" +0000")
        } else {
            if isJSON { buffer.writeStaticString("\"") }
            buffer.write(date.span.extracting(year))
            buffer.writeStaticString("-")
            let number = Self.month(date[9], date[10])
            buffer.writeInteger(0x30 + number / 10)
            buffer.writeInteger(0x30 + number % 10)
            buffer.writeStaticString("-")
            buffer.write(date.span.extracting(day))
            buffer.writeStaticString("T")
            buffer.write(date.span.extracting(time))
            buffer.writeStaticString(".")
            writeDigits(max(0, began.components.attoseconds) / 1_000_000_000_000_000)
            buffer.writeStaticString("Z")
        }
        if isJSON { buffer.writeStaticString("\"") }
    }

    /// Writes a number below a thousand in three digits.
    private mutating func writeDigits(_ number: Int64) {
        buffer.writeInteger(0x30 + UInt8(truncatingIfNeeded: number / 100))
        buffer.writeInteger(0x30 + UInt8(truncatingIfNeeded: number / 10 % 10))
        buffer.writeInteger(0x30 + UInt8(truncatingIfNeeded: number % 10))
    }

    /// The number of a month from the last two letters of its short name, which no two months share.
    private static func month(_ second: UInt8, _ third: UInt8) -> UInt8 {
        switch (second, third) {
        case (UInt8(ascii: "a"), UInt8(ascii: "n")): 1
        case (UInt8(ascii: "e"), UInt8(ascii: "b")): 2
        case (UInt8(ascii: "a"), UInt8(ascii: "r")): 3
        case (UInt8(ascii: "p"), UInt8(ascii: "r")): 4
        case (UInt8(ascii: "a"), UInt8(ascii: "y")): 5
        case (UInt8(ascii: "u"), UInt8(ascii: "n")): 6
        case (UInt8(ascii: "u"), UInt8(ascii: "l")): 7
        case (UInt8(ascii: "u"), UInt8(ascii: "g")): 8
        case (UInt8(ascii: "e"), UInt8(ascii: "p")): 9
        case (UInt8(ascii: "c"), UInt8(ascii: "t")): 10
        case (UInt8(ascii: "o"), UInt8(ascii: "v")): 11
        default: 12
        }
    }
}

extension Outcome.End {
    fileprivate var word: String {
        switch self {
        case .complete: "complete"
        case .clientGone: "client_gone"
        case .originFailed: "origin_failed"
        case .timedOut: "timed_out"
        case .requestFailed: "request_failed"
        case .refused: "refused"
        }
    }
}
