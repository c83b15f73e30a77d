package import NIOCore

/// What a request asks for: path and query, over the bytes that were received.
///
/// ```swift
/// request.target.path = "/v2" + request.target.path
/// request.target.query = nil
/// for item in request.target.queryItems where item.name == "page" { … }
/// ```
///
/// ## The normal form
/// A target always holds its normal form, and this is also what is forwarded: what a rule saw is what the origin gets.
/// A target that arrives in normal form, as nearly all do, is neither changed nor copied. In the normal form
/// - dot segments are removed (RFC 3986 section 5.2.4), after escapes of unreserved characters such as `%2E` were
///   decoded (section 6.2.2.2); the digits of other escapes are in upper case (section 6.2.2.1);
/// - `%2F` and `%5C` stay encoded and never separate segments; a raw `\` and other bytes that no path may hold are
///   encoded;
/// - empty segments stay: `//a` is not `/a`;
/// - the query is as it was received, bytes outside ASCII encoded.
///
/// A received target is refused with 400 (`RequestTargetProblem`) when
/// - a `%` in its path begins no escape, or the escape is `%00`;
/// - its dot segments climb above the root, which RFC 3986 would forgive and which is never meant well;
/// - it holds a segment that some origins take for a dot segment and others do not: `..;x`, `..%2Fa`, `a%5C..`. No form
///   of it would be read alike by all;
/// - it holds a control, a space or a `#`.
///
/// Escapes are decoded once. An origin that decodes twice must be protected by a rule of its own.
///
/// ## Setting
/// A path or query that is set is text that may already be encoded. It is brought to the normal form and never refused:
/// what could not stand is encoded, so no line end, space or `?` of it can end the path; a NUL becomes U+FFFD; dot
/// segments above the root are dropped.
///
/// A copy shares the bytes, which keep their read buffer alive: what outlives the request goes through ``compacted()``.
/// A value type: safe to send anywhere.
public struct RequestTarget: Sendable, Hashable {
    /// Exactly `path[?query]`, or `*`; always in normal form.
    private let bytes: ByteBuffer
    /// The bytes of the path; the `?` stands behind them when there are more.
    private let pathLength: Int

    /// A target from text, as if ``path`` and ``query`` had been set. `*` without a query is the target of `OPTIONS *`.
    public init(_ path: String, query: String? = nil) {
        if path == "*", query == nil {
            self.init(normal: ByteBuffer(string: path), queryStart: nil)
            return
        }
        var normaliser = TargetNormaliser(mends: true)
        normaliser.mendPath(path.utf8.span)
        let queryStart = query == nil ? nil : normaliser.output.count
        if let query { normaliser.mendQuery(query.utf8.span) }
        self.init(normal: ByteBuffer(bytes: normaliser.output), queryStart: queryStart)
    }

    /// Checks a received target, in origin form or `*`, and brings it to the normal form when it is not in it. An empty
    /// path, which an absolute-form target may have, becomes `/`.
    package init(normalising received: ByteBuffer) throws(RequestTargetProblem) {
        let span = received.readableBytesUInt8Span
        switch Self.scan(span) {
        case .normal(let queryStart):
            self.init(normal: received, queryStart: queryStart)
        case .irregular:
            let (output, queryStart) = try TargetNormaliser.normalise(span)
            self.init(normal: ByteBuffer(bytes: output), queryStart: queryStart)
        }
    }

    /// A target that ``scan(_:)`` has found to be in normal form.
    package init(normal bytes: ByteBuffer, queryStart: Int?) {
        self.bytes = bytes
        pathLength = queryStart ?? bytes.readableBytes
    }

    /// The normalised path; begins with `/`, or is `*`. Setting it keeps the query.
    public var path: String {
        get { withPath { String(decoding: $0) } }
        set { self = RequestTarget(newValue, query: query) }
    }

    /// What stands behind the first `?`, without it; `nil` when there is none, empty when nothing follows it.
    public var query: String? {
        get { withQuery { String(decoding: $0) } }
        set { self = RequestTarget(path, query: newValue) }
    }

    /// Whether it is the `*` of `OPTIONS *`, which names the server and not a resource.
    public var isAsterisk: Bool { byteCount == 1 && withBytes { $0[0] == UInt8(ascii: "*") } }

    private var queryStart: Int? { pathLength < byteCount ? pathLength : nil }

    /// The same target in memory of its own, for what is kept longer than the request.
    public func compacted() -> RequestTarget {
        RequestTarget(normal: withBytes { ByteBuffer(copying: $0) }, queryStart: queryStart)
    }

    /// The number of bytes that ``write(into:)`` writes.
    package var byteCount: Int { bytes.readableBytes }

    /// Appends `path[?query]`.
    package func write(into buffer: inout some ByteSink) {
        buffer.write(bytes.readableBytesUInt8Span)
    }

    /// Lends the bytes of path and query.
    package func withBytes<R>(_ body: (Span<UInt8>) -> R) -> R {
        body(bytes.readableBytesUInt8Span)
    }

    /// Lends the bytes of the normalised path.
    @inline(__always)
    package func withPath<R>(_ body: (Span<UInt8>) -> R) -> R {
        body(bytes.readableBytesUInt8Span.extracting(0..<pathLength))
    }

    /// Lends the bytes of the query, when there is one.
    package func withQuery<R>(_ body: (Span<UInt8>) -> R) -> R? {
        queryStart.map { body(bytes.readableBytesUInt8Span.extracting(($0 + 1)..<byteCount)) }
    }

    /// The bytes of the query, shared.
    var queryBytes: ByteBuffer? {
        queryStart.flatMap { bytes.getSlice(at: bytes.readerIndex + $0 + 1, length: byteCount - $0 - 1) }
    }

    /// The bytes of the path behind its first `/`, shared; `nil` for `*`.
    var pathBytes: ByteBuffer? {
        guard !isAsterisk else { return nil }
        return bytes.getSlice(at: bytes.readerIndex + 1, length: pathLength - 1)
    }
}

extension RequestTarget: CustomStringConvertible {
    /// `path[?query]`, as it is forwarded.
    public var description: String { withBytes { String(decoding: $0) } }
}

extension ByteBuffer {
    fileprivate init(copying bytes: Span<UInt8>) {
        self.init()
        reserveCapacity(bytes.count)
        write(bytes)
    }
}
