import NIOCore

/// Bytes at hand behind the ``BodySource`` protocol: one part, then the end.
final class BufferedSource: BodySource {
    private enum State {
        case bytes(ByteBuffer, Headers?)
        case end(Headers?)
        case finished(any Error)
    }

    private var state: State
    let knownLength: Int?

    init(_ buffer: ByteBuffer, trailers: Headers?) {
        knownLength = buffer.readableBytes
        state = buffer.readableBytes > 0 ? .bytes(buffer, trailers) : .end(trailers)
    }

    var isReady: Bool { true }

    func read() async throws -> BodyPart {
        switch state {
        case .bytes(let buffer, let trailers):
            state = .end(trailers)
            return .bytes(buffer)
        case .end(let trailers):
            state = .finished(BodyConsumed())
            return .end(trailers: trailers)
        case .finished(let error):
            throw error
        }
    }

    func cancel(_ reason: any Error) {
        if case .finished = state { return }
        state = .finished(reason)
    }
}
