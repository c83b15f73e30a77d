import HTTPTypes
import Logging
import NIOCore

/// The way out: how an answer is framed and written.
extension ServerConnection {
    /// Bodies up to this size leave in the same write as their head.
    private static var joinedBodyBytes: Int { 16 << 10 }
    /// Larger bodies at hand leave in pieces of this size.
    private static var pieceBytes: Int { 64 << 10 }
    /// A stream lets the other connections of its loop have a turn after so many bytes.
    private static var turnBytes: Int { 256 << 10 }

    /// Writes an answer whose body is at hand and small, and says whether another request may follow; `nil` for any
    /// other answer.
    func sendAtOnce(
        _ response: borrowing Response,
        answering terms: AnswerTerms,
        context: RequestContext,
        outcome: inout Outcome
    ) throws -> Bool? {
        let content: ByteBuffer?
        switch response.body.storage {
        case .bytes(let bytes, nil) where bytes.readableBytes <= Self.joinedBodyBytes: content = bytes
        case .empty: content = nil
        default: return nil
        }
        guard !response.isUpgrade, response.status.code >= 200 else { return nil }
        guard case .handling = phase else { throw Cancelled.error }
        isAnswering = true
        var buffer = takeScratch()
        let length = content?.readableBytes ?? 0
        let framing = length > 0 ? BodyFraming.length(length) : .none
        let written = writeHead(of: response, framing, answering: terms, followedBy: content, into: &buffer)
        if written.framing != .none { outcome.bytesSent = length }
        if context.hasFinishers { outcome.firstByteAt = worker.eventNow }
        writeLast(buffer, context, outcome)
        server.scratch = buffer
        return written.persists
    }

    /// Writes any answer, to its last byte, and says whether another request may follow; `nil` once the connection was
    /// handed over.
    @concurrent func send(
        _ response: consuming Response,
        answering terms: AnswerTerms,
        context: RequestContext,
        outcome: inout Outcome
    ) async throws -> Bool? {
        if let upgrade = response.upgrade, isUpgrade(response.status, terms) {
            try await handOver(response, upgrade, terms, context, &outcome)
            return nil
        }
        guard case .handling = phase else { throw Cancelled.error }
        guard response.status.code >= 200 else {
            // An interim answer is not an answer: the client would take the next one for it.
            response.body.discard()
            context.logger.error(
                "a handler answered with an interim status", metadata: ["status": "\(response.status)"])
            return try sendAtOnce(Response(.internalServerError), answering: terms, context: context, outcome: &outcome)
        }
        var buffer = takeScratch()
        if continueIsOwed, case .handler = body.reader, case .stream = response.body.storage {
            // RFC 9110 section 10.1.1: what streams may be made of the body that the client holds back, and 100 cannot
            // follow the head.
            buffer.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
            continueIsOwed = false
        }
        isAnswering = true
        let written = writeHead(of: response, framing(of: response.body), answering: terms, into: &buffer)
        if context.hasFinishers { outcome.firstByteAt = worker.eventNow }
        switch response.body.storage {
        case .stream where written.framing != .none:
            wire.write(buffer)
            server.scratch = buffer
            try await stream(response.body, written.framing, &outcome)
            writeLast(ByteBuffer(), context, outcome)
        case .bytes(var bytes, let trailers) where written.framing != .none:
            let whole = bytes.readableBytes
            wire.write(buffer)
            server.scratch = buffer
            // In pieces, so that the limit of a write is one of progress and not of the whole.
            while bytes.readableBytes > Self.pieceBytes, let piece = bytes.readSlice(length: Self.pieceBytes) {
                if written.framing == .chunked { writeChunk(piece) } else { wire.write(piece) }
                if !wire.isWritable { try await waitUntilWritable() }
            }
            outcome.bytesSent = whole
            writeWhole(bytes, trailers?.headers, written.framing, context, &outcome)
        default:
            response.body.discard()
            writeLast(buffer, context, outcome)
            server.scratch = buffer
        }
        return written.persists
    }

    /// The loop's buffer for heads, empty; it is given back when the wire has it.
    private func takeScratch() -> ByteBuffer {
        var buffer = server.scratch.take() ?? ByteBuffer()
        // One that the wire still holds is replaced by a new one here.
        buffer.clear(minimumCapacity: 512)
        return buffer
    }

