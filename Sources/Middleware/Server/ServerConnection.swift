import HTTPTypes
import Logging
import NIOCore

/// One HTTP/1.1 connection of a client: reads requests, runs the handler on each in turn, writes the answers.
///
/// While it is busy one task, which prefers the connection's loop, carries request after request
/// (`ServerConnection+Serving.swift`); when the connection idles the task ends, and the next byte starts another.
/// Requests that are pipelined wait in the read buffer: the next head is decoded when the answer before it is out.
///
/// Unchecked because it is touched on its worker's loop only.
final class ServerConnection: WireHandler, ContextWait, @unchecked Sendable {
    /// How long the task of an idle connection stays, so that a busy client never waits for a new one.
    static let taskLinger: Int64 = 100_000_000
    /// How long a closing connection waits for the client to close, so that it still reads the answer.
    static let closeLinger: Int64 = 2_000_000_000

    /// Where the connection stands between its messages.
    enum Phase {
        /// Between requests; part of a head may have come.
        case waiting
        /// A request is with its handler, or its answer is going out.
        case handling
        /// The answer is out; what is left of the request's body is thrown away.
        case discarding
        /// No more requests: waits for the client to have read the answer.
        case lingering
        /// Handed over to an upgrade.
        case raw(ConnectionBytes)
        /// Gone.
        case closed
    }

    let server: ServerWorker
    let worker: Worker
    let wire: any Wire
    let peer: Peer
    let peerText: AddressText
    @exclusivity(unchecked) var phase = Phase.waiting
    @exclusivity(unchecked) var decoder: RequestDecoder
    @exclusivity(unchecked) var input = ByteBuffer()
    @exclusivity(unchecked) var body = IncomingBody()
    /// Why the body cannot be read to its end.
    @exclusivity(unchecked) var bodyFailure: (any Error)?
    @exclusivity(unchecked) var request: RequestHead?
    /// The first protocol that the request in hand offers to change to.
    @exclusivity(unchecked) var offeredUpgrade: String?
    /// The exchange that is under way; sources of an earlier one find that it is over.
    @exclusivity(unchecked) var exchange = 0
    @exclusivity(unchecked) var served = 0
    @exclusivity(unchecked) var isDraining = false
    @exclusivity(unchecked) var inputEnded = false
    @exclusivity(unchecked) var isReading = true
    @exclusivity(unchecked) var continueIsOwed = false
    /// The head of the final answer is out: no 1xx may follow.
    @exclusivity(unchecked) var isAnswering = false
    @exclusivity(unchecked) var statusClass = StatusClass.none
    @exclusivity(unchecked) var context: RequestContext?
    @exclusivity(unchecked) var clock: Int64 = 0
    @exclusivity(unchecked) var task: Task<Void, Never>?
    @exclusivity(unchecked) var requestWaiter: UnsafeContinuation<Void, Never>?
    @exclusivity(unchecked) var bodyWaiter: UnsafeContinuation<BodyPart, any Error>?
    @exclusivity(unchecked) var writeWaiter: UnsafeContinuation<Void, any Error>?
    let gate = Gate()
    @exclusivity(unchecked) var timerIsSet = false
    @exclusivity(unchecked) var bodyTimer: LoopTimer?
    /// Which limit the timer of the body stands for.
    @exclusivity(unchecked) var bodyLimit = ConnectionTimeout.bodyIdle
    /// The source of the answer that is going out.
    @exclusivity(unchecked) var answerSource: (any BodySource)?
    /// Whether what was written last has not left yet.
    @exclusivity(unchecked) private var isLeaving = false
    @exclusivity(unchecked) var timer: LoopTimer?
    /// What had not left when the limit of a write was set.
    @exclusivity(unchecked) var unsent = 0
    @exclusivity(unchecked) var timerPurpose = TimerPurpose.keepAlive

    enum TimerPurpose {
        case taskLinger
        case keepAlive
        case head
        case write
        case closeLinger
    }

    init(_ wire: any Wire, server: ServerWorker, peer: Peer) {
        self.wire = wire
        self.server = server
        self.peer = peer
        peerText = AddressText(peer.remote)
        worker = server.worker
        decoder = RequestDecoder(limits: server.parserLimits)
    }

    /// Starts to wait for the first request.
    func start() {
        server.add(self)
        setTimer(.head, server.timeouts.head)
    }

    /// Answers without reading anything, and closes: the server, or the client's share of it, is full.
    func refuse(_ status: HTTPResponse.Status, _ limit: ConnectionRefusal) {
        server.add(self)
        ServerMetric.connectionsRefused[limit].increment()
        answerAndClose(Response(status, problem: "too many connections"))
    }

    // MARK: Events

    func received(_ bytes: ByteBuffer) {
        switch phase {
        case .raw(let connection):
            connection.received(bytes)
            return
        case .lingering, .closed:
            return
        case .waiting, .handling, .discarding:
            break
        }
        input.join(bytes)
    }

    func receivedAll() {
        switch phase {
        case .waiting:
            clock = worker.eventNow
            decodeHead()
        case .handling:
            if !body.isComplete { decodeBody() }
            deliverBody()
            holdBack()
        case .discarding:
            decodeBody()
            continueDiscarding()
        case .raw(let connection):
            connection.receivedAll()
        case .lingering, .closed:
            break
        }
    }

    func inputClosed() {
        switch phase {
        case .raw(let connection):
            connection.inputClosed()
        case .handling where server.configuration.allowsHalfClose && body.isComplete:
            inputEnded = true
        case .handling:
            // The client does not wait for the answer, or its request will never be complete.
            clientGone()
        case .lingering where isLeaving:
            inputEnded = true
        case .discarding:
            inputEnded = true
            linger()
        case .waiting:
            closeBehindOutput()
        case .lingering:
            close()
        case .closed:
            break
        }
    }

