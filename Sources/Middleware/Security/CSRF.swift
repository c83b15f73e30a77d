import HTTPTypes
import Logging

/// Refuses requests that another site makes a browser send: cross-site request forgery, told by what the browser says
/// about the origin of a request, without tokens and without state.
///
/// A request is let through when one of these holds, and is answered with 403 when none does:
/// 1. Its method is GET, HEAD or OPTIONS and it asks for no upgrade and no other method. Such requests must not change
///    anything (RFC 9110 section 9.2.1). A WebSocket may, and browsers open one from any page, so its handshake is
///    checked; a GET with `X-HTTP-Method-Override`, `X-HTTP-Method` or `X-Method-Override` is one of another method to
///    some applications. A method that stands in the query is not seen: let no application take it from there.
/// 2. `Sec-Fetch-Site` says `same-origin`, or `none`, which is a user's own doing, such as a bookmark; `same-site` if
///    configured.
/// 3. There is no `Sec-Fetch-Site` and no `Origin`: no browser of the last years sent it.
/// 4. There is no `Sec-Fetch-Site`, and `Origin` names the request's own host. The scheme is not compared, because a
///    gateway behind a proxy may not know it; ``SecurityHeaders`` with HSTS closes that gap.
/// 5. Its `Origin` is among the trusted ones, or its path among the exempt ones.
///
/// No page can set or leave out these fields, and every other client can: this protects browsers' cookies, and does not
/// tell who sends. Fields that come more than once are not believed, and refused where they would decide.
///
/// Without TLS browsers send no `Sec-Fetch-Site`, loopback excepted, and a page whose referrer policy is `no-referrer`
/// posts with `Origin: null`, which is refused, to its own origin too.
///
/// ## Placement
/// Inside ``CORS``, so that a page can read the refusal, and inside what resolves trusted proxies, which may set the
/// authority. Outside authentication. Follows `client address`.
///
/// ## Example
/// ```swift
/// CSRF()
/// ```
/// Customised, where another origin of one's own posts, and one endpoint is posted to by strangers' pages on purpose:
/// ```swift
/// var configuration = CSRF.Configuration()
/// configuration.trustedOrigins = ["https://app.example"]
/// configuration.exemptPaths = ["/saml/acs", "/webhooks/**"]
/// CSRF(configuration)
/// ```
public struct CSRF: HeadMiddleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// Origins whose pages may send any request. None unless set; not `*`.
        public var trustedOrigins: [OriginPattern] = []
        /// Whether pages of sibling hosts, `a.example` and `b.example` below one registered name, may send any request.
        /// Not unless set: one of them may be taken over by somebody else.
        public var allowsSameSite = false
        /// Paths that take requests from every page: a whole normalised path, or with `/**` at its end all below it.
        /// None unless set. What is behind them must not trust cookies.
        public var exemptPaths: [String] = []

        public init() {}
    }

    private let configuration: Configuration
    private let trusted: OriginSet
    private let exempt: PathSet
    private let refusal = Refusal("the request comes from a page of another site", varies: false)

    /// With that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        // A star here would switch the protection off.
        trusted = OriginSet(configuration.trustedOrigins.filter { $0.shape != .any })
        exempt = PathSet(configuration.exemptPaths)
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("CSRF", placement: Placement(follows: ["client address"]))
        blueprint.preview = { [self] in verdict(on: $0) ? .passes : .answers(.forbidden) }
        for origin in configuration.trustedOrigins {
            let problem = origin.shape == .any ? "is every site there is" : origin.problem
            blueprint.require(
                problem == nil,
                "trusts \(origin), which \(problem ?? "")",
                mend: "write an origin such as https://app.example or https://*.app.example"
            )
        }
        for path in configuration.exemptPaths {
            let problem = path == "/**" ? "is every path there is" : "no request has for a path"
            blueprint.require(
                PathSet.isUsable(path),
                "exempts \(path), which \(problem)",
                mend: "write a normalised path such as /webhooks/in or /webhooks/**"
            )
        }
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        guard !verdict(on: request) else { return nil }
        context.logger.debug("a request from a page of another site")
        return refusal.response
    }

    /// Whether the request may pass.
    package func verdict(on request: Request) -> Bool {
        guard request.upgradeProtocol != nil || !Self.isSafe(request) else { return true }
        let headers = request.headers
        if headers.contains(known: .secFetchSite) {
            // Fetch Metadata, "The Sec-Fetch-Site HTTP Request Header".
            guard let entry = headers.only(known: .secFetchSite) else { return isExempt(request) }
            let isOwn = headers.withValue(of: entry) { site in
                site.spells("same-origin") || site.spells("none")
                    || (configuration.allowsSameSite && site.spells("same-site"))
            }
            return isOwn || isExempt(request)
        }
        guard headers.contains(known: .origin) else { return true }
        guard let entry = headers.only(known: .origin) else { return isExempt(request) }
        let isOwn = headers.withValue(of: entry) { origin in
            request.head.authority.withBytes { Self.names(origin, $0) }
        }
        return isOwn || isExempt(request)
    }

    /// Whether a page cannot do harm with it by rights.
    private static func isSafe(_ request: Request) -> Bool {
        let method = request.method
        guard method.matches(.get) || method.matches(.head) || method.matches(.options) else { return false }
        return methodFields.isDisjoint(with: request.headers.known)
    }

    /// The fields from which applications take the method.
    private static let methodFields = KnownFields(.xHTTPMethod, .xHTTPMethodOverride, .xMethodOverride)

    private func isExempt(_ request: Request) -> Bool {
        if let entry = request.headers.only(known: .origin),
            request.headers.withValue(of: entry, { trusted.find($0) }) != nil
        {
            return true
        }
        return !exempt.isEmpty && request.target.withPath { exempt.contains($0) }
    }

    /// Whether what follows `://` in the origin is the authority.
    private static func names(_ origin: Span<UInt8>, _ authority: Span<UInt8>) -> Bool {
        let start = origin.count - authority.count
        guard start > 3, !authority.isEmpty else { return false }
        guard origin[start - 1] == UInt8(ascii: "/"), origin[start - 2] == UInt8(ascii: "/"),
            origin[start - 3] == UInt8(ascii: ":")
        else { return false }
        for index in authority.indices {
            // Hosts compare without regard to case, RFC 3986 section 3.2.2.
            guard origin[start + index].lowercaseLetter == authority[index].lowercaseLetter else { return false }
        }
        return true
    }
}

