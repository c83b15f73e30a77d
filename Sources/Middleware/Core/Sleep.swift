/// One timed wait of a context. Unchecked because it is touched on its worker's loop only, apart from its creation.
final class Sleep: ContextWait, @unchecked Sendable {
    private let worker: Worker
    private let cancellation: Cancellation
    private let instant: Int64
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var result: Result<Void, any Error>?
    private var timer: LoopTimer?

    init(_ duration: Duration, in context: RequestContext) {
        worker = context.worker
        cancellation = context.cancellation
        let (instant, overflow) = worker.now.addingReportingOverflow(max(0, duration.nanoseconds))
        self.instant = overflow ? .max : instant
    }

    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                worker.perform { self.start(continuation) }
            }
        } onCancel: {
            worker.perform { self.interrupt(CancellationError()) }
        }
    }

    func interrupt(_ error: any Error) { finish(.failure(error)) }

    private func start(_ continuation: UnsafeContinuation<Void, any Error>) {
        if let result {
            continuation.resume(with: result)
            return
        }
        self.continuation = continuation
        do {
            try cancellation.begin(self)
        } catch {
            finish(.failure(error))
            return
        }
        let timer = LoopTimer(on: worker.timers) { [weak self] in self?.finish(.success(())) }
        self.timer = timer
        timer.set(instant)
    }

    private func finish(_ result: Result<Void, any Error>) {
        guard self.result == nil else { return }
        self.result = result
        cancellation.end(self)
        timer?.invalidate()
        timer = nil
        continuation?.resume(with: result)
        continuation = nil
    }
}
