import NIOCore

/// The sending of one streamed request body, which goes on while the answer is already being read (an endpoint may
/// answer early, and both directions may stream at once).
///
/// Unchecked because it is touched on its connection's loop only.
final class RequestUpload: @unchecked Sendable {
    private let framing: BodyFraming
    private let connection: UpstreamConnection
    private let wire: any Wire
    private var source: (any BodySource)?
    private var sent = 0
    private var writer: UnsafeContinuation<Void, any Error>?
    private var end: (any Error)?
    private var isFinished = false

    init(framing: BodyFraming, to connection: UpstreamConnection, over wire: any Wire) {
        self.framing = framing
        self.connection = connection
        self.wire = wire
    }

    func start(_ body: consuming Body) {
        do {
            source = try body.open()
        } catch {
            connection.failed(self, error)
            return
        }
        Task(executorPreference: connection.worker.executor) { await self.run() }
    }

    func cancel(_ reason: any Error) {
        guard end == nil else { return }
        end = reason
        source?.cancel(reason)
        writer?.resume(throwing: reason)
        writer = nil
    }

    /// The endpoint takes bytes again.
    func resume() {
        writer?.resume()
        writer = nil
    }

    private func run() async {
        guard let source else { return }
        do {
            while try await step(source) {
                // With a declared length the last byte ends the request, whatever else the source has to say.
                if let length = framing.declaredLength, sent == length {
                    wire.flush()
                    connection.finished(self)
                    isFinished = true
                }
            }
            wire.flush()
            self.source = nil
            if !isFinished { connection.finished(self) }
        } catch {
            source.cancel(error)
            self.source = nil
            connection.failed(self, error)
        }
    }

    /// Sends one part; `false` behind the last.
    private func step(_ source: any BodySource) async throws -> Bool {
        if !source.isReady { wire.flush() }
        let part = try await source.read()
        if let end { throw end }
        switch part {
        case .bytes(let bytes):
            try write(bytes)
            if !wire.isWritable { try await drain() }
            return true
        case .end(let trailers):
            if framing == .chunked {
                var buffer = ByteBuffer()
                ChunkEncoder.writeLastChunk(trailers: trailers, into: &buffer)
                wire.write(buffer)
            } else if framing.declaredLength != sent {
                // RFC 9112 section 8: an incomplete message must not look like a complete one.
                throw BodyLengthMismatch(declared: framing.declaredLength ?? 0, actual: sent)
            }
            return false
        }
    }

    private func write(_ bytes: ByteBuffer) throws {
        sent += bytes.readableBytes
        guard framing == .chunked else {
            if let length = framing.declaredLength, sent > length {
                throw BodyLengthMismatch(declared: length, actual: sent)
            }
            wire.write(bytes)
            return
        }
        guard bytes.readableBytes > 0 else { return }
        var head = ByteBuffer()
        ChunkEncoder.writeChunkHead(size: bytes.readableBytes, into: &head)
        wire.write(head)
        wire.write(bytes)
        wire.write(ByteBuffer(string: "\r\n"))
    }

    private func drain() async throws {
        wire.flush()
        guard !wire.isWritable else { return }
        connection.uploadStalls()
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            if let end {
                continuation.resume(throwing: end)
            } else if wire.isWritable {
                continuation.resume()
            } else {
                writer = continuation
            }
        }
        connection.uploadProceeds()
    }
}
