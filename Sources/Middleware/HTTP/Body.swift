public import NIOCore

/// A message body: empty, bytes at hand, or a stream that is opened once.
///
/// ```swift
/// Response(.ok, body: .bytes(ByteBuffer(string: "hello")))
/// let whole = try await request.body.collect(upTo: 64 << 10)
/// for try await chunk in try request.body.chunks() { … }
/// ```
///
/// A stream is opened once, whatever the number of copies of the body: a second ``open()`` throws ``BodyConsumed``
/// instead of forwarding a cut body. A stream that is dropped unread is cancelled. What has to be read twice goes
/// through ``RecordedBody``.
///
/// Not `Sendable`: it stays with its exchange.
public struct Body {
    /// The one owner of a source until it is opened.
    final class Once {
        var source: (any BodySource)?

        init(_ source: any BodySource) { self.source = source }

        deinit { source?.cancel(CancellationError()) }
    }

    /// Trailers at hand: rare, so they do not widen every body.
    final class Trailers: Sendable {
        let headers: Headers

        init(_ headers: Headers) { self.headers = headers }
    }

    enum Storage {
        case empty
        case bytes(ByteBuffer, Trailers?)
        case stream(Once)
    }

    var storage: Storage

    /// Never ends by itself (server-sent events, gRPC, long polls): ``collect(upTo:)`` and ``RecordedBody`` refuse it
    /// at once, nothing may wait for its end, and every part is passed on as it comes.
    public var isLive = false

    private init(storage: Storage) { self.storage = storage }

    /// No content.
    public static var empty: Body { Body(storage: .empty) }

    /// Content at hand, and the trailer section that follows it.
    public static func bytes(_ buffer: ByteBuffer, trailers: Headers? = nil) -> Body {
        if buffer.readableBytes == 0, trailers == nil { return .empty }
        return Body(storage: .bytes(buffer, trailers.map { Trailers($0) }))
    }

    /// Content at hand as UTF-8.
    public static func text(_ text: String) -> Body { .bytes(ByteBuffer(string: text)) }

    /// Content that is pulled from a source.
    public static func stream(_ source: any BodySource) -> Body { Body(storage: .stream(Once(source))) }

    /// The number of bytes, when it is known without reading; a stream that was opened knows none.
    public var knownLength: Int? {
        switch storage {
        case .empty: 0
        case .bytes(let buffer, _): buffer.readableBytes
        case .stream(let once): once.source?.knownLength
        }
    }

    /// Whether there is certainly no content.
    public var isEmpty: Bool {
        if case .empty = storage { true } else { false }
    }

    /// Whether it could be read again from the start: everything but a stream.
    public var isReplayable: Bool {
        if case .stream = storage { false } else { true }
    }

    /// Takes the stream. Bytes at hand give a new source every time.
    ///
    /// Throws ``BodyConsumed`` when the stream was opened or discarded before.
    public func open() throws -> any BodySource {
        switch storage {
        case .empty: return BufferedSource(ByteBuffer(), trailers: nil)
        case .bytes(let buffer, let trailers): return BufferedSource(buffer, trailers: trailers?.headers)
        case .stream(let once):
            guard let source = once.source else { throw BodyConsumed() }
            once.source = nil
            return source
        }
    }

    /// Gives up a body that nobody will read, and so releases the connection it comes from. Nothing happens when it was
    /// opened before.
    public func discard(_ reason: any Error = CancellationError()) {
        if case .stream(let once) = storage {
            once.source?.cancel(reason)
            once.source = nil
        }
    }

    /// The whole content.
    ///
    /// Throws ``BodyTooLarge`` past `limit` bytes (at once when the length is known), ``BodyIsLive`` for a live body,
    /// and what the source throws. Trailers are dropped.
    public nonisolated(nonsending) func collect(upTo limit: Int) async throws -> ByteBuffer {
        guard !isLive else { throw BodyIsLive() }
        if let length = knownLength, length > limit {
            discard(BodyTooLarge(limit: limit))
            throw BodyTooLarge(limit: limit)
        }
        switch storage {
        case .empty: return ByteBuffer()
        case .bytes(let buffer, _): return buffer
        case .stream: break
        }
        let source = try open()
        var whole: ByteBuffer?
        while case .bytes(var part) = try await source.read() {
            guard (whole?.readableBytes ?? 0) + part.readableBytes <= limit else {
                source.cancel(BodyTooLarge(limit: limit))
                throw BodyTooLarge(limit: limit)
            }
            if whole == nil { whole = part } else { whole?.writeBuffer(&part) }
        }
        return whole ?? ByteBuffer()
    }

    /// The content as an `AsyncSequence` of buffers; breaking out of the loop cancels the source.
    ///
    /// Throws ``BodyConsumed`` as ``open()`` does.
    public func chunks() throws -> BodyChunks { BodyChunks(try open()) }
}

/// The bytes of a body as an `AsyncSequence`, for `for try await`. It has one reader; trailers are dropped.
public struct BodyChunks: AsyncSequence {
    public typealias Element = ByteBuffer

    /// Reads the source; dropping it unfinished cancels the source.
    public final class Iterator: AsyncIteratorProtocol {
        private var source: (any BodySource)?

        init(_ source: any BodySource) { self.source = source }

        deinit { source?.cancel(CancellationError()) }

        public nonisolated(nonsending) func next() async throws -> ByteBuffer? {
            guard let source else { return nil }
            switch try await source.read() {
            case .bytes(let buffer): return buffer
            case .end:
                self.source = nil
                return nil
            }
        }

        public func next(isolation actor: isolated (any Actor)?) async throws -> ByteBuffer? {
            try await next()
        }
    }

    private let iterator: Iterator

    init(_ source: any BodySource) { iterator = Iterator(source) }

    public func makeAsyncIterator() -> Iterator { iterator }
}
