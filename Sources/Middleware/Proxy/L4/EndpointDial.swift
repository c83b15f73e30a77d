import NIOCore

/// One attempt to open a raw connection to an endpoint. It ends with its context, its task, or the limit that it is
/// given.
///
/// Unchecked because it is touched on its worker's loop only.
final class EndpointDial: ContextWait, @unchecked Sendable {
    private let worker: Worker
    private let cancellation: Cancellation
    private let greeting: ByteBuffer?
    private var continuation: UnsafeContinuation<ConnectionBytes, any Error>?
    private var token: TimerToken?
    private var timer: LoopTimer?
    private var result: Result<ConnectionBytes, any Error>?

    /// - Parameter greeting: what is sent as soon as the connection is open.
    init(in context: RequestContext, greeting: ByteBuffer?) {
        worker = context.worker
        cancellation = context.cancellation
        self.greeting = greeting
    }

    /// Throws an ``UpstreamFailure`` when the endpoint cannot be connected to, and what interrupts the wait.
    func connect(to address: DialAddress, by dialer: any Dialer, within limit: Duration) async throws -> ConnectionBytes
    {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                worker.perform { self.start(continuation, address, dialer, limit) }
            }
        } onCancel: {
            worker.perform { self.interrupt(CancellationError()) }
        }
    }

    func interrupt(_ error: any Error) {
        // The attempt ends by its own error before it is called off, which would be taken for a refusal.
        let token = token
        finish(.failure(error))
        token?.cancel()
    }

    private func start(
        _ continuation: UnsafeContinuation<ConnectionBytes, any Error>,
        _ address: DialAddress,
        _ dialer: any Dialer,
        _ limit: Duration
    ) {
        self.continuation = continuation
        do {
            if let result { _ = try result.get() }
            try cancellation.begin(self)
        } catch {
            self.continuation = nil
            continuation.resume(throwing: error)
            return
        }
        let timer = LoopTimer(on: worker.timers) { [weak self] in
            self?.interrupt(UpstreamFailure(.connectTimeout, "\(address) did not take the connection in time"))
        }
        let (end, overflow) = worker.now.addingReportingOverflow(limit.nanoseconds)
        timer.set(overflow ? .max : end)
        self.timer = timer
        token = dialer.dialStream(address, on: worker) { self.dialled($0, address) }
    }

    private func dialled(_ attempt: Result<any Wire, any Error>, _ address: DialAddress) -> (any WireHandler)? {
        guard result == nil else { return nil }
        switch attempt {
        case .success(let wire):
            if let greeting { wire.send(greeting) }
            let bytes = ConnectionBytes(wire, on: worker, early: nil) {}
            finish(.success(bytes))
            return bytes
        case .failure(let error):
            finish(.failure(UpstreamFailure(.connect, "\(address): \(error)", cause: error)))
            return nil
        }
    }

    private func finish(_ result: Result<ConnectionBytes, any Error>) {
        guard self.result == nil else { return }
        self.result = result
        timer?.invalidate()
        timer = nil
        token = nil
        cancellation.end(self)
        let continuation = continuation
        self.continuation = nil
        continuation?.resume(with: result)
    }
}
