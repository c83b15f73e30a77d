import NIOCore
import Synchronization

/// The end of a server's work: idle connections close, busy ones and spawned work finish, within a deadline.
final class Drain: Sendable {
    private let workers: [ServerWorker]
    private let runtime: Runtime
    private let timeout: Duration

    init(_ workers: [ServerWorker], runtime: Runtime, timeout: Duration) {
        self.workers = workers
        self.runtime = runtime
        self.timeout = timeout
    }

    /// Drains; `false` when the deadline came first and what was left was broken off.
    func run() async -> Bool {
        let deadline = runtime.time.now.advanced(by: timeout)
        let finished = await withCheckedContinuation { continuation in
            let once = Once(continuation)
            let remaining = Remaining(workers.count, once)
            let timer = runtime.time.schedule(at: deadline) { once.resume(false) }
            once.onResume { timer.cancel() }
            for worker in workers {
                worker.worker.perform { worker.drain { remaining.leave(worker) } }
            }
            if workers.isEmpty { once.resume(true) }
        }
        guard !finished else { return true }
        for worker in workers { worker.worker.perform { worker.abort() } }
        return false
    }

    /// Counts the loops that still have something to do.
    private final class Remaining: Sendable {
        private let done = Mutex<Set<ObjectIdentifier>>([])
        private let count: Int
        private let once: Once

        init(_ count: Int, _ once: Once) {
            self.count = count
            self.once = once
        }

        func leave(_ worker: ServerWorker) {
            worker.worker.whenNothingIsSpawned {
                let all = self.done.withLock { done in
                    done.insert(ObjectIdentifier(worker))
                    return done.count == self.count
                }
                if all { self.once.resume(true) }
            }
        }
    }

    /// A continuation that is resumed by whoever comes first.
    private final class Once: Sendable {
        private let state: Mutex<(continuation: CheckedContinuation<Bool, Never>?, then: (@Sendable () -> Void)?)>

        init(_ continuation: CheckedContinuation<Bool, Never>) { state = Mutex((continuation, nil)) }

        func onResume(_ action: @escaping @Sendable () -> Void) {
            let isOver = state.withLock { state in
                state.then = action
                return state.continuation == nil
            }
            if isOver { action() }
        }

        func resume(_ value: Bool) {
            let (continuation, then) = state.withLock { state in
                defer { state.continuation = nil }
                return (state.continuation, state.then)
            }
            guard let continuation else { return }
            then?()
            continuation.resume(returning: value)
        }
    }
}
