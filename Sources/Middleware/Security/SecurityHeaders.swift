import HTTPTypes

/// Adds the fields by which a browser protects the users of a site: TLS only, no framing, no guessing of types, a
/// content security policy, and the like.
///
/// It adds a field only where the answer has none of that name: what an origin says about its own pages wins, whatever
/// it says. It removes nothing. `X-XSS-Protection` is never sent, because the filter that it controlled did harm and is
/// gone.
///
/// `Strict-Transport-Security` goes out over TLS alone (RFC 6797 section 7.2), as far as ``Request/scheme`` tells. A
/// policy with a nonce is left out of a 304, which would join a new nonce to the old page that a cache holds; for the
/// same reason a page with a nonce must not be cached by a ``Handler`` further out or by the browser: send
/// `Cache-Control: no-store`.
///
/// ``Configuration/safe``, which `SecurityHeaders()` uses, is fit for a site that knows nothing of it: HSTS for a year,
/// no guessing of types, frames, base URLs and plug-ins of the same origin at most, the referrer's origin alone to
/// others, and windows of other origins kept apart, pop-ups excepted. ``Configuration/strict`` is for APIs, and for
/// sites that are built on it and widen what they need.
///
/// ## Placement
/// Outside whatever answers by itself, so that refusals carry the fields as well; inside what resolves trusted proxies,
/// which sets the scheme. Follows `client address`.
///
/// ## Example
/// ```swift
/// SecurityHeaders()
/// ```
/// Customised, for a site that marks its scripts:
/// ```swift
/// var configuration = SecurityHeaders.Configuration.safe
/// configuration.transportSecurity?.includesSubdomains = true
/// configuration.contentSecurityPolicy = "default-src 'self'; script-src 'nonce'; object-src 'none'; base-uri 'none'"
/// configuration.permissions = PermissionsPolicy(denying: ["camera", "geolocation", "microphone"])
/// SecurityHeaders(configuration)
/// ```
/// A handler inside writes `<script nonce="…">` with `context[ContentSecurityPolicyNonceKey.self]`.
public struct SecurityHeaders: HeadMiddleware {
    /// What may be configured; `nil` leaves a field out.
    public struct Configuration: Sendable {
        /// HSTS.
        public var transportSecurity: TransportSecurity?
        /// Which sources a page may load from, and who may frame it.
        public var contentSecurityPolicy: ContentSecurityPolicy?
        /// A policy that is only reported on, to try it out.
        public var reportedContentSecurityPolicy: ContentSecurityPolicy?
        /// Whether a browser takes the content type for what it says (`X-Content-Type-Options: nosniff`).
        public var forbidsSniffing: Bool
        /// Who may frame a page, for browsers that do not know `frame-ancestors`.
        public var framing: Framing?
        /// What a page tells about itself.
        public var referrer: Referrer?
        /// Which features of the browser a page may use.
        public var permissions: PermissionsPolicy?
        /// Which windows a page is together with.
        public var opener: Opener?
        /// What a page may embed.
        public var embedder: Embedder?
        /// Whose pages may embed an answer.
        public var resource: Resource?

        /// No field at all.
        public init() { forbidsSniffing = false }

        /// What hardly any site misses.
        public static var safe: Configuration {
            var configuration = Configuration()
            configuration.transportSecurity = TransportSecurity()
            configuration.contentSecurityPolicy = "base-uri 'self'; frame-ancestors 'self'; object-src 'none'"
            configuration.forbidsSniffing = true
            configuration.framing = .sameOrigin
            configuration.referrer = .strictOriginWhenCrossOrigin
            configuration.opener = .sameOriginAllowPopups
            return configuration
        }

        /// Nothing is loaded, framed, embedded or told: for APIs.
        public static var strict: Configuration {
            var configuration = safe
            configuration.transportSecurity?.includesSubdomains = true
            configuration.contentSecurityPolicy =
                "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            configuration.framing = .nobody
            configuration.referrer = .nothing
            configuration.permissions = PermissionsPolicy(
                denying: ["camera", "display-capture", "geolocation", "microphone", "payment", "usb"])
            configuration.opener = .sameOrigin
            configuration.embedder = .requireCORP
            configuration.resource = .sameOrigin
            return configuration
        }
    }

    private let configuration: Configuration
    private let hasTransportSecurity: Bool
    /// What an answer gets that does not go over TLS.
    private let plain: FieldBlock
    /// What an answer over TLS gets.
    private let secure: FieldBlock
    /// The policies with a nonce, and where it goes.
    private let marked: FieldBlock
    private let places: [Int]

