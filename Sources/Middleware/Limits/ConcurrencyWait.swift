/// One request that waits for a place of a concurrency limit.
///
/// Unchecked because it is touched on its context's loop only, apart from its creation.
package final class ConcurrencyWait: ContextWait, @unchecked Sendable {
    private let worker: Worker
    private let cancellation: Cancellation
    private let watchesTask: Bool
    private let places: ConcurrencyPlaces
    private let key: ConcurrencyPlaces.Key
    private let began: Int64
    private let end: Int64
    private var continuation: UnsafeContinuation<ConcurrencyPlace?, any Error>?
    /// `nil` until it is over; a place that is `nil` is the limit of the wait.
    private var result: Result<ConcurrencyPlace?, any Error>?
    private var timer: LoopTimer?

    package init(
        _ context: RequestContext,
        in places: ConcurrencyPlaces,
        _ key: ConcurrencyPlaces.Key,
        atMost wait: Duration
    ) {
        worker = context.worker
        cancellation = context.cancellation
        watchesTask = context.watchesTask
        self.places = places
        self.key = key
        began = worker.now
        let (end, overflow) = began.addingReportingOverflow(max(0, wait.nanoseconds))
        self.end = overflow ? .max : end
    }

    /// Waits. `nil` when the limit of the wait has passed; throws what ends the waits of its context. Once.
    package nonisolated(nonsending) func place() async throws -> ConcurrencyPlace? {
        guard watchesTask else { return try await suspend() }
        return try await withTaskCancellationHandler {
            try await suspend()
        } onCancel: {
            worker.perform { self.interrupt(CancellationError()) }
        }
    }

    private nonisolated(nonsending) func suspend() async throws -> ConcurrencyPlace? {
        try await withUnsafeThrowingContinuation { continuation in
            worker.perform { self.start(continuation) }
        }
    }

    /// Takes a place, from any thread.
    func receive(_ place: ConcurrencyPlace) {
        worker.perform { self.finish(.success(place)) }
    }

    package func interrupt(_ error: any Error) { give(up: .failure(error)) }

    private func start(_ continuation: UnsafeContinuation<ConcurrencyPlace?, any Error>) {
        if let result {
            self.result = .success(nil)
            continuation.resume(with: result)
            return
        }
        self.continuation = continuation
        do {
            try cancellation.begin(self)
        } catch {
            interrupt(error)
            return
        }
        let timer = LoopTimer(on: worker.timers) { [weak self] in self?.give(up: .success(nil)) }
        self.timer = timer
        timer.set(end)
    }

    /// Ends the wait without a place, unless one is on its way: then that comes, and whatever ended the wait ends the
    /// next.
    private func give(up result: Result<ConcurrencyPlace?, any Error>) {
        guard self.result == nil, places.abandon(self, key) else { return }
        finish(result)
    }

    private func finish(_ result: Result<ConcurrencyPlace?, any Error>) {
        timer?.invalidate()
        timer = nil
        cancellation.end(self)
        if case .success(_?) = result { LimitMetric.queueDuration.record(nanoseconds: worker.now - began) }
        guard let continuation else {
            self.result = result
            return
        }
        self.continuation = nil
        // The place is its receiver's from here on: kept here as well, it would not be free when that drops it.
        self.result = .success(nil)
        continuation.resume(with: result)
    }
}
