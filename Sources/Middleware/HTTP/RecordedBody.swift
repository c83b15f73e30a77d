import NIOCore
import Synchronization

/// A body that is fetched once and read by many, on any event loop: what retries, mirroring, collapsing and cache fills
/// stand on.
///
/// ```swift
/// let recorded = try RecordedBody(recording: request.body, upTo: 1 << 20)
/// request.body = recorded.reader()
/// var response = try await next.handle(request, context: context)
/// if response.status == .serviceUnavailable, recorded.isReplayable {
///     response.body.discard()
///     request.body = recorded.reader()
///     response = try await next.handle(request, context: context)
/// }
/// ```
///
/// The source is pulled at the pace of the fastest reader, one part at a time and only while a reader waits for it.
/// What came is kept for the others within a limit: past it the oldest parts go, and a reader that still needed them is
/// cut, never waited for. Its next read throws ``BodyOutrun``. A part goes to every reader that waits for it, even if
/// it is larger than the limit. Trailers, the end, and the failure of the source reach every reader that gets that far.
///
/// A reader that is cancelled, dropped, or whose task is cancelled while it reads ends alone. A pull that is under way
/// belongs to the recording and not to the reader that asked for it, so its part is lost to nobody. The source is
/// cancelled once nobody can read it any more: the last reader has ended, and the owner has let go of this object or
/// has nothing to give to new readers. A source at rest is cancelled before that call returns, one that is being read
/// soon after.
///
/// What it does not do: it reads nothing by itself, and a reader knows no ``RequestContext``. Whoever reads on behalf
/// of another exchange cancels the reader when that exchange fails or its deadline passes.
///
/// Empty bodies and bytes at hand are not recorded: their readers share the bytes, without a limit.
///
/// Safe to use from any thread; each reader is used by one task at a time. The source is called on the executor that
/// the recording was made on, one call at a time, and must not be called by anyone else.
public final class RecordedBody: Sendable {
    private enum Content {
        case empty
        case bytes(ByteBuffer, Headers?)
        case recording(Recording)
    }

    private let content: Content

    /// Takes over a body.
    ///
    /// Throws ``BodyIsLive`` for a live body, which it leaves as it is, and ``BodyConsumed`` for a stream that was
    /// opened before.
    ///
    /// - Parameters:
    ///   - body: the body; only through readers from here on.
    ///   - limit: the most bytes to keep for later and slower readers. 0 keeps none: then a part reaches those readers
    ///     that wait for it, and cuts the others. Small parts are copied together, so that they pin no read buffer.
    public init(recording body: consuming Body, upTo limit: Int) throws {
        guard !body.isLive else { throw BodyIsLive() }
        switch body.storage {
        case .empty: content = .empty
        case .bytes(let buffer, let trailers): content = .bytes(buffer, trailers?.headers)
        case .stream: content = .recording(Recording(of: try body.open(), upTo: max(0, limit)))
        }
    }

    deinit {
        if case .recording(let recording) = content { recording.disown() }
    }

    /// One more body with the same content, from its start. It has its place in the recording from this call on, and
    /// gives it up when it is dropped.
    ///
    /// When ``isReplayable`` is false, reading it throws ``BodyOutrun``.
    public func reader() -> Body {
        switch content {
        case .empty: .empty
        case .bytes(let buffer, let trailers): .bytes(buffer, trailers: trailers)
        case .recording(let recording): .stream(RecordingReader(recording))
        }
    }

    /// Whether every byte since the start is still there, so that a new reader begins there. Once false it stays false.
    public var isReplayable: Bool {
        if case .recording(let recording) = content { recording.isReplayable } else { true }
    }
}

/// Thrown by a reader of a ``RecordedBody`` that needs bytes which are no longer kept: it was slower than the fastest
/// reader by more than the limit, or it came too late.
public struct BodyOutrun: Error {
    /// The limit of the recording, in bytes.
    public var limit: Int

    public init(limit: Int) { self.limit = limit }
}

/// One reader's side of a recording.
private final class RecordingReader: BodySource {
    private let recording: Recording
    private let id: Int

    init(_ recording: Recording) {
        self.recording = recording
        id = recording.admit()
    }

    deinit { recording.forget(id) }

    var knownLength: Int? { recording.knownLength }

    var isReady: Bool { recording.isReady(id) }

    func read() async throws -> BodyPart { try await recording.read(id) }

    func cancel(_ reason: any Error) { recording.end(id, reason) }
}

/// What readers and owner share: one state behind one lock, and the calls that follow from it, made with the lock open.
private final class Recording: Sendable {
    let knownLength: Int?
    private let state: Mutex<RecordingState>
    private let executor: (any TaskExecutor)?

    init(of source: any BodySource, upTo limit: Int) {
        knownLength = source.knownLength
        // Safe: opening the stream has made this recording its one reader.
        nonisolated(unsafe) let source = source
        state = Mutex(RecordingState(limit: limit, pump: SourcePump(source)))
        executor = Self.callersExecutor
    }

    /// The event loop that the caller's task prefers, so that pulls need no hop.
    private static var callersExecutor: (any TaskExecutor)? {
        guard #available(macOS 26.4, iOS 26.4, *) else { return nil }
        return withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
    }

    var isReplayable: Bool { state.withLock { $0.isReplayable } }

    func isReady(_ id: Int) -> Bool { state.withLock { $0.isReady(id) } }

    func admit() -> Int { state.withLock { $0.admit() } }

    func end(_ id: Int, _ reason: any Error) { perform(state.withLock { $0.end(id, reason) }) }

    func forget(_ id: Int) {
        perform(
            state.withLock { state in
                let effects = state.end(id, CancellationError())
                state.forget(id)
                return effects
            }
        )
    }

    func disown() { perform(state.withLock { $0.disown() }) }

    func read(_ id: Int) async throws -> BodyPart {
        let (kept, effects) = state.withLock { $0.take(id) }
        perform(effects)
        if let kept { return try kept.get() }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                perform(state.withLock { $0.wait(id, continuation) })
            }
        } onCancel: {
            end(id, CancellationError())
        }
    }

    private func perform(_ effects: RecordingState.Effects) {
        for (waiter, result) in effects.wakeUps { waiter.resume(with: result) }
        switch effects.call {
        case .none:
            break
        case .pull(let pump):
            // A task of its own: were it the reader's, the reader's cancellation would break the source for all.
            Task(executorPreference: executor) {
                let result = await pump.read()
                self.perform(self.state.withLock { $0.deliver(result) })
            }
        case .cancel(let pump, isReading: false):
            pump.cancelAtRest(CancellationError())
        case .cancel(let pump, isReading: true):
            Task(executorPreference: executor) { await pump.cancel(CancellationError()) }
        }
    }
}
