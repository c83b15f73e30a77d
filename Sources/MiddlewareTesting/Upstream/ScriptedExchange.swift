public import HTTPTypes
public import Middleware
public import NIOCore
import Synchronization

/// A request that a ``ScriptedUpstream`` has received, and the ways to answer it, well or badly.
///
/// ```swift
/// ScriptedUpstream { exchange in
///     exchange.informational(.earlyHints, [.init("link")!: "</style.css>; rel=preload"])
///     try await exchange.delay(.seconds(1))
///     exchange.answer(.ok, "fine", headers: [.contentType: "text/plain"])
/// }
/// ```
///
/// A script gives one answer: by ``answer(_:_:headers:trailers:)``, ``answerChunks(_:_:headers:trailers:)``, by
/// ``start(_:headers:length:)`` and what follows it, by ``raw(_:)-(String)``, or by one of the ends. What comes after
/// an end, or after the connection closed, does nothing. Safe to use from any thread.
public final class ScriptedExchange: Sendable {
    private enum Answer {
        case none
        case begun(BodyFraming)
        case complete
        case hanging
    }

    /// How the answer stands. Unchecked because it is touched on its connection's loop only.
    private final class Progress: @unchecked Sendable {
        var answer = Answer.none
        var persists: Bool
        var isBrokenOff = false
        var sender: CheckedContinuation<Void, any Error>?

        init(persists: Bool) { self.persists = persists }
    }

    /// Which request of its origin this is, over all connections; the first is 1.
    public let number: Int
    private let received: Watched<ScriptedRequest>
    private let progress: Progress
    private let connection: OriginConnection

    init(_ request: ScriptedRequest, persists: Bool, number: Int, connection: OriginConnection) {
        received = Watched(request)
        progress = Progress(persists: persists)
        self.number = number
        self.connection = connection
    }

    /// The request: the whole of it, or what has come so far when the script started at the head.
    public var request: ScriptedRequest { received.value }

    /// Which connection of its origin it came over; the first is 1.
    public var connectionNumber: Int { connection.number }

    /// The request with all of its content. Throws `CancellationError` when the connection ends before.
    public nonisolated(nonsending) func wholeRequest() async throws -> ScriptedRequest {
        await received.wait { $0.isComplete }
        let request = request
        guard request.isComplete else { throw CancellationError() }
        return request
    }

    /// Stops and starts taking bytes: an origin that does not read what is sent to it.
    public func setReading(_ isReading: Bool) {
        perform { connection, _ in connection.wire.setReading(isReading) }
    }

    /// Waits on the clock of the runtime. Throws `CancellationError` when the connection ends before.
    public nonisolated(nonsending) func delay(_ duration: Duration) async throws {
        let time = connection.worker.time
        let isOver = Watched(false)
        let timer = time.schedule(at: time.now.advanced(by: duration)) { isOver.change { $0 = true } }
        await isOver.wait { $0 }
        timer.cancel()
        try Task.checkCancellation()
    }

    // MARK: Answers

    /// Answers with text and its `Content-Length`; with trailers, in chunks. An answer to HEAD has no content.
    public func answer(
        _ status: HTTPResponse.Status = .ok,
        _ text: String = "",
        headers: Headers = [:],
        trailers: Headers? = nil
    ) {
        let bytes = ByteBuffer(string: text)
        let length: BodyFraming = bytes.readableBytes == 0 ? .none : .length(bytes.readableBytes)
        perform { _, exchange in
            exchange.begin(status, headers, trailers == nil ? length : .chunked)
            exchange.write(bytes)
            exchange.complete(with: trailers)
        }
    }

    /// Answers with text in chunks, each written by itself.
    public func answerChunks(
        _ status: HTTPResponse.Status = .ok,
        _ chunks: [String],
        headers: Headers = [:],
        trailers: Headers? = nil
    ) {
        perform { _, exchange in
            exchange.begin(status, headers, .chunked)
            for chunk in chunks { exchange.write(ByteBuffer(string: chunk)) }
            exchange.complete(with: trailers)
        }
    }

    /// Sends a 1xx answer ahead of the final one.
    public func informational(_ status: HTTPResponse.Status, _ headers: Headers = [:]) {
        perform { connection, _ in
            var buffer = ByteBuffer()
            ResponseEncoder.writeInformational(status, headers: headers, into: &buffer)
            connection.wire.write(buffer)
            connection.wire.flush()
        }
    }

    /// Begins an answer: its head. The content follows by ``send(_:)-(String)`` and ``finish(trailers:)``.
    ///
    /// - Parameter length: what `Content-Length` says; chunks unless given.
    public func start(_ status: HTTPResponse.Status = .ok, headers: Headers = [:], length: Int? = nil) {
        perform { connection, exchange in
            exchange.begin(status, headers, length.map { .length($0) } ?? .chunked)
            connection.wire.flush()
        }
    }

