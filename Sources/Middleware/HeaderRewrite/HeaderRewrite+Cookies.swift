import HTTPTypes

// MARK: - Cookies of the origin in answers

extension HeaderRewrite.MessageRules where Message == Response {
    /// Edits the attributes of cookies that the origin sets (`Set-Cookie`, RFC 6265 section 4.1).
    ///
    /// ```swift
    /// $0.response.rewriteCookies { $0.domain = .dropped; $0.isSecure = true; $0.sameSite = .lax }
    /// ```
    ///
    /// Names and values stay byte for byte. A cookie whose name begins with `__Host-` keeps its domain and path, and one
    /// that begins with `__Secure-` or `__Host-` keeps `Secure`, without which no browser takes it.
    public mutating func rewriteCookies(_ write: (inout HeaderRewrite.CookieRules) -> Void) {
        var rules = HeaderRewrite.CookieRules()
        write(&rules)
        var prefixes: (old: [UInt8], new: [UInt8])?
        switch rules.path {
        case .kept: break
        case .fixed(let path):
            require(
                path.hasPrefix("/") && Self.isAttribute(path), "gives cookies the path \(path.jsonQuoted)",
                mend: "write a path such as /app")
        case .replacingPrefix(let old, let new):
            guard let old = pathPrefix(old), let new = pathPrefix(new) else { return }
            prefixes = (old, new)
        }
        for domain in rules.domain.names {
            let host = domain.withoutLeadingDot
            require(
                AuthorityGrammar.isAuthority(host.utf8.span) && !host.contains(":"),
                "names the cookie domain \(domain.jsonQuoted)", mend: "write a host name")
        }
        require(
            rules.sameSite != HeaderRewrite.CookieRules.SameSite.none || rules.isSecure == true,
            "makes cookies SameSite=None without Secure, which no browser takes", mend: "set isSecure to true as well")
        require(
            rules.isPartitioned != true || rules.isSecure == true,
            "makes cookies Partitioned without Secure, which no browser takes", mend: "set isSecure to true as well")
        steps.append(.cookies(CookieEdit(rules: rules, pathPrefixes: prefixes)))
    }

    private static func isAttribute(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: ";") && $0 < 0x7F }
    }
}

extension HeaderRewrite {
    /// What becomes of the cookies that an origin sets. Nothing unless set.
    public struct CookieRules: Sendable {
        /// What becomes of the domain.
        public enum Domain: Sendable, Hashable {
            /// It stays.
            case kept
            /// There is none: the cookie belongs to the host that the client asked alone.
            case dropped
            /// It is this one, also where there was none.
            case fixed(String)
            /// Where it is the first, or a name below it, it becomes the second.
            case replacing(String, with: String)

            var names: [String] {
                switch self {
                case .kept, .dropped: []
                case .fixed(let name): [name]
                case .replacing(let old, let new): [old, new]
                }
            }
        }

        /// What becomes of the path.
        public enum Path: Sendable, Hashable {
            /// It stays.
            case kept
            /// It is this one, also where there was none.
            case fixed(String)
            /// Where it begins with the first, in whole segments, the beginning becomes the second.
            case replacingPrefix(String, with: String)
        }

        /// When a browser sends a cookie with requests that other sites start.
        public enum SameSite: String, Sendable {
            case strict = "Strict"
            case lax = "Lax"
            case none = "None"
        }

        /// The cookies that are meant; all unless set.
        public var names: Set<String> = []
        /// What becomes of the domain. It stays unless set.
        public var domain = Domain.kept
        /// What becomes of the path. It stays unless set.
        public var path = Path.kept
        /// Adds or removes `Secure`.
        public var isSecure: Bool?
        /// Adds or removes `HttpOnly`.
        public var isHTTPOnly: Bool?
        /// Sets `SameSite`, also where there was none.
        public var sameSite: SameSite?
        /// Adds or removes `Partitioned`.
        public var isPartitioned: Bool?
    }
}

/// Edits the lines of `Set-Cookie`.
final class CookieEdit: Sendable {
    private let rules: HeaderRewrite.CookieRules
    private let pathPrefixes: (old: [UInt8], new: [UInt8])?

    init(rules: HeaderRewrite.CookieRules, pathPrefixes: (old: [UInt8], new: [UInt8])?) {
        self.rules = rules
        self.pathPrefixes = pathPrefixes
    }

    private static let name = Array("set-cookie".utf8)

    func edit(_ answer: inout RewrittenAnswer) {
        for index in answer.headers.entries.indices {
            guard answer.headers.isNamed(answer.headers.entries[index], Self.name) else { continue }
            // As Latin-1, in which every byte is a letter of its own: values are bytes of somebody else's.
            let line = answer.headers.withValue(of: answer.headers.entries[index]) { String(latin1: $0) }
            let edited = edited(line)
            if edited != line { answer.headers.replaceValue(at: index, with: edited.latin1Bytes.span) }
        }
    }

