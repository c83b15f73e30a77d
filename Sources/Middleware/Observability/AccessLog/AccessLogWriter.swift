import NIOCore

/// The part that all exchanges of one log share: decides about a line, makes it, and hands it on.
final class AccessLogWriter: Sendable {
    /// The buffer in which a loop makes its lines.
    private final class Scratch {
        var buffer = ByteBuffer()
    }

    let configuration: AccessLog.Configuration
    let showsRequestHeaders: Bool
    let showsResponseHeaders: Bool
    private let redaction: AccessLogRedactor
    private let threshold: UInt64?

    init(_ configuration: AccessLog.Configuration) {
        self.configuration = configuration
        let fields = configuration.format.fields
        showsRequestHeaders = fields.contains { $0.isOfRequestHeaders }
        showsResponseHeaders = fields.contains { $0.isOfResponseHeaders }
        redaction = AccessLogRedactor(configuration.redaction)
        threshold = configuration.sampling.threshold
    }

    func write(_ record: AccessLogRecord, _ context: RequestContext, _ outcome: Outcome) {
        if let threshold,
            !configuration.sampling.alwaysKeeps(status: record.status, end: outcome.end),
            context.runtime.randomness.next() >= threshold
        {
            return
        }
        // Off the loop nothing of the loop's may be touched.
        let scratch =
            context.worker.isCurrent ? context.worker.state(Scratch.self) { Scratch() } : nil
        var line = AccessLogLine(record: record, context: context, outcome: outcome, redactor: redaction)
        if let scratch { swap(&line.buffer, &scratch.buffer) }
        line.buffer.clear()
        line.write(configuration.format)
        configuration.destination.write(line.buffer.readableBytesUInt8Span, context: context)
        if let scratch { swap(&line.buffer, &scratch.buffer) }
    }
}
