import Logging
import NIOPosix

/// The endpoints that a file lists, read again when it changes.
///
/// ```swift
/// FileEndpoints("/etc/edge/users.endpoints")
/// ```
///
/// One endpoint a line, as ``Endpoint`` takes it, and behind it, in any order, what is not as usual:
///
/// ```text
/// # what              how it stands to the others
/// 10.0.0.1:8080       weight=3 zone=a
/// 10.0.0.2:8080       priority=1 label.version=v2
/// [2001:db8::3]:8080  backup
/// ```
///
/// Weights are 1 to 65535, priorities 0 to 65535; a comment begins with a `#` at the start of a word. Every line ends
/// with a line feed.
///
/// **Changes.** Looked for at an interval, by the file's stamp and then by its content. Another file in its place
/// (written beside it and renamed) counts at once. What is written into the same file counts when it has stayed the
/// same from one look to the next, so that a file is not read in the middle of a writer's work.
///
/// **Bad content** changes nothing: a file that is gone, cannot be read, is too long, empty, without endpoints, breaks
/// off within a line or has a line that is not understood. The last good set stays, and the log names line and reason.
/// To take all traffic away, use drains or maintenance and not an empty file. When the very first read fails the
/// stream throws ``FileEndpointsError``.
///
/// The file is read on a thread of the pool, never on an event loop. It is the operator's: whoever can write to it
/// says where requests go.
public struct FileEndpoints: EndpointSource {
    /// How the file is watched.
    public struct Configuration: Sendable {
        /// The time between two looks; 5 seconds unless set.
        public var interval = Duration.seconds(5)
        /// The most bytes of the file; a mebibyte unless set.
        public var maximumBytes = 1 << 20

        public init() {}
    }

    /// Where the file is.
    public let path: String
    private let configuration: Configuration

    /// The endpoints of the file at an absolute path.
    public init(_ path: String, _ configuration: Configuration = Configuration()) {
        self.path = path
        self.configuration = configuration
    }

    public func endpoints(_ runtime: Runtime) -> AsyncThrowingStream<[Endpoint], any Error> {
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                do {
                    try await watch(continuation, runtime)
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    public func check(_ blueprint: inout Blueprint) {
        blueprint.require(
            path.hasPrefix("/") && !path.utf8.contains(0),
            "watches \(path.isEmpty ? "an empty path" : path)", mend: "give an absolute path")
        blueprint.require(
            configuration.interval > .zero, "looks at \(path) every \(configuration.interval)",
            mend: "give more than zero")
        blueprint.require(
            configuration.maximumBytes > 0, "reads \(configuration.maximumBytes) bytes of \(path)",
            mend: "give more than zero")
    }

    private func watch(
        _ continuation: AsyncThrowingStream<[Endpoint], any Error>.Continuation, _ runtime: Runtime
    ) async throws {
        var watch = FileWatch()
        var trouble: FileEndpointsError?
        while !Task.isCancelled {
            do {
                if let endpoints = try await read(&watch) {
                    DiscoveryMetric.updates[.file].increment()
                    continuation.yield(endpoints)
                }
                if trouble != nil, watch.isGood {
                    trouble = nil
                    runtime.logger.info("a file of endpoints is good again", metadata: ["path": "\(path)"])
                }
            } catch let error as FileEndpointsError {
                guard watch.hasEndpoints else { throw error }
                DiscoveryMetric.failures[.file].increment()
                if error != trouble {
                    runtime.logger.warning(
                        "a file of endpoints is not taken, they stay as they were", metadata: ["reason": "\(error)"])
                }
                trouble = error
            }
            do { try await runtime.sleep(for: configuration.interval) } catch { return }
        }
    }

    private func read(_ watch: inout FileWatch) async throws -> [Endpoint]? {
        let (path, limit, known) = (path, configuration.maximumBytes, watch.settled)
        let file = try await NIOThreadPool.singleton.runIfActive { () -> Result<SmallFile?, SmallFileError> in
            do throws(SmallFileError) {
                if let known, try SmallFile.stamp(path) == known { return .success(nil) }
                return .success(try SmallFile.read(path, limit: limit))
            } catch {
                return .failure(error)
            }
        }
        do {
            guard let file = try file.get() else { return nil }
            return try watch.take(file)
        } catch let error as EndpointList.Problem {
            throw FileEndpointsError(path: path, line: error.line, reason: error.reason)
        } catch {
            watch.miss()
            throw FileEndpointsError(path: path, line: nil, reason: "\(error)")
        }
    }
}

/// Why a file of endpoints was not taken.
public struct FileEndpointsError: Error, Equatable, CustomStringConvertible {
    /// The file.
    public var path: String
    /// The line, counted from 1; `nil` when it is about the whole.
    public var line: Int?
    /// What is wrong.
    public var reason: String

    public init(path: String, line: Int?, reason: String) {
        self.path = path
        self.line = line
        self.reason = reason
    }

    public var description: String { path + (line.map { ":\($0)" } ?? "") + ": \(reason)" }
}
