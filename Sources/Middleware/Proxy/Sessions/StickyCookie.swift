import HTTPTypes

/// A cookie that the gateway gives out to know a client again: its name and its attributes (RFC 6265 section 4.1.2).
///
/// Its value is the gateway's to choose. It does not reach origins, and it is given out once and not with each answer: one
/// with a ``maxAge`` ends that long after it was set, however busy the client is.
///
/// An answer that sets it gets `private="Set-Cookie"` in `Cache-Control` (RFC 9111 section 5.2.2.7), unless the answer
/// is private or not stored anyway: a shared cache further out must not give one client's cookie to all. What the origin
/// said about caching stays as it is.
///
/// ## Example
/// ```swift
/// StickyCookie("app-node")
/// ```
/// Customised, for pages that are shown within those of other sites:
/// ```swift
/// var cookie = StickyCookie("app-node")
/// cookie.isSecure = true
/// cookie.sameSite = StickyCookie.SameSite.none
/// cookie.isPartitioned = true
/// ```
public struct StickyCookie: Sendable, Hashable, ExpressibleByStringLiteral {
    /// When a browser sends a cookie with requests that other sites start.
    public enum SameSite: String, Sendable {
        /// Never.
        case strict = "Strict"
        /// When the user follows a link.
        case lax = "Lax"
        /// Always. Needs ``StickyCookie/isSecure``.
        case none = "None"
    }

    /// Its name, a token.
    public var name: String
    /// The paths that it is sent with. `/`, all of them, unless set.
    public var path = "/"
    /// The domain whose hosts it is sent to. That of the request alone unless set.
    public var domain: String?
    /// How long it lives, in whole seconds. Until the browser is closed unless set.
    public var maxAge: Duration?
    /// Whether it is sent over TLS alone. Unless set, that is so when the request that it is given to came over TLS.
    public var isSecure: Bool?
    /// Whether scripts of the page must not see it. `true` unless set.
    public var isHTTPOnly = true
    /// Whether it is sent with requests that other sites start. ``SameSite-swift.enum/lax`` unless set; `nil` leaves it to
    /// the browser.
    public var sameSite: SameSite? = SameSite.lax
    /// Whether each site that shows the page in a frame of its own has a cookie of its own. `false` unless set.
    public var isPartitioned = false

    /// A cookie of that name; bad values are reported by the blueprint of the part that uses it.
    public init(_ name: String) { self.name = name }

    public init(stringLiteral name: String) { self.init(name) }

    /// Notes bad values.
    package func check(in blueprint: inout Blueprint) {
        let quoted = name.jsonQuoted
        blueprint.require(
            FieldGrammar.isToken(name.utf8.span), "names a cookie \(quoted)", mend: "use letters, digits, - and _")
        blueprint.require(
            path.hasPrefix("/") && path.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: ";") && $0 < 0x7F },
            "gives the cookie \(quoted) the path \(path.jsonQuoted)", mend: "write a path such as /app")
        if let domain {
            blueprint.require(
                AuthorityGrammar.isAuthority(domain.utf8.span) && !domain.contains(":"),
                "gives the cookie \(quoted) the domain \(domain.jsonQuoted)", mend: "write a host name")
        }
        if let maxAge {
            blueprint.require(
                maxAge >= .seconds(1), "has the cookie \(quoted) live for \(maxAge)",
                mend: "give a second or more, or nil for the session of the browser")
        }
        blueprint.require(
            sameSite != SameSite.none || isSecure == true,
            "makes the cookie \(quoted) SameSite=None without Secure, which no browser takes",
            mend: "set isSecure to true")
        blueprint.require(
            !isPartitioned || isSecure == true,
            "makes the cookie \(quoted) Partitioned without Secure, which no browser takes",
            mend: "set isSecure to true")
        // RFC 6265bis section 4.1.3: without these, a cookie of such a name is refused.
        let prefix = name.lowercased()
        blueprint.require(
            !prefix.hasPrefix("__host-") || isSecure == true && path == "/" && domain == nil,
            "names the cookie \(quoted) without what its prefix asks for",
            mend: "set isSecure to true, the path to /, and no domain")
        blueprint.require(
            !prefix.hasPrefix("__secure-") || isSecure == true,
            "names the cookie \(quoted) without what its prefix asks for", mend: "set isSecure to true")
    }

    /// The line that sets it.
    ///
    /// - Parameter isEncrypted: whether the request came over TLS.
    package func line(_ value: String, isEncrypted: Bool) -> String {
        line(value, lifetime: maxAge.map { $0.components.seconds }, isEncrypted: isEncrypted)
    }

    /// The line that takes it back.
    package func line(endingWhenEncrypted isEncrypted: Bool) -> String {
        line("", lifetime: 0, isEncrypted: isEncrypted)
    }

    private func line(_ value: String, lifetime: Int64?, isEncrypted: Bool) -> String {
        var line = "\(name)=\(value); Path=\(path)"
        if let domain { line += "; Domain=\(domain)" }
        if let lifetime { line += "; Max-Age=\(lifetime)" }
        if isSecure ?? isEncrypted { line += "; Secure" }
        if isHTTPOnly { line += "; HttpOnly" }
        if let sameSite { line += "; SameSite=\(sameSite.rawValue)" }
        if isPartitioned { line += "; Partitioned" }
        return line
    }
}

extension Response {
    /// Adds a line of `Set-Cookie`, and has shared caches keep it to themselves.
    package mutating func setCookie(_ line: String) {
        headers.append(.setCookie, line)
        let isKept = FieldList(headers[values: .cacheControl]).contains { member in
            let directive = member.lowercased()
            return directive == "private" || directive == "no-store"
        }
        if !isKept { headers.append(.cacheControl, "private=\"Set-Cookie\"") }
    }
}