    /// Sends some content of an answer that was begun, and waits while the gateway does not take it.
    ///
    /// Throws `CancellationError` when the connection ends.
    public nonisolated(nonsending) func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }

    /// Sends some content of an answer that was begun, and waits while the gateway does not take it.
    ///
    /// Throws `CancellationError` when the connection ends.
    public nonisolated(nonsending) func send(_ bytes: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { continuation in
            connection.worker.perform { self.send(bytes, continuation) }
        }
    }

    /// Ends an answer that was begun.
    public func finish(trailers: Headers? = nil) {
        perform { _, exchange in exchange.complete(with: trailers) }
    }

    /// Sends these bytes as they are, good or bad. They count as an answer: the next request comes behind it, and what
    /// became of the connection is for the script to say.
    public func raw(_ text: String) { raw(ByteBuffer(string: text)) }

    /// Sends these bytes as they are, good or bad; see ``raw(_:)-(String)``.
    public func raw(_ bytes: ByteBuffer) {
        perform { connection, exchange in
            exchange.progress.answer = .complete
            connection.wire.write(bytes)
            connection.wire.flush()
        }
    }

    // MARK: Ends

    /// Answers with some of the content that its `Content-Length` declares, and closes.
    ///
    /// - Parameter declared: the bytes that are declared; one more than there are unless given.
    public func halfBody(_ status: HTTPResponse.Status = .ok, _ text: String, declaring declared: Int? = nil) {
        let bytes = ByteBuffer(string: text)
        perform { connection, exchange in
            exchange.begin(status, [:], .length(declared ?? bytes.readableBytes + 1))
            exchange.write(bytes)
            exchange.progress.answer = .complete
            connection.wire.flush()
            connection.wire.close()
        }
    }

    /// Closes the connection: behind what was sent so far, and without an answer when that is nothing.
    public func close() {
        perform { connection, exchange in
            exchange.progress.answer = .complete
            connection.wire.flush()
            connection.wire.close()
        }
    }

    /// Resets the connection, behind what was sent so far.
    public func reset() {
        perform { connection, exchange in
            exchange.progress.answer = .complete
            connection.wire.flush()
            connection.wire.reset()
        }
    }

    /// Leaves the request, or the rest of an answer that was begun, without anything more, and the connection open.
    public func hang() {
        perform { _, exchange in exchange.progress.answer = .hanging }
    }
}

// MARK: - On the loop

extension ScriptedExchange {
    /// Whether the connection may carry another request.
    var persists: Bool { progress.persists }

    /// Whether the answer is complete.
    var isAnswered: Bool { if case .complete = progress.answer { true } else { false } }

    func append(_ part: inout ByteBuffer) {
        let part = part
        received.change { request in _ = request.bytes.writeImmutableBuffer(part) }
    }

    func complete(_ trailers: Headers?) {
        received.change { request in
            request.trailers = trailers
            request.isComplete = true
        }
    }

    /// The connection has ended, or its input has.
    func breakOff() {
        progress.isBrokenOff = true
        progress.sender?.resume(throwing: CancellationError())
        progress.sender = nil
    }

    /// The gateway takes bytes again.
    func resume() {
        progress.sender?.resume()
        progress.sender = nil
    }

    /// What is wrong with how the script ended; `nil` when it answered or hangs on purpose.
    func scriptEnded() -> String? {
        switch progress.answer {
        case .none: "the script of request \(number) ended without an answer (hang() leaves one without)"
        case .begun: "the script of request \(number) ended without finish()"
        case .complete, .hanging: nil
        }
    }

    private func perform(_ action: @escaping @Sendable (OriginConnection, ScriptedExchange) -> Void) {
        connection.worker.perform {
            if !self.progress.isBrokenOff { action(self.connection, self) }
        }
    }

    private func begin(_ status: HTTPResponse.Status, _ headers: Headers, _ framing: BodyFraming) {
        guard case .none = progress.answer else { return }
        var buffer = ByteBuffer()
        let written = ResponseEncoder.writeHead(
            status: status,
            headers: headers,
            framing: framing,
            answering: request.method,
            persists: progress.persists,
            date: nil,
            into: &buffer
        )
        progress.answer = .begun(written.framing)
        progress.persists = written.persists
        connection.wire.write(buffer)
    }

    private func write(_ bytes: ByteBuffer) {
        guard case .begun(let framing) = progress.answer, bytes.readableBytes > 0 else { return }
        switch framing {
        case .none:
            return
        case .chunked:
            var buffer = ByteBuffer()
            ChunkEncoder.writeChunkHead(size: bytes.readableBytes, into: &buffer)
            buffer.writeImmutableBuffer(bytes)
            ChunkEncoder.writeChunkEnd(into: &buffer)
            connection.wire.write(buffer)
        case .length, .untilClose:
            connection.wire.write(bytes)
        }
    }

    private func complete(with trailers: Headers?) {
        guard case .begun(let framing) = progress.answer else { return }
        if framing == .chunked {
            var buffer = ByteBuffer()
            ChunkEncoder.writeLastChunk(trailers: trailers, into: &buffer)
            connection.wire.write(buffer)
        }
        progress.answer = .complete
        connection.wire.flush()
    }

    private func send(_ bytes: ByteBuffer, _ continuation: CheckedContinuation<Void, any Error>) {
        guard !progress.isBrokenOff else {
            continuation.resume(throwing: CancellationError())
            return
        }
        write(bytes)
        connection.wire.flush()
        if connection.wire.isWritable { continuation.resume() } else { progress.sender = continuation }
    }
}
