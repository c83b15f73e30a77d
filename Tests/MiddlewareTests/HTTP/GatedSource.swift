import Middleware
import NIOCore
import Synchronization

/// A body source whose parts come when the test gives them, and which tells what was done to it.
final class GatedSource: BodySource, Sendable {
    private struct State {
        var parts: [Result<BodyPart, any Error>] = []
        var waiting: CheckedContinuation<BodyPart, any Error>?
        var failure: (any Error)?
        var cancelReason: (any Error)?
        var reads = 0
        var watchers: [(isMet: (State) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    let knownLength: Int?
    private let state = Mutex(State())

    init(_ parts: String..., knownLength: Int? = nil) {
        self.knownLength = knownLength
        for part in parts { give(part) }
    }

    var isReady: Bool { state.withLock { !$0.parts.isEmpty || $0.failure != nil } }

    /// The number of reads that have begun.
    var reads: Int { state.withLock { $0.reads } }

    /// Whether it was cancelled, and the reason that came first.
    var cancelReason: (any Error)? { state.withLock { $0.cancelReason } }
    var isCancelled: Bool { cancelReason != nil }

    func give(_ text: String) { give(.bytes(ByteBuffer(string: text))) }

    func give(_ part: BodyPart) { give(.success(part)) }

    func finish(trailers: Headers? = nil) { give(.end(trailers: trailers)) }

    func fail(_ error: any Error) { give(.failure(error)) }

    /// Returns once that many reads have begun.
    func hasBegun(reads count: Int) async { await met { $0.reads >= count } }

    /// Returns once it was cancelled.
    func hasBeenCancelled() async { await met { $0.cancelReason != nil } }

    func read() async throws -> BodyPart {
        try await withCheckedThrowingContinuation { continuation in
            let result: Result<BodyPart, any Error>? = state.withLock { state in
                state.reads += 1
                if let failure = state.failure { return .failure(failure) }
                guard !state.parts.isEmpty else {
                    state.waiting = continuation
                    return nil
                }
                let part = state.parts.removeFirst()
                Self.note(part, in: &state)
                return part
            }
            if let result { continuation.resume(with: result) }
            wakeWatchers()
        }
    }

    func cancel(_ reason: any Error) {
        let waiting = state.withLock { state -> CheckedContinuation<BodyPart, any Error>? in
            state.cancelReason = state.cancelReason ?? reason
            state.failure = state.failure ?? reason
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(throwing: reason)
        wakeWatchers()
    }

    private func give(_ part: Result<BodyPart, any Error>) {
        let waiting = state.withLock { state -> CheckedContinuation<BodyPart, any Error>? in
            guard let waiting = state.waiting else {
                state.parts.append(part)
                return nil
            }
            state.waiting = nil
            Self.note(part, in: &state)
            return waiting
        }
        waiting?.resume(with: part)
    }

    private static func note(_ part: Result<BodyPart, any Error>, in state: inout State) {
        switch part {
        case .success(.bytes): break
        case .success(.end): state.failure = BodyConsumed()
        case .failure(let error): state.failure = error
        }
    }

    private func met(_ isMet: @escaping @Sendable (State) -> Bool) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.watchers.append((isMet, continuation)) }
            wakeWatchers()
        }
    }

    private func wakeWatchers() {
        let woken = state.withLock { state in
            let watchers = state.watchers
            state.watchers = watchers.filter { !$0.isMet(state) }
            return watchers.filter { $0.isMet(state) }.map(\.continuation)
        }
        for watcher in woken { watcher.resume() }
    }
}

/// Everything that a source has: its content, and the trailers behind it.
func drain(_ source: any BodySource) async throws -> (content: String, trailers: Headers?) {
    var content = ByteBuffer()
    while true {
        switch try await source.read() {
        case .bytes(var bytes): content.writeBuffer(&bytes)
        case .end(let trailers): return (String(buffer: content), trailers)
        }
    }
}

/// The next part as text; `nil` for the end.
func text(_ source: any BodySource) async throws -> String? {
    if case .bytes(let bytes) = try await source.read() { String(buffer: bytes) } else { nil }
}

/// Lets other tasks run until something holds; false when it never does.
func eventually(_ condition: () -> Bool) async -> Bool {
    for _ in 0..<1_000_000 {
        if condition() { return true }
        await Task.yield()
    }
    return condition()
}
