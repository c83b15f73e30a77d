import HTTPTypes
import Logging
import NIOCore

/// One HTTP/1.1 connection to an endpoint, which carries one exchange at a time.
///
/// The steps of an exchange: ``send(_:body:framing:answering:timeouts:context:)`` writes the request, ``head()`` waits
/// for the head of the answer, ``takeAnswer()`` gives it, an ``UpstreamBody`` reads its body, and once both messages
/// are complete the connection goes back to its pool. Whatever breaks an exchange closes the connection.
///
/// Unchecked because it is touched on its worker's loop only.
final class UpstreamConnection: WireHandler, ContextWait, @unchecked Sendable {
    /// How many bytes of an answer may wait for their reader before the wire is no longer read. One read buffer more
    /// can arrive.
    static let readAheadBytes = 64 << 10
    /// The most 1xx answers in front of a final one: nothing else would pace an endpoint that sends them.
    static let informationalLimit = 64

    enum State {
        /// In the pool, or handed out and not used yet.
        case idle
        /// The head of the answer has not come.
        case awaitingHead
        /// The body of the answer is coming.
        case receivingBody
        /// The answer is complete; its reader or the request's body is not.
        case received
        /// Closed.
        case closed
    }

    let worker: Worker
    @exclusivity(unchecked) var idleSince: Int64 = 0
    let wire: any Wire
    private let pool: ConnectionPool
    @exclusivity(unchecked) private var decoder = ResponseDecoder(dropsConnectionFields: true)
    @exclusivity(unchecked) private var input = ByteBuffer()
    @exclusivity(unchecked) var state = State.idle
    @exclusivity(unchecked) private var served = 0
    @exclusivity(unchecked) var timer: LoopTimer?
    @exclusivity(unchecked) var isReading = true

    // The exchange. `context` is set for as long as it lasts.
    @exclusivity(unchecked) var exchange = 0
    @exclusivity(unchecked) var context: RequestContext?
    @exclusivity(unchecked) var timeouts = ExchangeTimeouts()
    /// The answer whose head has come and was not handed over yet, and the length it declares.
    @exclusivity(unchecked) var answer: Response?
    @exclusivity(unchecked) var framing = BodyFraming.none
    @exclusivity(unchecked) var headWaiter: UnsafeContinuation<Void, any Error>?
    @exclusivity(unchecked) var bodyWaiter: UnsafeContinuation<BodyPart, any Error>?
    @exclusivity(unchecked) var parts = PartQueue()
    @exclusivity(unchecked) var trailers: Headers?
    @exclusivity(unchecked) var failure: (any Error)?
    @exclusivity(unchecked) var persists = false
    @exclusivity(unchecked) private var hasBytesOfAnswer = false
    @exclusivity(unchecked) private var informationalCount = 0
    @exclusivity(unchecked) var upload: RequestUpload?
    /// Who is told of the end, once the answer has been handed over.
    @exclusivity(unchecked) var observer: (any ExchangeObserver)?
    @exclusivity(unchecked) var streamedStatus = 0
    /// What of the request had not left when the limit of a write was set.
    @exclusivity(unchecked) var unsent = 0

    init(_ wire: any Wire, in pool: ConnectionPool) {
        self.wire = wire
        self.pool = pool
        worker = pool.worker
    }

    // MARK: The exchange