    /// With that configuration; bad values are reported by the ``blueprint``.
    public init(_ configuration: Configuration = .safe) {
        self.configuration = configuration
        hasTransportSecurity = configuration.transportSecurity != nil
        var plain = Self.fixedFields(configuration)
        var marked: [(HTTPField.Name, String)] = []
        var pieces: [[String]] = []
        for (name, policy) in configuration.policies where policy.problem == nil {
            guard policy.pieces.count > 1 else {
                plain.append((name, policy.pieces.joined()))
                continue
            }
            marked.append((name, policy.pieces.joined(separator: Nonce.placeholder)))
            pieces.append(policy.pieces)
        }
        var secure = plain
        // RFC 6797 section 7.2: not over a transport that is not secure.
        if let transport = configuration.transportSecurity {
            secure.append((.strictTransportSecurity, transport.value))
        }
        self.plain = FieldBlock(plain)
        self.secure = FieldBlock(secure)
        self.marked = FieldBlock(marked)
        places = zip(self.marked.valueStarts, pieces).flatMap { start, pieces in
            var place = start
            return pieces.dropLast().map { piece in
                defer { place += Nonce.length }
                place += piece.utf8.count
                return place
            }
        }
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("SecurityHeaders", placement: Placement(follows: ["client address"]))
        blueprint.preview = { _ in .passes }
        let transport = configuration.transportSecurity?.problem
        blueprint.require(
            transport == nil, transport ?? "", mend: "give zero or more; to be preloaded, a year and all subdomains")
        for (_, policy) in configuration.policies {
            blueprint.require(
                policy.problem == nil,
                "has the content security policy \(policy), which \(policy.problem ?? "")",
                mend: "write directives such as default-src 'self'; object-src 'none'"
            )
        }
        if let permissions = configuration.permissions {
            blueprint.require(
                permissions.problem == nil,
                "has the permissions policy \(permissions), which \(permissions.problem ?? "")",
                mend: "write features such as camera=(), fullscreen=(self)"
            )
        }
        return blueprint
    }

    public func before(_ request: inout Request, context: RequestContext) -> Response? {
        if hasTransportSecurity, request.scheme == "https" { context[SecureTransportKey.self] = true }
        // Kept when one stands further out, so that all policies and the page have the same.
        if !marked.isEmpty, context[ContentSecurityPolicyNonceKey.self] == nil {
            context[ContentSecurityPolicyNonceKey.self] = Nonce.text(context.runtime.randomness)
        }
        return nil
    }

    public func after(_ response: inout Response, context: RequestContext) {
        let isSecure = hasTransportSecurity && context[SecureTransportKey.self]
        response.headers.addMissing(of: isSecure ? secure : plain)
        guard !marked.isEmpty, response.status.code != 304 else { return }
        var nonce = context[ContentSecurityPolicyNonceKey.self] ?? ""
        // What somebody else has set is not written into a policy unless it is one; without it the policy allows a
        // nonce that no page has.
        if !Nonce.isOne(nonce.utf8.span) { nonce = Nonce.text(context.runtime.randomness) }
        response.headers.addMissing(of: marked, writing: nonce.utf8.span, at: places)
    }

    private static func fixedFields(_ configuration: Configuration) -> [(HTTPField.Name, String)] {
        var fields: [(HTTPField.Name, String)] = []
        if configuration.forbidsSniffing { fields.append((.xContentTypeOptions, "nosniff")) }
        if let framing = configuration.framing { fields.append((.xFrameOptions, framing.rawValue)) }
        if let referrer = configuration.referrer { fields.append((.referrerPolicy, referrer.rawValue)) }
        if let permissions = configuration.permissions, permissions.problem == nil {
            fields.append((.permissionsPolicy, permissions.text))
        }
        if let opener = configuration.opener { fields.append((.crossOriginOpenerPolicy, opener.rawValue)) }
        if let embedder = configuration.embedder { fields.append((.crossOriginEmbedderPolicy, embedder.rawValue)) }
        if let resource = configuration.resource { fields.append((.crossOriginResourcePolicy, resource.rawValue)) }
        return fields
    }
}

extension SecurityHeaders.Configuration {
    /// The content security policies by the field that carries them.
    fileprivate var policies: [(HTTPField.Name, ContentSecurityPolicy)] {
        var policies: [(HTTPField.Name, ContentSecurityPolicy)] = []
        if let policy = contentSecurityPolicy { policies.append((.contentSecurityPolicy, policy)) }
        if let policy = reportedContentSecurityPolicy { policies.append((.contentSecurityPolicyReportOnly, policy)) }
        return policies
    }
}

/// Whether the request came over TLS.
private enum SecureTransportKey: ContextKey {
    static var defaultValue: Bool { false }
}

/// The value of a nonce.
private enum Nonce {
    /// 128 bits in base 64 without padding.
    static let length = 22
    static let placeholder = String(repeating: "0", count: length)

    /// CSP section 7.1: at least 128 bits from a generator that cannot be foreseen. RFC 4648 section 5 is its alphabet.
    static func text(_ randomness: some Randomness) -> String {
        let (high, low) = (randomness.next(), randomness.next())
        return String(unsafeUninitializedCapacity: length) { text in
            // Six bits each; the last of each half has what is left.
            var rest = high
            for index in 0..<length {
                if index == length / 2 { rest = low }
                text[index] = digit(UInt8(truncatingIfNeeded: rest & 0x3F))
                rest &>>= 6
            }
            return length
        }
    }

    /// Whether the bytes have the form of a nonce.
    static func isOne(_ text: Span<UInt8>) -> Bool {
        guard text.count == length else { return false }
        for index in text.indices {
            guard ByteSet.token.contains(text[index]), text[index] != UInt8(ascii: "'") else { return false }
        }
        return true
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }
}
