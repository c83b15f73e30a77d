import HTTPTypes
import Logging
import NIOCore

/// The task of a busy connection: request after request through the handler.
extension ServerConnection {
    /// Serves until the connection idles, closes or is handed over.
    func serve() async {
        while await nextRequest() {
            guard let head = request else { break }
            request = nil
            await answer(head)
        }
        task = nil
        // A request that came while the task was ending.
        if request != nil, case .handling = phase {
            task = Task(executorPreference: worker.executor) { await self.serve() }
        }
    }

    /// Waits for a request; `false` when the task is to end.
    private func nextRequest() async -> Bool {
        if request != nil { return true }
        guard case .waiting = phase else { return false }
        await withUnsafeContinuation { continuation in
            if request != nil || !isWaiting { continuation.resume() } else { requestWaiter = continuation }
        }
        return request != nil
    }

    private var isWaiting: Bool { if case .waiting = phase { true } else { false } }

    /// One exchange.
    private func answer(_ head: RequestHead) async {
        let context = exchangeContext(for: head)
        var outcome = Outcome()
        do {
            let response = try await respond(to: head, context: context)
            try await send(response, answering: head, context: context, outcome: &outcome)
        } catch {
            outcome.end = end(for: error)
            finish(context, outcome)
            brokenOff()
        }
    }

    /// The handler's response. A throw that no pipeline has answered is answered here.
    private func respond(to head: RequestHead, context: RequestContext) async throws -> Response {
        do {
            return try await server.root.handle(makeRequest(head), context: context)
        } catch let error as CancellationError {
            guard case .handling = phase else { throw error }
            // The client is there, yet its handler gave up: a task of its own was cancelled.
            return Response(answering: HTTPError(.serviceUnavailable), context: context)
        } catch {
            return Response(answering: error, context: context)
        }
    }

    /// The context of the exchange: that of the one before when nothing holds it any more.
    private func exchangeContext(for head: RequestHead) -> RequestContext {
        if context != nil, isKnownUniquelyReferenced(&context), let context {
            context.reset()
            prepare(context, for: head)
            return context
        }
        let context = RequestContext(runtime: server.runtime, worker: worker, peer: peer, watchesTask: false)
        self.context = context
        prepare(context, for: head)
        return context
    }

    private func prepare(_ context: RequestContext, for head: RequestHead) {
        context.beganAt = clock
        // RFC 9110 section 15.2: a client of HTTP/1.0 gets no 1xx.
        guard !head.isHTTP10 else {
            context.informational = nil
            context[ProtocolKey.self] = "HTTP/1.0"
            return
        }
        guard context.informational == nil else { return }
        context.informational = { [weak self] status, headers in self?.sendInformational(status, headers) }
    }

    private func sendInformational(_ status: HTTPResponse.Status, _ headers: Headers) {
        guard case .handling = phase, !isAnswering else { return }
        var buffer = ByteBuffer()
        ResponseEncoder.writeInformational(status, headers: headers, into: &buffer)
        wire.write(buffer)
        wire.flush()
    }

    private func makeRequest(_ head: RequestHead) -> Request {
        let content: Body
        if head.framing == .none {
            content = .empty
        } else if body.isComplete, bodyFailure == nil, body.parts.count <= 1 {
            content = .bytes(body.parts.popFirst() ?? ByteBuffer(), trailers: body.trailers)
        } else {
            content = .stream(RequestBody(of: self, exchange: exchange, length: head.framing.declaredLength))
        }
        return Request(
            method: head.method,
            scheme: peer.isSecure ? "https" : "http",
            authority: head.authority,
            target: head.target,
            headers: head.headers,
            body: content,
            upgradeProtocol: head.upgrade
        )
    }

    private func end(for error: any Error) -> Outcome.End {
        switch error {
        case is DeadlineExceeded: .timedOut
        case is CancellationError: .clientGone
        default: .originFailed
        }
    }

    /// Ends the exchange for those who watch it.
    func finish(_ context: RequestContext, _ outcome: Outcome) {
        ServerMetric.requests[statusClass].increment()
        ServerMetric.requestBytes.increment(by: body.byteCount)
        ServerMetric.responseBytes.increment(by: outcome.bytesSent)
        if ServerMetric.requestDuration.isRecording {
            ServerMetric.requestDuration.record(nanoseconds: worker.now - context.beganAt)
        }
        statusClass = .none
        guard context.hasFinishers else { return }
        var outcome = outcome
        outcome.bytesReceived = body.byteCount
        outcome.lastByte = worker.instant(worker.now)
        context.finish(outcome)
    }

    /// The answer cannot be completed: the client must see that it is not whole (RFC 9112 section 8).
    private func brokenOff() {
        isAnswering = false
        if case .closed = phase {
            ended()
            return
        }
        if case .raw = phase { return }
        wire.reset()
        ended()
    }
}
