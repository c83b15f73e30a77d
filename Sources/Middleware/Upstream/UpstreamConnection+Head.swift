import HTTPTypes
import NIOCore

/// The wait for the head of an answer.
extension UpstreamConnection {
    /// Waits for the head of the final answer, which is then to be taken. 1xx answers go to the context as they come.
    ///
    /// For a context that does not watch its task. It returns nothing and does nothing after the wait, so it need not
    /// go back to its caller's executor, which costs a look-up; the answer is taken with ``takeAnswer()``.
    func head() async throws { try await withUnsafeThrowingContinuation { waitForHead($0) } }

    /// The same for a context that watches its task.
    func headWatchingTask() async throws {
        let exchange = exchange
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { waitForHead($0) }
        } onCancel: {
            worker.perform { self.breakOff(exchange, CancellationError()) }
        }
    }

    private func waitForHead(_ continuation: UnsafeContinuation<Void, any Error>) {
        guard failure == nil, let context, begin(context) else {
            continuation.resume(throwing: failure ?? Cancelled.error)
            return
        }
        headWaiter = continuation
        deliverHead()
    }

    func deliverHead() {
        guard answer != nil, let continuation = headWaiter else { return }
        headWaiter = nil
        context?.cancellation.end(self)
        continuation.resume()
    }

    /// The answer that ``head()`` has waited for. The connection carries no other exchange before it was taken.
    ///
    /// - Parameter observer: told once the answer has ended, unless this throws.
    func takeAnswer(_ observer: (any ExchangeObserver)? = nil) throws -> Response {
        // The pool is about to be touched.
        assert(worker.isCurrent, "the task that forwards has left the loop")
        guard var response = answer.take() else {
            throw failure ?? UpstreamFailure(.closedBeforeHead, "the answer was taken already")
        }
        if state == .received, parts.count <= 1 {
            if framing != .none { response.body = .bytes(parts.popFirst() ?? ByteBuffer(), trailers: trailers) }
            finishExchange()
            observer?.exchangeEnded(nil, streaming: nil)
        } else {
            // An exchange that has failed meanwhile will not tell anybody any more.
            streamedStatus = response.status.code
            if state == .closed {
                observer?.exchangeEnded(failure, streaming: streamedStatus)
            } else {
                self.observer = observer
            }
            response.body = .stream(UpstreamBody(of: self, exchange: exchange, length: framing.declaredLength))
        }
        return response
    }

    /// Registers a wait, or fails the exchange when it may not wait any more.
    func begin(_ context: RequestContext) -> Bool {
        do {
            if context.watchesTask, Task.isCancelled { throw Cancelled.error }
            try context.cancellation.begin(self)
            return true
        } catch {
            fail(error)
            return false
        }
    }
}