    /// Sends a request.
    ///
    /// - Parameters:
    ///   - head: the serialised head.
    ///   - framing: how the body is framed; `.none` when there is none.
    func send(
        _ head: ByteBuffer,
        body: consuming Body,
        framing: BodyFraming,
        answering method: HTTPRequest.Method,
        timeouts: ExchangeTimeouts,
        context: RequestContext
    ) {
        exchange &+= 1
        self.context = context
        self.timeouts = timeouts
        decoder.start(answering: method)
        failure = nil
        hasBytesOfAnswer = false
        informationalCount = 0
        persists = false
        guard state == .idle else {
            // Closed between leaving the pool and now.
            self.context = nil
            failure = UpstreamFailure(.closedBeforeHead, "the connection had closed", isStale: served > 0)
            return
        }
        state = .awaitingHead
        switch body.storage {
        case .stream:
            wire.write(head)
            let upload = RequestUpload(framing: framing, to: self, over: wire)
            self.upload = upload
            upload.start(body)
        case .bytes(let bytes, let trailers) where framing != .none:
            wire.write(head)
            send(bytes, trailers?.headers, framing)
            setTimer(timeouts.head)
        default:
            wire.send(head)
            setTimer(timeouts.head)
        }
    }

    /// Sends a body at hand.
    private func send(_ bytes: ByteBuffer, _ trailers: Headers?, _ framing: BodyFraming) {
        guard framing == .chunked else {
            wire.send(bytes)
            return
        }
        var buffer = ByteBuffer()
        ChunkEncoder.writeChunkHead(size: bytes.readableBytes, into: &buffer)
        buffer.write(bytes.readableBytesUInt8Span)
        if bytes.readableBytes > 0 { ChunkEncoder.writeChunkEnd(into: &buffer) }
        ChunkEncoder.writeLastChunk(trailers: trailers, into: &buffer)
        wire.send(buffer)
    }

    // MARK: Events

    func received(_ bytes: ByteBuffer) {
        input.join(bytes)
        switch state {
        case .idle:
            // Nothing was asked: whatever this is, it answers nobody.
            close()
        case .awaitingHead, .receivingBody:
            hasBytesOfAnswer = true
            decode()
        case .received, .closed:
            // Bytes behind the end of an answer belong to no request: the connection serves no other.
            persists = false
            input = ByteBuffer()
        }
    }

    func receivedAll() {
        if state == .receivingBody { setTimer(timeouts.idle) }
        deliverHead()
        deliverPart()
    }

    func inputClosed() { ended(nil) }

    func closed(_ error: (any Error)?) { ended(error) }

    func writabilityChanged() { if wire.isWritable { upload?.resume() } }

    private func ended(_ error: (any Error)?) {
        switch state {
        case .closed:
            return
        case .idle:
            close()
        case .received:
            // The answer is whole: what is left of the request is of no use, but the answer is.
            persists = false
            upload?.cancel(CancellationError())
            upload = nil
        case .awaitingHead, .receivingBody:
            // A body that ends with the connection ends here (RFC 9112 section 6.3, rule 8), but not by a reset, which
            // says nothing of completeness (section 8).
            if error == nil, let event = try? decoder.close(), case .end(let trailers) = event {
                complete(trailers)
                persists = false
                receivedAll()
                return
            }
            let kind: UpstreamFailure.Kind = state == .awaitingHead ? .closedBeforeHead : .closedInBody
            let detail = error.map { "\($0)" } ?? "the endpoint closed the connection"
            fail(UpstreamFailure(kind, detail, isStale: served > 0 && !hasBytesOfAnswer))
        }
    }

    private func decode() {
        do {
            while state == .awaitingHead || state == .receivingBody {
                guard let event = try decoder.next(from: &input) else { return }
                switch consume event {
                case .informational(let status, let headers):
                    informationalCount += 1
                    guard informationalCount <= Self.informationalLimit else {
                        fail(UpstreamFailure(.malformed, "more than \(Self.informationalLimit) interim answers"))
                        return
                    }
                    // RFC 9110 section 15.2.1: a 100 answers an expectation, which the server itself has met.
                    if status.code != 100 { context?.forwardInformational(status, headers) }
                case .head(let head):
                    answer = Response(head.status, headers: head.headers)
                    framing = head.framing
                    persists = head.persists
                    state = .receivingBody
                    if head.framing == .none { complete(nil) }
                case .body(let part):
                    parts.append(part)
                    if isReading, parts.byteCount >= Self.readAheadBytes { setReading(false) }
                case .end(let trailers):
                    complete(trailers)
                }
            }
            if input.readableBytes > 0 { persists = false }
        } catch {
            fail(UpstreamFailure(.malformed, error.explanation))
        }
    }

