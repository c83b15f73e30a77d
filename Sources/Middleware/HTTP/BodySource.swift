public import NIOCore

/// One pull from a body.
public enum BodyPart: Sendable {
    /// The next bytes; never empty when it comes from this library's own sources.
    case bytes(ByteBuffer)
    /// The end, with the trailer section if there was one (RFC 9110 section 6.5).
    case end(trailers: Headers?)
}

/// A streamed body with one reader.
///
/// Not reading is back-pressure: a source holds no more than its stated read-ahead and asks its own origin for nothing
/// until it is read again. A transformer is one of these around another:
///
/// ```swift
/// final class Counting: BodySource {
///     private let upstream: any BodySource
///     private(set) var bytes = 0
///     init(_ upstream: any BodySource) { self.upstream = upstream }
///     var knownLength: Int? { upstream.knownLength }
///     var isReady: Bool { upstream.isReady }
///     func read() async throws -> BodyPart {
///         let part = try await upstream.read()
///         if case .bytes(let buffer) = part { bytes += buffer.readableBytes }
///         return part
///     }
///     func cancel(_ reason: any Error) { upstream.cancel(reason) }
/// }
/// ```
///
/// Rules for an implementation: reads come one at a time; after `.end` or a throw, every further read throws;
/// ``cancel(_:)`` is synchronous, idempotent, may come at any time (also while a read waits, which then throws, and
/// after the end) and releases the other side; a source that is dropped behaves as if it had been cancelled.
/// `BodySourceConformance` in MiddlewareTesting checks these.
///
/// Not `Sendable`: a source stays with its reader. The library's own sources check where they are called and move the
/// call to their event loop when the caller stands elsewhere.
public protocol BodySource: AnyObject {
    /// The number of bytes that will come in all, when it is known before the first.
    var knownLength: Int? { get }

    /// Whether ``read()`` would return without suspending. A transformer flushes what it holds before it reads a source
    /// that is not ready; so does the server before it waits. `false` unless implemented.
    var isReady: Bool { get }

    /// The next part. Throws when the other side failed, when a deadline of the exchange passed, when the source was
    /// cancelled, or when it is read past its end.
    nonisolated(nonsending) func read() async throws -> BodyPart

    /// Gives up the rest and releases the other side. Called on every exit path, also after the end.
    func cancel(_ reason: any Error)
}

extension BodySource {
    public var isReady: Bool { false }
}

/// Thrown by a second ``Body/open()`` of a stream, and by a read behind the end, where forwarding on would have cut the
/// body short.
public struct BodyConsumed: Error {
    public init() {}
}

/// Thrown when a body is longer than its reader allows.
public struct BodyTooLarge: Error {
    /// The limit that was passed, in bytes.
    public var limit: Int

    public init(limit: Int) { self.limit = limit }
}

/// Thrown when something wants the whole of a body that never ends by itself (``Body/isLive``).
public struct BodyIsLive: Error {
    public init() {}
}