    /// A line after the edit. One that is no cookie stays.
    func edited(_ line: String) -> String {
        // RFC 6265 section 5.2: pieces between semicolons, the first of them name and value.
        var pieces = line.split(separator: ";", omittingEmptySubsequences: false)
        let pair = pieces.removeFirst()
        guard let equals = pair.firstIndex(of: "=") else { return line }
        let name = String(pair[..<equals].trimmingBlanks)
        guard rules.names.isEmpty || rules.names.contains(name) else { return line }
        var attributes = CookieAttributes(pieces)
        let isHost = name.lowercased().hasPrefix("__host-")
        let isBound = isHost || name.lowercased().hasPrefix("__secure-")
        if !isHost {
            editDomain(&attributes)
            editPath(&attributes)
        }
        if !isBound || rules.isSecure == true { attributes.set("Secure", rules.isSecure) }
        attributes.set("HttpOnly", rules.isHTTPOnly)
        if let sameSite = rules.sameSite { attributes.set("SameSite", sameSite.rawValue) }
        attributes.set("Partitioned", rules.isPartitioned)
        guard attributes.isChanged else { return line }
        return ([String(pair)] + attributes.texts).joined(separator: "; ")
    }

    private func editDomain(_ attributes: inout CookieAttributes) {
        switch rules.domain {
        case .kept: break
        case .dropped: attributes.remove("Domain")
        case .fixed(let domain): attributes.set("Domain", domain)
        case .replacing(let old, let new):
            guard var domain = attributes["Domain"]?.lowercased() else { return }
            // RFC 6265 section 5.2.3: a dot in front means nothing.
            domain = domain.withoutLeadingDot
            let (old, new) = (old.withoutLeadingDot.lowercased(), new.withoutLeadingDot)
            if domain == old {
                attributes.set("Domain", new)
            } else if domain.hasSuffix(".\(old)") {
                attributes.set("Domain", domain.dropLast(old.utf8.count) + new)
            }
        }
    }

    private func editPath(_ attributes: inout CookieAttributes) {
        switch rules.path {
        case .kept: break
        case .fixed(let path): attributes.set("Path", path)
        case .replacingPrefix:
            guard let path = attributes["Path"], let (old, new) = pathPrefixes else { return }
            let bytes = Array(path.utf8)
            guard bytes.starts(with: old), bytes.count == old.count || bytes[old.count] == UInt8(ascii: "/") else {
                return
            }
            // Of `/`, nothing is left: `/shop/` would not hold for `/shop` (RFC 6265 section 5.1.4).
            let rest = old.isEmpty && bytes.count == 1 ? [] : bytes[old.count...]
            let replaced = String(decoding: new + rest, as: UTF8.self)
            attributes.set("Path", replaced.isEmpty ? "/" : replaced)
        }
    }
}

/// The attributes of a cookie in their order, as they are spelled.
private struct CookieAttributes {
    private var pieces: [Substring]
    private(set) var isChanged = false

    init(_ pieces: [Substring]) { self.pieces = pieces.map(\.trimmingBlanks).filter { !$0.isEmpty } }

    var texts: [String] { pieces.map(String.init) }

    /// The value of the last attribute of that name, which is the one that counts (RFC 6265 section 5.3).
    subscript(_ name: String) -> String? {
        pieces.last { Self.isNamed($0, name) }.flatMap { piece in
            piece.firstIndex(of: "=").map { String(piece[piece.index(after: $0)...].trimmingBlanks) }
        }
    }

    mutating func set(_ name: String, _ value: some StringProtocol) {
        guard self[name] != String(value) else { return }
        remove(name)
        pieces.append("\(name)=\(value)"[...])
        isChanged = true
    }

    /// Adds or removes an attribute without a value.
    mutating func set(_ name: String, _ isThere: Bool?) {
        guard let isThere, isThere != pieces.contains(where: { Self.isNamed($0, name) }) else { return }
        if isThere { pieces.append(name[...]) } else { remove(name) }
        isChanged = true
    }

    mutating func remove(_ name: String) {
        let count = pieces.count
        pieces.removeAll { Self.isNamed($0, name) }
        if pieces.count != count { isChanged = true }
    }

    private static func isNamed(_ piece: Substring, _ name: String) -> Bool {
        piece.prefix { $0 != "=" }.trimmingBlanks.lowercased() == name.lowercased()
    }
}

extension String {
    /// RFC 6265 section 5.2.3: a dot in front of a domain means nothing.
    fileprivate var withoutLeadingDot: String { hasPrefix(".") ? String(dropFirst()) : self }

    /// Each byte as the character of that number.
    fileprivate init(latin1 bytes: Span<UInt8>) {
        self.init()
        for index in bytes.indices { unicodeScalars.append(Unicode.Scalar(bytes[index])) }
    }

    /// The characters as the bytes that they were made of.
    fileprivate var latin1Bytes: [UInt8] { unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var text = drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