/// Whole paths, and prefixes of whole segments.
private struct PathSet: Sendable {
    private let paths: [[UInt8]]
    private let prefixes: [[UInt8]]

    init(_ texts: [String]) {
        let usable = texts.filter(Self.isUsable)
        paths = usable.filter { !$0.hasSuffix("/**") }.map { Array($0.utf8) }
        prefixes = usable.filter { $0.hasSuffix("/**") }.map { Array($0.utf8.dropLast(2)) }
    }

    var isEmpty: Bool { paths.isEmpty && prefixes.isEmpty }

    func contains(_ path: Span<UInt8>) -> Bool {
        for whole in paths where whole.count == path.count && Self.begins(path, with: whole) { return true }
        for prefix in prefixes {
            if Self.begins(path, with: prefix) { return true }
            // `/a/**` is `/a` as well.
            if path.count + 1 == prefix.count, Self.begins(path, with: prefix[..<path.count]) { return true }
        }
        return false
    }

    /// Whether it is in the normal form that paths of requests are in, and not all of them.
    static func isUsable(_ text: String) -> Bool {
        guard text != "/**" else { return false }
        let path = text.hasSuffix("/**") ? String(text.dropLast(2)) : text
        return path.hasPrefix("/") && !path.contains("*") && !path.contains("?") && RequestTarget(path).path == path
    }

    private static func begins(_ path: Span<UInt8>, with prefix: some RandomAccessCollection<UInt8>) -> Bool {
        guard path.count >= prefix.count else { return false }
        var index = 0
        for byte in prefix {
            guard path[index] == byte else { return false }
            index += 1
        }
        return true
    }
}

extension UInt8 {
    fileprivate var lowercaseLetter: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}
