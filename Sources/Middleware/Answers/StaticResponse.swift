public import HTTPTypes
public import NIOCore

/// The same answer to every request, made once: a page, a `robots.txt`, a health check, a fixed refusal.
///
/// An answer with the status 200 has an entity tag of its content, and a client that has it already (`If-None-Match` on
/// GET and HEAD) gets 304 without the content and its type. The content stays in memory; it is not copied for a request.
///
/// It does not look at method or path, and it reads no files.
///
/// ## Placement
/// At the end of a pipeline or of a route.
///
/// ## Example
/// ```swift
/// StaticResponse("User-agent: *\nDisallow: /private\n")
/// ```
/// Customised:
/// ```swift
/// var configuration = StaticResponse.Configuration()
/// configuration.status = .gone
/// configuration.contentType = "text/html; charset=utf-8"
/// configuration.headers[.cacheControl] = "max-age=3600"
/// StaticResponse("<!doctype html><title>Gone</title><p>This shop is closed.", configuration)
/// ```
public struct StaticResponse: Handler {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// A final status. 200 unless set.
        public var status = HTTPResponse.Status.ok
        /// The media type of the content. Plain text in UTF-8 unless set; `nil` sends none. None is sent without
        /// content.
        public var contentType: String? = "text/plain; charset=utf-8"
        /// Further fields. None unless set; an `ETag` or `Content-Type` here takes the place of the one that is made.
        public var headers = Headers()

        public init() {}
    }

    private let configuration: Configuration
    private let content: ByteBuffer
    private let headers: Headers
    /// The fields of a 304.
    private let knownHeaders: Headers
    /// What a client may have already; empty when there is none.
    private let tag: [UInt8]

    /// With that text; bad values are reported by the ``blueprint``.
    public init(_ text: String = "", _ configuration: Configuration = Configuration()) {
        self.init(bytes: ByteBuffer(string: text), configuration)
    }

    /// With those bytes; bad values are reported by the ``blueprint``.
    public init(bytes: ByteBuffer, _ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        content = bytes
        var headers = configuration.headers.compacted()
        if bytes.readableBytes > 0, let type = configuration.contentType, !headers.contains(.contentType) {
            headers.append(.contentType, type)
        }
        if configuration.status.code == 200, !headers.contains(.eTag) {
            headers.append(.eTag, Self.tag(of: bytes.readableBytesUInt8Span))
        }
        self.headers = headers
        // RFC 9110 section 15.4.5: no metadata of content that is not there.
        for name in [HTTPField.Name.contentType, .contentEncoding, .contentLanguage, .lastModified] {
            headers.remove(name)
        }
        knownHeaders = headers
        tag = configuration.status.code == 200 ? Array((headers[.eTag] ?? "").utf8) : []
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("StaticResponse")
        let status = configuration.status
        blueprint.preview = { _ in .answers(status) }
        blueprint.require(
            (200...599).contains(status.code), "answers \(status.code), which is no final status",
            mend: "use 200 to 599")
        blueprint.require(
            content.readableBytes == 0 || ![204, 205, 304].contains(status.code),
            "has content for \(status.code), which has none", mend: "leave the content out, or use another status")
        if let tag = configuration.headers[.eTag] {
            blueprint.require(
                Self.isEntityTag(tag.utf8.span), "has the entity tag \(tag), which is none",
                mend: "write it in quotes, with W/ in front if it is weak")
        }
        for known in KnownField.framing where configuration.headers.contains(known: known) {
            blueprint.require(
                false, "sets \(known.canonicalName), which is the connection's",
                mend: "leave it out: it follows from the content")
        }
        return blueprint
    }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        answer(request)
    }

    private func answer(_ request: Request) -> Response {
        if !tag.isEmpty, isKnown(to: request) { return Response(.notModified, headers: knownHeaders) }
        return Response(configuration.status, headers: headers, body: .bytes(content))
    }

    /// RFC 9110 section 13.1.2: on GET and HEAD, by weak comparison.
    private func isKnown(to request: Request) -> Bool {
        guard request.headers.contains(.ifNoneMatch) else { return false }
        guard request.method.matches(.get) || request.method.matches(.head) else { return false }
        for entry in request.headers.entries where request.headers.matches(entry, .ifNoneMatch) {
            let isKnown = request.headers.withValue(of: entry) { value in
                var reader = FieldListReader()
                while let range = reader.next(in: value) {
                    if Self.matches(value.extracting(range), tag) { return true }
                }
                return false
            }
            if isKnown { return true }
        }
        return false
    }

    private static func matches(_ member: Span<UInt8>, _ tag: [UInt8]) -> Bool {
        if member.count == 1, member[0] == UInt8(ascii: "*") { return true }
        let isWeak = member.count > 2 && member[0] == UInt8(ascii: "W") && member[1] == slash
        let given = isWeak ? member.extracting(2..<member.count) : member
        // RFC 9110 section 8.8.3.2: the weak mark of either side is passed over.
        let own = tag.starts(with: [UInt8(ascii: "W"), slash]) ? tag.dropFirst(2) : tag[...]
        guard given.count == own.count else { return false }
        for index in given.indices where given[index] != own[own.startIndex + index] { return false }
        return true
    }

    /// RFC 9110 section 8.8.3.
    private static func isEntityTag(_ tag: Span<UInt8>) -> Bool {
        let quote = UInt8(ascii: "\"")
        let isWeak = tag.count > 2 && tag[0] == UInt8(ascii: "W") && tag[1] == slash
        let quoted = isWeak ? tag.extracting(2..<tag.count) : tag
        guard quoted.count >= 2, quoted[0] == quote, quoted[quoted.count - 1] == quote else { return false }
        for index in 1..<(quoted.count - 1) where quoted[index] <= 0x20 || quoted[index] == quote { return false }
        return true
    }

    /// A strong entity tag: the length and 128 bits over the content (two FNV-1a hashes of 64 bits). Content is the
    /// operator's own, so nobody looks for two of one hash.
    private static func tag(of content: Span<UInt8>) -> String {
        var (first, second): (UInt64, UInt64) = (0xCBF2_9CE4_8422_2325, 0x6C62_272E_07BB_0142)
        for index in content.indices {
            first = (first ^ UInt64(content[index])) &* 0x100_0000_01B3
            second = (second ^ UInt64(content[index])) &* 0x9E37_79B9_7F4A_7C15
        }
        return "\"\(String(content.count, radix: 36))-\(String(first, radix: 36))\(String(second, radix: 36))\""
    }
}

private let slash = UInt8(ascii: "/")

extension KnownField {
    /// What the connection writes by itself, RFC 9112 section 6.
    fileprivate static var framing: [KnownField] { [.contentLength, .transferEncoding, .connection] }
}
