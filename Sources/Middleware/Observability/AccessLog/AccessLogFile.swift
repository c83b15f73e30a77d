public import Logging
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// Appends lines to a file or to standard output, off the loops.
///
/// Lines wait in a queue and leave together: after ``Configuration/flushInterval``, or sooner when
/// ``Configuration/flushBytes`` have come together. A line that finds the queue full is dropped and counted, and so are
/// the lines that could not be written; the file is tried again with the next ones.
///
/// After a rotation has moved the file, ``reopen(logger:)`` starts the new one: call it on SIGHUP or SIGUSR1.
///
/// ```swift
/// let log = AccessLogFile("/var/log/edge/access.log")
/// AccessLog(format: .json, to: log)
/// ```
///
/// A server runs it as a service, which writes out the queue at the end. The file is created when the first lines are
/// written, with the mode 0640. Safe to use from any thread.
public final class AccessLogFile: AccessLogSink, Service {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// The bytes of lines that may wait; as many again may be on their way to the disk. 4 MiB unless set; above
        /// zero.
        public var queueBytes = 4 << 20
        /// The bytes from which on lines are written at once. 64 KiB unless set; zero writes every line at once.
        public var flushBytes = 64 << 10
        /// The longest time that a line waits for others. 200 milliseconds unless set; zero writes every line at once.
        public var flushInterval = Duration.milliseconds(200)

        public init() {}
    }

    private enum Phase {
        /// Nothing waits.
        case idle
        /// Lines wait for the timer.
        case waiting
        /// A thread is writing, and takes what comes meanwhile.
        case draining
    }

    private struct State {
        var phase = Phase.idle
        var pending: [UInt8] = []
        var spare: [UInt8] = []
        var file: AppendOnlyFile
        var mustReopen = false
        var isEnding = false
        var isFailing = false
        var dropped = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// The one of standard output, so that the lines of several logs do not mix.
    static let shared = AccessLogFile(name: "standard output", file: AppendOnlyFile(descriptor: 1), Configuration())

    private let name: String
    private let configuration: Configuration
    private let state: Mutex<State>

    /// Appends to the file at `path`.
    public convenience init(_ path: String, _ configuration: Configuration = Configuration()) {
        self.init(name: path, file: AppendOnlyFile(path: path), configuration)
    }

    /// Appends to a descriptor, which it does not close.
    package convenience init(descriptor: Int32, _ configuration: Configuration = Configuration()) {
        self.init(name: "descriptor \(descriptor)", file: AppendOnlyFile(descriptor: descriptor), configuration)
    }

    private init(name: String, file: consuming AppendOnlyFile, _ configuration: Configuration) {
        self.name = name
        self.configuration = configuration
        state = Mutex(State(file: file))
    }

    deinit {
        state.withLock { state in
            let rest = state.pending
            try? state.file.append(rest.span)
            state.file.close()
        }
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint(name)
        blueprint.services = [self]
        blueprint.require(
            configuration.queueBytes > 0,
            "has a queue of \(configuration.queueBytes) bytes",
            mend: "give it more than zero"
        )
        if let problem = state.withLock({ $0.file.problem }) {
            blueprint.require(false, problem, mend: "create the folder and let this process write to it")
        }
        return blueprint
    }

    /// The lines that were lost so far.
    public var droppedLines: Int { state.withLock { $0.dropped } }

    public func write(_ line: Span<UInt8>, context: RequestContext) {
        enum Next {
            case nothing
            case wait
            case drain
            case drop
        }
        let next: Next = state.withLock { state in
            guard state.pending.count + line.count < configuration.queueBytes else {
                state.dropped += 1
                return .drop
            }
            line.withUnsafeBufferPointer { state.pending.append(contentsOf: $0) }
            state.pending.append(UInt8(ascii: "\n"))
            guard state.phase != .draining else { return .nothing }
            if state.isEnding || configuration.flushInterval <= .zero
                || state.pending.count >= configuration.flushBytes
            {
                state.phase = .draining
                return .drain
            }
            defer { state.phase = .waiting }
            return state.phase == .waiting ? .nothing : .wait
        }
        switch next {
        case .nothing: break
        case .drop: AccessLogMetric.dropped[.queue].increment()
        case .drain: drainOffLoop(context.runtime.logger)
        case .wait:
            let (time, logger) = (context.runtime.time, context.runtime.logger)
            _ = time.schedule(at: time.now.advanced(by: configuration.flushInterval)) { [weak self] in
                self?.drainIfNeeded(logger)
            }
        }
    }

    /// Closes the file and opens it again by its path: for after a rotation has moved it. Lines that wait go to the new
    /// file; when that cannot be opened, the old one is kept and the failure is logged. Nothing for standard output.
    public func reopen(logger: Logger = Logger(label: "middleware")) {
        state.withLock { $0.mustReopen = true }
        drainIfNeeded(logger, always: true)
    }

    /// Writes what waits, and returns when it is written or lost.
    public func flush(logger: Logger = Logger(label: "middleware")) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiters.append(continuation) }
            drainIfNeeded(logger, always: true)
        }
    }

    /// Waits for the end of the process, then writes what waits; lines that come later are written at once.
    public func run() async throws {
        try? await gracefulShutdown()
        state.withLock { $0.isEnding = true }
        await flush()
    }

    private func drainIfNeeded(_ logger: Logger, always: Bool = false) {
        let mustDrain = state.withLock { state in
            guard state.phase == .waiting || (always && state.phase == .idle) else { return false }
            state.phase = .draining
            return true
        }
        if mustDrain { drainOffLoop(logger) }
    }

    private func drainOffLoop(_ logger: Logger) {
        NIOThreadPool.singleton.submit { _ in self.drain(logger) }
    }

    /// Writes batch after batch until nothing waits. One thread at a time.
    private func drain(_ logger: Logger) {
        while var (batch, file) = takeBatch() {
            var problem: (any Error)?
            var lost = 0
            do {
                if takeReopening() { try file.reopen() }
            } catch {
                problem = error
            }
            do {
                try file.append(batch.span)
            } catch {
                problem = error
                lost = batch.dropFirst(error.written).count { $0 == UInt8(ascii: "\n") }
            }
            batch.removeAll(keepingCapacity: true)
            settle(batch, file, lost: lost, problem: problem, logger)
        }
    }

    private func takeBatch() -> ([UInt8], AppendOnlyFile)? {
        var batch: [UInt8] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
        let file: AppendOnlyFile? = state.withLock { state in
            guard state.pending.isEmpty, !state.mustReopen else {
                swap(&batch, &state.pending)
                swap(&state.pending, &state.spare)
                return state.file
            }
            state.phase = .idle
            swap(&waiters, &state.waiters)
            return nil
        }
        for waiter in waiters { waiter.resume() }
        return file.map { (batch, $0) }
    }

    private func takeReopening() -> Bool {
        state.withLock { state in
            defer { state.mustReopen = false }
            return state.mustReopen
        }
    }

    private func settle(_ spare: [UInt8], _ file: AppendOnlyFile, lost: Int, problem: (any Error)?, _ logger: Logger) {
        let wasFailing = state.withLock { state in
            state.spare = spare
            state.file = file
            state.dropped += lost
            defer { state.isFailing = problem != nil }
            return state.isFailing
        }
        if lost > 0 { AccessLogMetric.dropped[.write].increment(by: lost) }
        // Once for a full disk, not once for each of its lines.
        if let problem, !wasFailing {
            logger.error("the access log cannot be written", metadata: ["file": "\(name)", "error": "\(problem)"])
        }
    }
}
