import NIOCore

/// The way in of a request's body.
extension ServerConnection {
    /// Reads what has come of the request's body.
    func decodeBody() {
        do {
            while !body.isComplete, let event = try decoder.next(from: &input) {
                switch event {
                case .body(let part): body.append(part)
                case .end(let trailers): body.end(trailers)
                case .head: return
                }
            }
        } catch {
            // RFC 9112 section 7.1: where a body breaks, nobody knows where the next request begins.
            breakBody(error)
        }
    }

    private func breakBody(_ problem: WireProblem) {
        noteMalformed(problem)
        isDraining = true
        body.end(nil)
        input = ByteBuffer()
        bodyFailure = HTTPError(problem.status, problem.explanation)
        deliverBody()
    }

    /// Gives the next part to a waiting reader.
    func deliverBody() {
        guard let waiter = bodyWaiter else { return }
        if let part = takeBody() {
            bodyWaiter = nil
            endBodyWait()
            waiter.resume(returning: part)
        } else if let bodyFailure {
            bodyWaiter = nil
            endBodyWait()
            waiter.resume(throwing: bodyFailure)
        } else if body.byteCount > 0 {
            // Bytes came but no whole part: the idle limit starts anew.
            setBodyTimer()
        }
    }

    private func takeBody() -> BodyPart? {
        if bodyFailure != nil, body.parts.count == 0 { return nil }
        guard let part = body.take() else { return nil }
        if !isReading, input.readableBytes + body.parts.byteCount < IncomingBody.readAheadBytes / 2 { setReading(true) }
        return part
    }

    func endBodyWait() {
        body.stopWaiting(at: worker.eventNow)
        bodyTimer?.clear()
        context?.cancellation.end(self)
    }

    private func setBodyTimer() {
        let now = worker.eventNow
        body.stopWaiting(at: now)
        body.startWaiting(at: now)
        let (patience, limit) = body.patience(
            idle: server.timeouts.bodyIdle,
            whole: server.timeouts.body,
            bytesPerSecond: server.configuration.limits.bodyBytesPerSecond
        )
        bodyLimit = limit
        setBodyTimer(patience)
    }

    func isBodyReady(_ exchange: Int) -> Bool {
        guard worker.isCurrent, exchange == self.exchange else { return false }
        return body.parts.count > 0 || body.isComplete
    }

    func readBody(_ exchange: Int) async throws -> BodyPart {
        if worker.isCurrent, exchange == self.exchange, bodyWaiter == nil, let part = takeBody() { return part }
        let cancelled = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                worker.perform { self.waitForBody(exchange, cancelled, continuation) }
            }
        } onCancel: {
            cancelled.set()
            worker.perform {
                // The reader alone: an answer that is going out has no part in it.
                guard exchange == self.exchange, let waiter = self.bodyWaiter else { return }
                self.bodyWaiter = nil
                self.endBodyWait()
                waiter.resume(throwing: CancellationError())
            }
        }
    }

    private func waitForBody(
        _ exchange: Int,
        _ cancelled: CancellationFlag,
        _ continuation: UnsafeContinuation<BodyPart, any Error>
    ) {
        guard !cancelled.isSet, exchange == self.exchange, bodyWaiter == nil, case .handling = phase, let context else {
            continuation.resume(throwing: CancellationError())
            return
        }
        do {
            try context.cancellation.begin(self)
        } catch {
            continuation.resume(throwing: error)
            return
        }
        bodyWaiter = continuation
        if continueIsOwed, !isAnswering, body.byteCount == 0, !body.isComplete {
            // RFC 9110 section 10.1.1: only now is it known that the body is wanted.
            wire.write(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
            wire.flush()
        }
        continueIsOwed = false
        setBodyTimer()
        deliverBody()
    }

    /// The reader of a request's body lets go of it.
    func abandonBody(_ exchange: Int) {
        worker.perform {
            guard exchange == self.exchange, case .handling = self.phase else { return }
            self.body.discard()
            if let waiter = self.bodyWaiter {
                self.bodyWaiter = nil
                self.endBodyWait()
                waiter.resume(throwing: CancellationError())
            }
            if self.input.readableBytes < IncomingBody.readAheadBytes / 2 { self.setReading(true) }
        }
    }

    /// Stops the wire when more has come than is being read: a body ahead of its reader, or pipelined requests.
    func holdBack() {
        guard isReading else { return }
        let waiting = input.readableBytes + body.parts.byteCount
        if waiting >= IncomingBody.readAheadBytes { setReading(false) }
        if case .nobody = body.reader, body.discarded > server.configuration.limits.discardedBodyBytes {
            setReading(false)
        }
    }

    func setReading(_ isReading: Bool) {
        guard self.isReading != isReading else { return }
        self.isReading = isReading
        wire.setReading(isReading)
    }
}
