import Logging
import Synchronization

/// What was logged, in order: the application log of a gateway under test.
///
/// ```swift
/// let log = RecordedLog()
/// let client = TestClient(gateway, logger: log.logger)
/// #expect(log.entries(.warning).map(\.message) == ["forwarding failed"])
/// ```
///
/// Safe to use from any thread.
final class RecordedLog: Sendable {
    /// One line.
    struct Entry: Sendable, CustomStringConvertible {
        var level: Logger.Level
        var message: String
        /// That of the logger and that of the line, as text.
        var metadata: [String: String]

        var description: String { "\(level) \(message) \(metadata.sorted { $0.key < $1.key })" }
    }

    private let kept = Mutex<[Entry]>([])

    /// A logger of every level whose lines are kept here.
    var logger: Logger { logger(from: .trace) }

    /// Every line so far.
    var entries: [Entry] { kept.withLock { $0 } }

    /// The lines so far that are at least as grave.
    func entries(_ level: Logger.Level) -> [Entry] { entries.filter { $0.level >= level } }

    /// A logger from that level on whose lines are kept here.
    func logger(from level: Logger.Level) -> Logger {
        Logger(label: "test") { _ in Recorder(record: self, logLevel: level) }
    }

    private struct Recorder: LogHandler {
        let record: RecordedLog
        var logLevel: Logger.Level
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let entry = Entry(
                level: event.level,
                message: "\(event.message)",
                metadata: all.mapValues { "\($0)" }
            )
            record.kept.withLock { $0.append(entry) }
        }
    }
}
