import NIOPosix
import Synchronization

/// Work that may wait for a disk, on a thread of the pool; its caller waits for it, and no longer than its context lets
/// it. Work that has begun goes on when nobody waits any more: no disk can be called back.
final class DiskWork<Value: Sendable>: ContextWait, Sendable {
    private enum State {
        case fresh
        case waiting(UnsafeContinuation<Value, any Error>)
        case over(Result<Value, any Error>)
        case told
    }

    private let state = Mutex(State.fresh)

    /// Does the work, once, and gives its result on the caller's executor. Throws what interrupts the wait.
    nonisolated(nonsending) func value(
        in context: (worker: Worker, cancellation: Cancellation), _ work: @escaping @Sendable () -> Value
    ) async throws -> Value {
        // The waits of a context belong to its loop.
        let isOnLoop = context.worker.isCurrent
        if isOnLoop { try context.cancellation.begin(self) }
        defer {
            if isOnLoop { context.worker.perform { context.cancellation.end(self) } }
        }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                self.wait(continuation)
                NIOThreadPool.singleton.submit { _ in
                    if self.isAwaited { self.settle(.success(work())) }
                }
            }
        } onCancel: {
            self.interrupt(CancellationError())
        }
    }

    /// Ends the wait. From any thread.
    func interrupt(_ error: any Error) { settle(.failure(error)) }

    private var isAwaited: Bool {
        state.withLock { if case .waiting = $0 { true } else { false } }
    }

    private func wait(_ continuation: UnsafeContinuation<Value, any Error>) {
        let result: Result<Value, any Error>? = state.withLock { state in
            guard case .over(let result) = state else {
                state = .waiting(continuation)
                return nil
            }
            state = .told
            return result
        }
        if let result { continuation.resume(with: result) }
    }

    private func settle(_ result: Result<Value, any Error>) {
        let continuation: UnsafeContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .fresh:
                state = .over(result)
                return nil
            case .waiting(let continuation):
                state = .told
                return continuation
            case .over, .told:
                return nil
            }
        }
        continuation?.resume(with: result)
    }
}