    func writabilityChanged() {
        if case .raw(let connection) = phase {
            connection.writabilityChanged()
        } else if wire.isWritable, let writer = writeWaiter {
            writeWaiter = nil
            context?.cancellation.end(self)
            clearTimer()
            writer.resume()
        }
    }

    func closed(_ error: (any Error)?) {
        switch phase {
        case .raw(let connection):
            connection.closed(error)
            ended()
        case .handling:
            clientGone()
        case .closed:
            break
        case .waiting, .discarding, .lingering:
            ended()
        }
    }

    // MARK: Heads

    /// Reads the next head, and hands its request to the task.
    func decodeHead() {
        do {
            guard let head = try decoder.nextHead(from: &input) else {
                if decoder.hasPartialHead, !(timerIsSet && timerPurpose == .head) {
                    setTimer(.head, server.timeouts.head)
                }
                return
            }
            clearTimer()
            began(head)
        } catch {
            noteMalformed(error)
            answerAndClose(Response(error.status, problem: error.explanation))
        }
    }

    /// Counts a request that breaks the protocol, and logs it where such lines are wanted: a client can cause any
    /// number.
    func noteMalformed(_ problem: WireProblem) {
        ServerMetric.malformedRequests[problem.rule].increment()
        server.runtime.logger.debug(
            "refused a malformed request",
            metadata: ["rule": "\(problem.rule)", "client": "\(peer.remote?.description ?? "local")"]
        )
    }

    private func began(_ head: RequestHead) {
        phase = .handling
        exchange &+= 1
        served += 1
        continueIsOwed = head.expectsContinue
        body = IncomingBody()
        if head.framing == .none { body.end(nil) }
        request = head
        if !body.isComplete { decodeBody() }
        guard case .handling = phase else { return }
        if inputEnded, !body.isComplete {
            // The rest will never come.
            request = nil
            linger()
            return
        }
        if let waiter = requestWaiter {
            requestWaiter = nil
            waiter.resume()
        } else if task == nil {
            startTask()
        }
    }

    // MARK: Waits

    func interrupt(_ error: any Error) {
        if let waiter = bodyWaiter {
            bodyWaiter = nil
            endBodyWait()
            waiter.resume(throwing: error)
        }
        if let writer = writeWaiter {
            writeWaiter = nil
            clearTimer()
            context?.cancellation.end(self)
            writer.resume(throwing: error)
        }
    }

    // MARK: Ends

    /// Gives back what an idle connection does not need.
    func rest() {
        if input.readableBytes == 0 { input = ByteBuffer() }
        context = nil
        requestWaiter?.resume()
        requestWaiter = nil
    }

    /// The server stops: an idle connection closes, a busy one behind its answer.
    func drain() {
        isDraining = true
        if case .waiting = phase, !decoder.hasPartialHead { closeBehindOutput() }
    }

    /// The server waits no longer.
    func abort() {
        switch phase {
        case .handling: clientGone()
        case .raw(let connection): connection.close()
        case .waiting, .discarding, .lingering, .closed: close()
        }
    }

    /// Nobody will read an answer: ends every wait of the exchange and its task.
    func clientGone() {
        guard case .handling = phase else { return }
        phase = .closed
        clearTimer()
        context?.cancellation.fail(CancellationError())
        interrupt(CancellationError())
        answerSource?.cancel(CancellationError())
        answerSource = nil
        task?.cancel()
        wire.close()
        // The task still runs; it ends the connection.
    }

    /// Answers a request that no handler sees, and closes behind the answer.
    func answerAndClose(_ response: Response) {
        var buffer = ByteBuffer()
        var content = ByteBuffer()
        if case .bytes(let bytes, _) = response.body.storage { content = bytes }
        ResponseEncoder.writeHead(
            status: response.status,
            headers: response.headers,
            framing: content.readableBytes == 0 ? .none : .length(content.readableBytes),
            answering: .get,
            persists: false,
            date: server.date,
            into: &buffer
        )
        buffer.writeBuffer(&content)
        wire.write(buffer)
        wire.flush()
        linger()
    }

    /// Sends no more and waits a little for the client to close first: closing with unread bytes would reset the
    /// connection and could take the answer with it (RFC 9112 section 9.6).
    func linger() {
        phase = .lingering
        input = ByteBuffer()
        context = nil
        endTask()
        setReading(true)
        isLeaving = true
        wire.write(ByteBuffer()) { [self] result in
            isLeaving = false
            guard case .lingering = phase else { return }
            guard case .success = result, !inputEnded else {
                close()
                return
            }
            wire.closeOutput()
            setTimer(.closeLinger, Self.closeLinger)
        }
        wire.flush()
        if isLeaving { setWriteTimer() }
    }

    /// Closes an idle connection once what was written has left.
    private func closeBehindOutput() {
        phase = .lingering
        isLeaving = true
        wire.write(ByteBuffer()) { [self] _ in
            isLeaving = false
            if case .lingering = phase { close() }
        }
        wire.flush()
        if isLeaving { setWriteTimer() }
    }

    /// Closes now.
    func close() {
        wire.close()
        ended()
    }

    /// The last thing that happens to a connection.
    func ended() {
        phase = .closed
        gate.connection = nil
        timer?.invalidate()
        timer = nil
        bodyTimer?.invalidate()
        bodyTimer = nil
        input = ByteBuffer()
        context = nil
        endTask()
        server.remove(self)
    }

    private func endTask() {
        requestWaiter?.resume()
        requestWaiter = nil
    }
}
