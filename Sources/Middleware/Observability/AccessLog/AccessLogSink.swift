public import Logging
import Synchronization

/// Where the lines of an ``AccessLog`` go.
///
/// ```swift
/// struct Syslog: AccessLogSink {
///     func write(_ line: Span<UInt8>, context: RequestContext) { queue.append(line) }
/// }
/// ```
public protocol AccessLogSink: Sendable {
    /// What the destination is called, what is wrong with it, and the service that writes out what is left at the end.
    /// The type's name unless implemented.
    var blueprint: Blueprint { get }

    /// Takes a line, without its line end. Called on the loop of the exchange, from several at once: it must not block,
    /// and copies what it keeps.
    func write(_ line: Span<UInt8>, context: RequestContext)
}

extension AccessLogSink {
    public var blueprint: Blueprint { Blueprint("\(Self.self)") }
}

/// Hands every line to the logger of its context, whose metadata it carries.
public struct AccessLogLogger: AccessLogSink {
    /// The level of the lines.
    public var level: Logger.Level

    /// A destination that logs at that level.
    public init(level: Logger.Level = .info) { self.level = level }

    public func write(_ line: Span<UInt8>, context: RequestContext) {
        guard context.logger.logLevel <= level else { return }
        context.logger.log(level: level, "\(String(decoding: line))")
    }
}

/// Keeps the last lines in memory, for tests and for a page that shows them.
public final class AccessLogMemory: AccessLogSink {
    private let limit: Int
    private let kept = Mutex<[String]>([])

    /// Keeps up to `limit` lines.
    public init(limit: Int = 1_000) { self.limit = max(0, limit) }

    public func write(_ line: Span<UInt8>, context: RequestContext) {
        let text = String(decoding: line)
        kept.withLock { kept in
            kept.append(text)
            if kept.count > limit { kept.removeFirst(kept.count - limit) }
        }
    }

    /// The lines that are kept, the oldest first.
    public var lines: [String] { kept.withLock { $0 } }
}

extension AccessLogSink where Self == AccessLogLogger {
    /// The logger of each context, at the level `info`.
    public static var logger: AccessLogLogger { AccessLogLogger() }
}

extension AccessLogSink where Self == AccessLogFile {
    /// The standard output of the process.
    public static var standardOutput: AccessLogFile { AccessLogFile.shared }

    /// A file, to which lines are appended.
    public static func file(_ path: String) -> AccessLogFile { AccessLogFile(path) }
}
