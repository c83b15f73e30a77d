/// The reading of an answer's body.
extension UpstreamConnection {
    /// Whether a read would return at once.
    func isReady(_ exchange: Int) -> Bool {
        worker.isCurrent && exchange == self.exchange && (parts.count > 0 || state == .received)
    }

    func read(_ exchange: Int) async throws -> BodyPart {
        if worker.isCurrent {
            if exchange == self.exchange, bodyWaiter == nil, let part = try takePart() { return part }
            if let context, !context.watchesTask { return try await suspendForPart(exchange) }
        }
        let cancelled = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await suspendForPart(exchange, cancelled)
        } onCancel: {
            cancelled.set()
            worker.perform { self.breakOff(exchange, CancellationError()) }
        }
    }

    private func suspendForPart(_ exchange: Int, _ cancelled: CancellationFlag? = nil) async throws -> BodyPart {
        try await withUnsafeThrowingContinuation { continuation in
            worker.perform {
                if let cancelled, cancelled.isSet { self.breakOff(exchange, CancellationError()) }
                self.wait(exchange, continuation)
            }
        }
    }

    private func wait(_ exchange: Int, _ continuation: UnsafeContinuation<BodyPart, any Error>) {
        guard exchange == self.exchange, bodyWaiter == nil else {
            continuation.resume(throwing: BodyConsumed())
            return
        }
        if failure == nil, state == .receivingBody, let context { _ = begin(context) }
        bodyWaiter = continuation
        deliverPart()
    }

    func deliverPart() {
        guard let continuation = bodyWaiter else { return }
        let context = context
        do {
            guard let part = try takePart() else { return }
            bodyWaiter = nil
            context?.cancellation.end(self)
            continuation.resume(returning: part)
        } catch {
            bodyWaiter = nil
            continuation.resume(throwing: error)
        }
    }

    /// The next part when there is one; the end finishes the exchange.
    func takePart() throws -> BodyPart? {
        if let part = parts.popFirst() {
            if !isReading, parts.byteCount < Self.readAheadBytes / 2 { setReading(true) }
            return .bytes(part)
        }
        if let failure { throw failure }
        guard state == .received else { return nil }
        let trailers = trailers
        finishExchange()
        return .end(trailers: trailers)
    }

    func abandon(_ exchange: Int, _ reason: any Error) {
        worker.perform {
            guard exchange == self.exchange else { return }
            self.parts = PartQueue()
            if self.state == .received { self.finishExchange() } else { self.fail(reason) }
        }
    }
}
