import Synchronization

extension Runtime {
    /// Waits on the runtime's clock, outside any request. Throws `CancellationError` when the task is cancelled.
    package func sleep(for duration: Duration) async throws {
        let wait = RuntimeSleep()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                wait.begin(continuation) { time.schedule(at: time.now.advanced(by: max(.zero, duration)), $0) }
            }
        } onCancel: {
            wait.finish(.failure(CancellationError()))
        }
    }
}

/// One wait, which its timer or its cancellation ends, whichever comes first.
private final class RuntimeSleep: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Void, any Error>?
        var timer: TimerToken?
        var result: Result<Void, any Error>?
    }

    private let state = Mutex(State())

    func begin(
        _ continuation: CheckedContinuation<Void, any Error>,
        schedule: (@escaping @Sendable () -> Void) -> TimerToken
    ) {
        let over = state.withLock { state in
            if state.result == nil { state.continuation = continuation }
            return state.result
        }
        if let over {
            continuation.resume(with: over)
            return
        }
        let timer = schedule { self.finish(.success(())) }
        let isOver = state.withLock { state in
            if state.result == nil { state.timer = timer }
            return state.result != nil
        }
        if isOver { timer.cancel() }
    }

    func finish(_ result: Result<Void, any Error>) {
        let (continuation, timer) = state.withLock { state in
            guard state.result == nil else { return (nil as CheckedContinuation<Void, any Error>?, nil as TimerToken?) }
            state.result = result
            defer { (state.continuation, state.timer) = (nil, nil) }
            return (state.continuation, state.timer)
        }
        timer?.cancel()
        continuation?.resume(with: result)
    }
}
