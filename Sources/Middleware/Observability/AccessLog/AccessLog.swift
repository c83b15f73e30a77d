/// Writes one line for each request, once its last byte went out or it failed.
///
/// The line tells the request as it reached this middleware, before anything inside rewrote it (the target in its
/// normal form), the status that left it, and the sizes, times and end of the whole exchange. A request whose client
/// left before an answer has no status. However often a part outside calls the chain, an exchange has one line of each
/// log.
///
/// No value can forge a line or a field: controls, quotes and bytes outside ASCII are escaped (``Format``). Credentials
/// in headers are hidden unless asked for, query parameters on request (``Redaction``).
///
/// It never waits: a destination that cannot keep up loses lines, and counts them.
///
/// ## Placement
/// Inside ``RequestID``, outside everything that answers or changes a status. A request that the server refuses before
/// a handler sees it, because it is malformed, has no line; the server counts it.
///
/// ## Example
/// ```swift
/// Pipeline {
///     RequestID()
///     AccessLog(format: .json)
///     ReverseProxy(to: "http://127.0.0.1:9000")
/// }
/// ```
/// Customised:
/// ```swift
/// var configuration = AccessLog.Configuration()
/// configuration.format = .custom("\(.timestamp) \(.clientAddress) \"\(.requestLine)\" \(.status) \(.duration)ms")
/// configuration.destination = AccessLogFile("/var/log/edge/access.log")
/// configuration.sampling = .share(0.05)
/// configuration.redaction.queryParameters = ["token", "code"]
/// AccessLog(configuration)
/// ```
public struct AccessLog: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// What a line looks like. The combined format unless set.
        public var format = Format.combined
        /// Where lines go. Standard output unless set.
        public var destination: any AccessLogSink = AccessLogFile.standardOutput
        /// Which exchanges have a line. All unless set.
        public var sampling = Sampling.everything
        /// What is hidden. Credentials in headers unless set.
        public var redaction = Redaction()

        public init() {}
    }

    private let writer: AccessLogWriter

    /// A log with that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration) {
        writer = AccessLogWriter(configuration)
    }

    /// A log to standard output.
    public init(format: Format = .combined) {
        var configuration = Configuration()
        configuration.format = format
        self.init(configuration)
    }

    /// A log to a destination: `.standardOutput`, `.file("/var/log/edge.log")`, `.logger` or one of your own.
    public init(format: Format = .combined, to destination: some AccessLogSink) {
        var configuration = Configuration()
        configuration.format = format
        configuration.destination = destination
        self.init(configuration)
    }

    public var blueprint: Blueprint {
        let configuration = writer.configuration
        var blueprint = Blueprint("AccessLog", placement: Placement(follows: ["request id"]))
        blueprint.preview = { _ in .passes }
        configuration.format.check(&blueprint)
        configuration.sampling.check(&blueprint)
        blueprint.children = [("destination", configuration.destination.blueprint)]
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        let outer = context[AccessLogRecord.Key.self]
        // A part outside may call the chain again: the exchange, and so its line, is the same.
        guard outer?.record(of: writer) == nil else { return nil }
        let record = AccessLogRecord(request, writer: writer, outer: outer)
        context[AccessLogRecord.Key.self] = record
        context.onFinish { context, outcome in record.finish(context, outcome) }
        return nil
    }

    public func after(_ response: inout Response, context: RequestContext) {
        context[AccessLogRecord.Key.self]?.record(of: writer)?.answered(response)
    }
}