    /// The answer is complete.
    private func complete(_ trailers: Headers?) {
        self.trailers = trailers
        state = .received
        timer?.clear()
    }

    // MARK: Ends

    /// The answer was handed over whole: the connection is free for the next exchange, or goes.
    func finishExchange() {
        exchange &+= 1
        context = nil
        trailers = nil
        served += 1
        if observer != nil { tellObserver(nil) }
        guard upload == nil, persists, served < pool.limits.requestsPerConnection else {
            // RFC 9112 section 9.3: without the rest of the request the connection is of no use.
            upload?.cancel(CancellationError())
            upload = nil
            close()
            return
        }
        state = .idle
        // Lets go of the read buffer, so that the next read can use it again.
        if input.readableBytes == 0 { input = ByteBuffer() }
        if !isReading { setReading(true) }
        pool.release(self)
    }

    func interrupt(_ error: any Error) { fail(error) }

    func breakOff(_ exchange: Int, _ error: any Error) {
        if exchange == self.exchange { fail(error) }
    }

    /// Breaks the exchange off. Parts that came before an answer broke are still read.
    func fail(_ error: any Error) {
        guard state != .closed, let context else { return }
        failure = error
        if headWaiter == nil, state == .receivingBody, let broken = error as? UpstreamFailure,
            broken.kind != .requestBody
        {
            // Nobody else sees it: the head has been passed on, so that no failure can be answered any more.
            UpstreamMetric.answersBroken.increment()
            context.logger.warning(
                "an answer broke off",
                metadata: ["endpoint": "\(pool.address)", "kind": "\(broken.kind)", "detail": "\(broken.detail)"]
            )
        }
        let upload = upload
        self.upload = nil
        close()
        upload?.cancel(error)
        if observer != nil { tellObserver(error) }
        context.cancellation.end(self)
        let waiter = headWaiter
        headWaiter = nil
        waiter?.resume(throwing: error)
        deliverPart()
        self.context = nil
    }

    private func tellObserver(_ error: (any Error)?) {
        let observer = observer.take()
        observer?.exchangeEnded(error, streaming: streamedStatus)
    }

    /// Closes the connection and takes it out of the pool's count.
    private func close() {
        guard state != .closed else { return }
        retire()
        pool.remove(self)
    }

    /// Closes a connection that the pool no longer counts.
    func retire() {
        state = .closed
        timer?.invalidate()
        timer = nil
        wire.close()
    }

    // MARK: Timers and reading

    func setTimer(_ wait: Int64) {
        guard wait < .max else {
            timer?.clear()
            return
        }
        if timer == nil { timer = LoopTimer(on: worker.timers) { [unowned self] in timedOut() } }
        let (end, overflow) = worker.eventNow.addingReportingOverflow(wait)
        timer?.set(overflow ? .max : end)
    }

    private func timedOut() {
        switch state {
        case .awaitingHead where upload != nil && wire.bufferedBytes < unsent:
            uploadStalls()
        case .awaitingHead where upload != nil:
            fail(UpstreamFailure(.uploadTimeout, "the endpoint does not take the request"))
        case .awaitingHead:
            fail(UpstreamFailure(.headTimeout, "no answer came in time"))
        case .receivingBody where parts.count > 0:
            // It is the reader who is slow, and the reader's own limits that decide.
            setTimer(timeouts.idle)
        case .receivingBody:
            fail(UpstreamFailure(.bodyTimeout, "the answer stood still"))
        case .idle, .received, .closed:
            break
        }
    }

    func setReading(_ isReading: Bool) {
        self.isReading = isReading
        wire.setReading(isReading)
    }
}