    private func writeHead(
        of response: borrowing Response,
        _ framing: BodyFraming,
        answering terms: AnswerTerms,
        followedBy content: ByteBuffer? = nil,
        into buffer: inout ByteBuffer
    ) -> ResponseEncoder.Written {
        let (status, headers) = (response.status, response.headers)
        statusClass = StatusClass(code: status.code)
        let persists = mayPersist(terms)
        let date = headers.contains(known: .date) ? nil : server.date
        var written = ResponseEncoder.Written(framing: framing, persists: persists)
        let contentLength = content?.readableBytes ?? 0
        let bound = 256 + status.reasonPhrase.utf8.count * 2 + headers.writtenByteBound + contentLength
        buffer.writeHead(reserving: bound) { writer in
            written = ResponseEncoder.writeHead(
                status: status,
                headers: headers,
                framing: framing,
                answering: terms.method,
                persists: persists,
                toHTTP10: terms.isHTTP10,
                date: date,
                into: &writer
            )
            if let content, written.framing != .none { writer.write(content.readableBytesUInt8Span) }
        }
        return written
    }

    private func framing(of body: borrowing Body) -> BodyFraming {
        switch body.storage {
        case .empty: .none
        case .bytes(let bytes, let trailers):
            if trailers != nil { .chunked } else { bytes.readableBytes == 0 ? .none : .length(bytes.readableBytes) }
        case .stream(let once):
            switch once.source?.knownLength {
            case .some(0): .none
            case .some(let length): .length(length)
            case .none: .chunked
            }
        }
    }

    /// Whether another request may follow on this connection.
    private func mayPersist(_ terms: AnswerTerms) -> Bool {
        guard terms.persists, !isDraining, !inputEnded || input.readableBytes > 0,
            served < server.configuration.limits.requestsPerConnection
        else {
            return false
        }
        guard !body.isComplete else { return true }
        // RFC 9110 section 10.1.1: a client that was not told to continue may or may not send the body.
        if continueIsOwed { return false }
        // A handler that still reads may yet reach the end; what nobody reads must be little.
        if case .handler = body.reader { return true }
        guard let length = terms.framing.declaredLength else { return true }
        return length - body.byteCount <= server.configuration.limits.discardedBodyBytes
    }

    /// Writes the last bytes of an answer and tells those who watch once they have left.
    private func writeLast(_ buffer: ByteBuffer, _ context: RequestContext, _ outcome: Outcome) {
        guard context.hasFinishers else {
            wire.send(buffer)
            finishUnwatched(context, sent: outcome.bytesSent)
            return
        }
        let ending = ending(of: outcome)
        wire.write(buffer) { [self] result in
            var ending = ending
            if case .failure = result { ending.outcome.end = .clientGone }
            finish(context, ending)
        }
        wire.flush()
    }

    /// A body at hand that is too large to be joined to its head, or has trailers.
    private func writeWhole(
        _ bytes: ByteBuffer,
        _ trailers: Headers?,
        _ framing: BodyFraming,
        _ context: RequestContext,
        _ outcome: inout Outcome
    ) {
        guard framing == .chunked else {
            writeLast(bytes, context, outcome)
            return
        }
        writeChunk(bytes)
        var last = ByteBuffer()
        ChunkEncoder.writeLastChunk(trailers: trailers, into: &last)
        outcome.trailers = trailers
        writeLast(last, context, outcome)
    }

    /// Pulls a body and writes it at the pace at which the client takes it.
    private func stream(_ body: consuming Body, _ framing: BodyFraming, _ outcome: inout Outcome) async throws {
        let source = try body.open()
        answerSource = source
        defer { answerSource = nil }
        var sinceTurn = 0
        do {
            while true {
                // What is written has to leave before anything is waited for.
                if !source.isReady {
                    wire.flush()
                    context?.compact()
                }
                switch try await source.read() {
                case .bytes(let bytes):
                    guard case .handling = phase else { throw Cancelled.error }
                    outcome.bytesSent += bytes.readableBytes
                    try write(bytes, framing, outcome.bytesSent)
                    if !wire.isWritable {
                        try await waitUntilWritable()
                        sinceTurn = 0
                    }
                    // A source that is always ready and a client that takes it all would keep the loop for themselves.
                    sinceTurn += max(bytes.readableBytes, 1024)
                    if sinceTurn >= Self.turnBytes {
                        sinceTurn = 0
                        wire.flush()
                        await worker.nextTurn()
                    }
                case .end(let trailers):
                    try writeEnd(trailers, framing, &outcome)
                    return
                }
            }
        } catch {
            source.cancel(error)
            throw error
        }
    }

