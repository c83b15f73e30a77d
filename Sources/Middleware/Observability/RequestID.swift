public import HTTPTypes
import Logging

/// Gives every request an identifier and passes it on: to the origin, to the parts inside, to their log lines, and back
/// to the client.
///
/// An identifier that the client or a proxy in front has sent is kept when it is well formed, so that one identifier
/// follows a request through several systems. Otherwise one is made: a UUID of version 7 (RFC 9562 section 5.7), which
/// sorts by time.
///
/// It never repeats what it has not checked: an identifier that is kept is short and holds letters, digits and
/// `-._~+/=:@` alone, so that it can stand in any log, header or page. Several fields are as bad as none. An identifier
/// is not a secret and proves nothing about who sent it: where clients are not trusted, replace theirs.
///
/// It overwrites a field of that name in the answer, since the origin's own says nothing to the client.
///
/// ## Placement
/// Outermost, so that everything inside can name the request. Provides `request id`.
///
/// ## Example
/// ```swift
/// Pipeline {
///     RequestID()
///     AccessLog()
///     ReverseProxy(to: "http://127.0.0.1:9000")
/// }
/// ```
/// Customised, on a listener that strangers reach:
/// ```swift
/// var configuration = RequestID.Configuration()
/// configuration.incoming = .replace
/// configuration.metadataKey = nil
/// RequestID(configuration)
/// ```
/// A handler inside reads it as `context[RequestIDKey.self]`.
public struct RequestID: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// What happens to an identifier that comes with the request.
        public enum Incoming: Sendable, Hashable {
            /// It is kept when it is well formed and has at most so many bytes.
            case keepWellFormed(maximumBytes: Int = 128)
            /// It is replaced.
            case replace
        }

        /// The field that carries the identifier, in the request and in the answer. `X-Request-ID` unless set; not a
        /// field that the library itself acts on, such as `Host` or `Content-Length`.
        public var field = HTTPField.Name.xRequestID
        /// Well-formed identifiers of up to 128 bytes are kept unless set. The maximum is above zero.
        public var incoming = Incoming.keepWellFormed()
        /// Whether the answer carries the identifier as well. `true` unless set.
        public var isEchoed = true
        /// Under what name the identifier stands in the metadata of the context's logger. `request-id` unless set;
        /// `nil` leaves the logger alone, which saves a few allocations a request.
        public var metadataKey: String? = "request-id"

        public init() {}
    }

    private let configuration: Configuration
    private let maximumBytes: Int

    /// With that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        maximumBytes =
            switch configuration.incoming {
            case .keepWellFormed(let bytes): bytes
            case .replace: 0
            }
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("RequestID", placement: Placement(provides: ["request id"]))
        blueprint.preview = { _ in .passes }
        if case .keepWellFormed(let bytes) = configuration.incoming {
            blueprint.require(
                bytes > 0,
                "keeps identifiers of up to \(bytes) bytes, which is none",
                mend: "allow more than zero, or replace incoming identifiers"
            )
        }
        blueprint.require(
            KnownField(name: configuration.field.canonicalName.utf8.span) == .other,
            "uses \(configuration.field.rawName), a field that the library itself acts on",
            mend: "use a field such as X-Request-ID"
        )
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        let id: String
        if let incoming = wellFormedID(of: request.headers) {
            id = incoming
        } else {
            id = Self.make(
                at: context.runtime.time.wallClock.nanoseconds,
                chance: context.runtime.randomness.next()
            )
            request.headers[configuration.field] = id
        }
        context[RequestIDKey.self] = id
        if let key = configuration.metadataKey { context.logger[metadataKey: key] = .string(id) }
        return nil
    }

    public func after(_ response: inout Response, context: RequestContext) {
        guard configuration.isEchoed, let id = context[RequestIDKey.self] else { return }
        response.headers[configuration.field] = id
    }

    /// The identifier of a request that is to be kept.
    private func wellFormedID(of headers: Headers) -> String? {
        guard maximumBytes > 0 else { return nil }
        var found: Int?
        for index in headers.entries.indices where headers.matches(headers.entries[index], configuration.field) {
            guard found == nil else { return nil }
            found = index
        }
        guard let found else { return nil }
        let isWellFormed = headers.withValue(of: headers.entries[found]) { value in
            guard !value.isEmpty, value.count <= maximumBytes else { return false }
            for index in value.indices where !value[index].mayStandInIdentifier { return false }
            return true
        }
        return isWellFormed ? headers.string(at: found) : nil
    }

    /// A UUID of version 7 with the fraction of the millisecond in `rand_a` (RFC 9562 section 6.2, method 3), so that
    /// one draw of chance is enough.
    package static func make(at nanoseconds: Int64, chance: UInt64) -> String {
        let (milliseconds, rest) = max(0, nanoseconds).quotientAndRemainder(dividingBy: 1_000_000)
        let time = UInt64(milliseconds) & 0xFFFF_FFFF_FFFF
        let fraction = UInt64(rest) * 4096 / 1_000_000
        let high = time << 16 | 0x7000 | fraction
        let low = 0x8000_0000_0000_0000 | chance >> 2
        return String(unsafeUninitializedCapacity: 36) { text in
            var written = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    text[written] = UInt8(ascii: "-")
                    written += 1
                }
                let word = digit < 16 ? high : low
                let value = UInt8(truncatingIfNeeded: word >> UInt64(60 - digit % 16 * 4)) & 0x0F
                text[written] = value < 10 ? 0x30 + value : 0x57 + value
                written += 1
            }
            return written
        }
    }
}

extension UInt8 {
    /// Letters, digits and `-._~+/=:@`: nothing that a log, a header, a shell or a page takes for more than text.
    fileprivate var mayStandInIdentifier: Bool {
        if ByteSet.unreserved.contains(self) { return true }
        return switch self {
        case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "@"): true
        default: false
        }
    }
}
