import HTTPTypes
import Logging
import NIOCore

/// The task of a busy connection: request after request through the handler.
///
/// One function and no more calls that suspend than it needs: each of them would cost every request some hundred
/// instructions.
extension ServerConnection {
    /// Serves until the connection idles, closes or is handed over.
    ///
    /// Concurrent, as everything that it awaits here: such functions have no actor, so that the compiler makes none of
    /// them go back to one around each wait. The preference of their task keeps them on the loop.
    @concurrent func serve() async {
        var turns = 0
        while true {
            // Pipelined requests that are answered at once would keep the loop for themselves.
            turns &+= 1
            if turns & 63 == 0 { await worker.nextTurn() }
            if request == nil {
                guard isWaiting else { break }
                await withUnsafeContinuation { continuation in
                    if request != nil || !isWaiting { continuation.resume() } else { requestWaiter = continuation }
                }
            }
            guard let exchange = beginExchange() else { break }
            let (terms, context) = (exchange.terms, exchange.context)
            var outcome = Outcome()
            do {
                let response: Response
                do {
                    let root = server.root
                    response = try await root.handler.handle(takeRequest(), context: context)
                } catch {
                    response = try answer(to: error, context: context)
                }
                // Almost every answer is at hand and leaves in one write.
                var persists = try sendAtOnce(response, answering: terms, context: context, outcome: &outcome)
                if persists == nil {
                    persists = try await send(response, answering: terms, context: context, outcome: &outcome)
                }
                // A client that does not read gets no further answers to hold in memory.
                if !wire.isWritable { try await waitUntilWritable() }
                if let persists { answered(persists: persists) }
            } catch {
                outcome.end = bodyFailure == nil ? Outcome.End(brokenBy: error) : .requestFailed
                finish(context, ending(of: outcome))
                brokenOff()
            }
        }
        // The client went before its request was taken up.
        if case .closed = phase { ended() }
        task = nil
        // A request that came while the task was ending.
        if request != nil, case .handling = phase { startTask() }
    }

    /// Starts the task.
    func startTask() {
        task = Task(executorPreference: worker.executor) { await self.serve() }
    }

    private var isWaiting: Bool { if case .waiting = phase { true } else { false } }

    /// One exchange that begins.
    private struct Exchange {
        let terms: AnswerTerms
        let context: RequestContext
    }

    private func beginExchange() -> Exchange? {
        guard case .handling = phase, let head = request else { return nil }
        if offeredUpgrade != nil || head.upgrade != nil { offeredUpgrade = head.upgrade }
        return Exchange(terms: AnswerTerms(head), context: exchangeContext(for: head))
    }

    /// The request that has begun, which nobody holds any more but the handler that gets it.
    private func takeRequest() -> Request { request.take().map { makeRequest($0) } ?? Request() }

    /// The answer to a throw that no pipeline has answered. `CancellationError` passes once the client has gone.
    private func answer(to error: any Error, context: RequestContext) throws -> Response {
        guard error.isCancellation else { return Response(answering: error, context: context) }
        guard case .handling = phase else { throw error }
        // The client is there, yet its handler gave up: a task of its own was cancelled.
        return Response(answering: HTTPError(.serviceUnavailable), context: context)
    }

    /// The context of the exchange: that of the one before when nothing holds it any more.
    private func exchangeContext(for head: RequestHead) -> RequestContext {
        if isKnownUniquelyReferenced(&context), let context {
            context.reset()
            prepare(context, for: head)
            return context
        }
        let context = RequestContext(
            runtime: server.runtime,
            worker: worker,
            peer: peer,
            peerText: peerText,
            watchesTask: false
        )
        self.context = context
        prepare(context, for: head)
        return context
    }

    private func prepare(_ context: RequestContext, for head: RequestHead) {
        context.beganAt = clock
        isAnswering = false
        statusClass = .none
        // RFC 9110 section 15.2: a client of HTTP/1.0 gets no 1xx.
        guard !head.isHTTP10 else {
            context.informational = nil
            context[ProtocolKey.self] = "HTTP/1.0"
            return
        }
        gate.connection = self
        guard context.informational == nil else { return }
        let gate = gate
        let identity = ObjectIdentifier(context)
        context.informational = { status, headers in
            guard let connection = gate.connection, let current = connection.context else { return }
            // A context that was kept has nothing to say in the exchanges after its own.
            if ObjectIdentifier(current) == identity { connection.sendInformational(status, headers) }
        }
    }

    /// The way back to the connection for a context that may outlive it; shut when the connection ends. (A weak
    /// reference would slow down every other reference to the connection.)
    final class Gate {
        var connection: ServerConnection?
    }

    private func sendInformational(_ status: HTTPResponse.Status, _ headers: Headers) {
        // One that cannot leave now is dropped: it is advice, and nothing paces those who send it.
        guard case .handling = phase, !isAnswering, wire.isWritable else { return }
        var buffer = ByteBuffer()
        ResponseEncoder.writeInformational(status, headers: headers, into: &buffer)
        wire.write(buffer)
        wire.flush()
    }

    private func makeRequest(_ head: RequestHead) -> Request {
        if peer.isSecure { head.message.scheme = "https" }
        let content: Body
        if head.framing == .none {
            content = .empty
        } else if body.isComplete, bodyFailure == nil, body.parts.count <= 1 {
            content = .bytes(body.parts.popFirst() ?? ByteBuffer(), trailers: body.trailers)
        } else {
            content = .stream(RequestBody(of: self, exchange: exchange, length: head.framing.declaredLength))
        }
        return Request(head.message, body: content)
    }

    /// How an exchange ended, taken before the connection goes on to the next.
    struct Ending {
        var outcome: Outcome
        let status: StatusClass
    }

    func ending(of outcome: Outcome) -> Ending {
        var outcome = outcome
        outcome.bytesReceived = body.byteCount
        return Ending(outcome: outcome, status: statusClass)
    }

    /// Ends the exchange for those who watch it, once.
    func finish(_ context: RequestContext, _ ending: Ending) {
        guard !context.isFinished else { return }
        context.isFinished = true
        defer { context.letGo() }
        record(context, ending.status, received: ending.outcome.bytesReceived, sent: ending.outcome.bytesSent)
        guard context.hasFinishers else { return }
        var outcome = ending.outcome
        outcome.lastByteAt = worker.now
        context.finish(outcome)
    }

    /// The same for an answer that was whole and that nobody watches.
    func finishUnwatched(_ context: RequestContext, sent: Int) {
        guard !context.isFinished else { return }
        context.isFinished = true
        context.letGo()
        record(context, statusClass, received: body.byteCount, sent: sent)
    }

    private func record(_ context: RequestContext, _ status: StatusClass, received: Int, sent: Int) {
        // A handle is silent only when the factory of the process records nothing at all (LazyRecorder), and then all
        // are.
        guard ServerMetric.requestDuration.isRecording else { return }
        ServerMetric.requestDuration.record(nanoseconds: worker.now - context.beganAt)
        ServerMetric.requests[status].increment()
        if received > 0 { ServerMetric.requestBytes.increment(by: received) }
        ServerMetric.responseBytes.increment(by: sent)
    }

    /// The answer cannot be completed: the client must see that it is not whole (RFC 9112 section 8).
    private func brokenOff() {
        isAnswering = false
        switch phase {
        case .raw: return
        case .closed: break
        case .waiting, .handling, .discarding, .lingering: wire.reset()
        }
        ended()
    }
}
