import HTTPTypes

/// Refuses requests whose body is too long, so that nobody inside has to.
///
/// A body that declares its length is refused before a byte of it is read: 413, and a client that waits for
/// `100 Continue` never sends it (RFC 9110 section 10.1.1). A body without a declared length is counted as it is read.
/// The read that passes the limit throws ``BodyTooLarge``, which becomes 413 wherever it comes up before the head of
/// the answer: in a handler, in a collected body, in the forwarding to an origin. The bytes up to the limit may have
/// reached the origin by then; its connection is given up, so that it never takes the cut body for a whole one.
///
/// Nothing is buffered. It counts content as it passes here: inside something that decompresses, decompressed bytes. It
/// does not limit answers. A server has the same limit for all its requests in its configuration (`limits.bodyBytes`);
/// this is for what differs by route. Several hold at once, and the smallest wins.
///
/// ## Placement
/// Anywhere outside of what reads the body; outside of authentication, so that strangers send no more than others.
///
/// ## Example
/// ```swift
/// BodyLimit(bytes: 1 << 20)
/// ```
/// Customised, so that bodies which do not say how long they are get less:
/// ```swift
/// var configuration = BodyLimit.Configuration()
/// configuration.undeclaredBytes = 64 << 10
/// BodyLimit(bytes: 100 << 20, configuration)
/// ```
public struct BodyLimit: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// The limit, in bytes, of a body that does not declare its length, such as a chunked one. `nil`, the default,
        /// is the same as for others.
        public var undeclaredBytes: Int?

        public init() {}
    }

    private let bytes: Int
    private let configuration: Configuration

    /// At most so many bytes of content; 0 lets no content in at all. Bad values are reported by the ``blueprint``.
    public init(bytes: Int, _ configuration: Configuration = Configuration()) {
        self.bytes = bytes
        self.configuration = configuration
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("BodyLimit")
        blueprint.preview = { [bytes] request in
            guard let length = request.body.knownLength else { return .passes }
            return length > bytes ? .answers(.contentTooLarge) : .passes
        }
        blueprint.require(bytes >= 0, "allows bodies of \(bytes) bytes", mend: "give 0 or more")
        if let undeclared = configuration.undeclaredBytes {
            blueprint.require(
                undeclared >= 0,
                "allows bodies without a length \(undeclared) bytes",
                mend: "give 0 or more"
            )
        }
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        guard !request.body.isEmpty else { return nil }
        if let length = request.body.knownLength {
            guard length > bytes else { return nil }
            LimitMetric.refused[.bodyLength].increment()
            request.body.discard(BodyTooLarge(limit: bytes))
            return Response(answering: BodyTooLarge(limit: bytes), context: context)
        }
        // A stream that was opened already knows no length either; whoever reads it next is told so.
        guard let source = try? request.body.open() else { return nil }
        let isLive = request.body.isLive
        request.body = .stream(LimitedBody(source, limit: configuration.undeclaredBytes ?? bytes))
        request.body.isLive = isLive
        return nil
    }
}