    private func write(_ bytes: ByteBuffer, _ framing: BodyFraming, _ sent: Int) throws {
        switch framing {
        case .chunked:
            writeChunk(bytes)
        case .length(let length) where sent > length:
            // One byte more would be read as the start of the next answer.
            throw BodyLengthMismatch(declared: length, actual: sent)
        case .length, .untilClose, .none:
            wire.write(bytes)
        }
    }

    private func writeChunk(_ bytes: ByteBuffer) {
        // An empty chunk would end the body.
        guard bytes.readableBytes > 0 else { return }
        var head = ByteBuffer()
        ChunkEncoder.writeChunkHead(size: bytes.readableBytes, into: &head)
        wire.write(head)
        wire.write(bytes)
        wire.write(Self.lineEnd)
    }

    private static let lineEnd = ByteBuffer(string: "\r\n")

    private func writeEnd(_ trailers: Headers?, _ framing: BodyFraming, _ outcome: inout Outcome) throws {
        switch framing {
        case .chunked:
            var last = ByteBuffer()
            ChunkEncoder.writeLastChunk(trailers: trailers, into: &last)
            outcome.trailers = trailers
            wire.write(last)
        case .length(let length) where outcome.bytesSent != length:
            throw BodyLengthMismatch(declared: length, actual: outcome.bytesSent)
        case .length, .untilClose, .none:
            break
        }
    }

    /// Waits until the client has taken enough of what was written.
    @concurrent func waitUntilWritable() async throws {
        wire.flush()
        guard !wire.isWritable else { return }
        context?.compact()
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            guard case .handling = phase, let context else {
                continuation.resume(throwing: Cancelled.error)
                return
            }
            guard !wire.isWritable else {
                continuation.resume()
                return
            }
            do {
                try context.cancellation.begin(self)
            } catch {
                continuation.resume(throwing: error)
                return
            }
            writeWaiter = continuation
            setWriteTimer()
        }
    }

    // MARK: What follows an answer

    /// The answer is out: goes on with the next request, the rest of this one, or the end.
    func answered(persists: Bool) {
        guard case .handling = phase else {
            if case .closed = phase { ended() }
            return
        }
        endUnfinishedRead()
        isAnswering = false
        exchange &+= 1
        bodyFailure = nil
        guard persists, !isDraining || body.isComplete && input.readableBytes > 0 else {
            linger()
            return
        }
        guard body.isComplete else {
            phase = .discarding
            body.discard()
            setReading(true)
            setTimer(.closeLinger, Self.closeLinger)
            continueDiscarding()
            return
        }
        nextHead()
    }

    /// A read of the request's body that outlives the answer ends with it: the next bytes are another request's.
    private func endUnfinishedRead() {
        guard let waiter = bodyWaiter else { return }
        bodyWaiter = nil
        endBodyWait()
        waiter.resume(throwing: Cancelled.error)
    }

    /// Throws away what is left of a request's body, within its limit.
    func continueDiscarding() {
        guard case .discarding = phase else { return }
        if bodyFailure != nil || body.discarded > server.configuration.limits.discardedBodyBytes {
            linger()
        } else if body.isComplete {
            clearTimer()
            nextHead()
        }
    }

    private func nextHead() {
        phase = .waiting
        if isDraining || inputEnded, input.readableBytes == 0 {
            linger()
            return
        }
        if input.readableBytes > 0 {
            clock = worker.eventNow
            decodeHead()
        } else {
            // Lets go of the read buffer, so that the next read can use it again.
            input = ByteBuffer()
        }
        switch phase {
        case .waiting: setReading(true)
        // Pipelined requests are taken up only as fast as they are answered.
        case .handling where input.readableBytes + body.parts.byteCount < IncomingBody.readAheadBytes / 2:
            setReading(true)
        default: break
        }
        if case .waiting = phase, inputEnded {
            linger()
        } else if case .waiting = phase, !timerIsSet {
            idle()
        }
    }

    private func idle() {
        // Asked of the decoder only when it can be so: most connections idle with nothing read.
        if input.readableBytes > 0, decoder.hasPartialHead {
            setTimer(.head, server.timeouts.head)
        } else if server.timeouts.keepAlive > Self.taskLinger {
            setTimer(.taskLinger, Self.taskLinger)
        } else {
            setTimer(.keepAlive, server.timeouts.keepAlive)
        }
    }
}
