/// An origin of the web, `scheme://host[:port]`, or a pattern of several: what CORS and CSRF rules are written in.
///
/// ```text
/// https://app.example           that origin alone
/// https://*.app.example         every name below it, at any depth, and not app.example itself
/// http://localhost:*            any port, the default one included
/// *                             every origin
/// ```
///
/// Scheme and host compare without regard to case, a default port is the same as none. An address is written as
/// browsers do (`127.0.0.1`, `[2001:db8::1]`), because other spellings of it match nothing. The star of a host stands for
/// whole labels: `https://*.app.example` is neither `https://app.example` nor `https://evilapp.example`. What is no
/// origin is not matched: `null`, which every sandboxed document may call itself, is only matched by `*`.
///
/// Text that is no pattern does not trap: ``problem`` says what is wrong, the pattern matches nothing, and a
/// composition that uses it is refused. Text that comes from outside goes through ``init(parsing:)``, which throws.
public struct OriginPattern: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The text it was made of.
    public let text: String
    /// What is wrong with the text; `nil` for a usable pattern.
    public let problem: String?
    package let shape: Shape

    /// What a pattern asks of an origin.
    package enum Shape: Hashable, Sendable {
        case nothing
        case any
        /// The origin as a browser writes it: lower case, without a default port.
        case exact(String)
        /// What stands in front of the star and behind it, and whether any port may follow.
        case wildcard(front: [UInt8], back: [UInt8], hasLabels: Bool, hasAnyPort: Bool)
    }

    /// A pattern from a literal; see ``problem``.
    public init(_ text: String) {
        self.text = text
        do {
            shape = try Self.parse(text)
            problem = nil
        } catch {
            shape = .nothing
            problem = error.reason
        }
    }

    /// A pattern from text that comes from outside.
    ///
    /// Throws ``OriginPatternError`` for text that is none.
    public init(parsing text: String) throws(OriginPatternError) {
        self.text = text
        shape = try Self.parse(text)
        problem = nil
    }

    public init(stringLiteral text: String) { self.init(text) }

    public var description: String { text }

    /// Whether the origin, as a browser writes it, is one of the pattern's.
    package func matches(_ origin: Span<UInt8>) -> Bool {
        switch shape {
        case .nothing: false
        case .any: true
        case .exact(let text): equalIgnoringCase(origin, lowercase: text.utf8.span)
        case .wildcard(let front, let back, let hasLabels, let hasAnyPort):
            Self.matches(origin, front: front.span, back: back.span, hasLabels: hasLabels, hasAnyPort: hasAnyPort)
        }
    }

    private static func matches(
        _ origin: Span<UInt8>, front: Span<UInt8>, back: Span<UInt8>, hasLabels: Bool, hasAnyPort: Bool
    ) -> Bool {
        var end = origin.count
        if hasAnyPort {
            var start = end
            while start > front.count, origin[start - 1] &- 0x30 < 10 { start -= 1 }
            if start < end, end - start <= 5, start > front.count, origin[start - 1] == UInt8(ascii: ":") {
                end = start - 1
            }
        }
        guard end - back.count >= front.count else { return false }
        let labels = front.count..<(end - back.count)
        guard equalIgnoringCase(origin.extracting(0..<front.count), lowercase: front),
            equalIgnoringCase(origin.extracting((end - back.count)..<end), lowercase: back)
        else { return false }
        guard hasLabels else { return labels.isEmpty }
        // Nothing that would end the host may hide under the star, and no label is empty.
        var isLabel = false
        for index in labels {
            let byte = origin[index]
            guard byte != UInt8(ascii: ".") else {
                guard isLabel else { return false }
                isLabel = false
                continue
            }
            guard byte.isHostLetter else { return false }
            isLabel = true
        }
        return isLabel
    }
}

/// Text that is no origin and no pattern of origins.
public struct OriginPatternError: Error, CustomStringConvertible {
    /// What is wrong with it.
    public var reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { reason }
}

// MARK: - Reading

extension OriginPattern {
    private static func parse(_ text: String) throws(OriginPatternError) -> Shape {
        if text == "*" { return .any }
        guard text != "null" else {
            throw OriginPatternError(reason: "names the origin of every sandboxed document")
        }
        guard let colon = text.firstRange(of: "://") else {
            throw OriginPatternError(reason: "is no origin (there is no scheme)")
        }
        let scheme = text[..<colon.lowerBound].lowercased()
        guard let first = scheme.utf8.first, first &- 0x61 < 26, scheme.utf8.allSatisfy({ $0.isSchemeLetter }) else {
            throw OriginPatternError(reason: "is no origin (its scheme is none)")
        }
        let (host, port) = try split(text[colon.upperBound...].lowercased(), scheme: scheme)
        let front = "\(scheme)://"
        if host.hasPrefix("*.") {
            let parent = host.dropFirst(1)
            guard isName(parent.dropFirst()), !endsInNumber(parent.dropFirst()) else {
                throw OriginPatternError(reason: "is no origin (its host is none)")
            }
            // RFC 6265 section 5.3 speaks of public suffixes; only those of one label can be told without a list.
            guard parent.dropFirst().contains(".") || parent == ".localhost" else {
                throw OriginPatternError(reason: "covers the whole of \(parent)")
            }
            let back = Array((parent + (port == "*" ? "" : port)).utf8)
            return .wildcard(front: Array(front.utf8), back: back, hasLabels: true, hasAnyPort: port == "*")
        }
        guard isAddress(host) || isName(host[...]) && !endsInNumber(host[...]) else {
            throw OriginPatternError(reason: "is no origin (its host is none)")
        }
        guard port == "*" else { return .exact(front + host + port) }
        return .wildcard(front: Array((front + host).utf8), back: [], hasLabels: false, hasAnyPort: true)
    }

    /// The host, and the port as `:8080`, `*` or nothing.
    private static func split(
        _ rest: String, scheme: String
    ) throws(OriginPatternError) -> (host: String, port: String) {
        guard !rest.contains("/") else {
            throw OriginPatternError(reason: "is no origin (it has a path; a slash at the end is one)")
        }
        guard let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") else { return (rest, "") }
        let host = String(rest[..<colon])
        let text = String(rest[rest.index(after: colon)...])
        if text == "*" { return (host, "*") }
        guard let port = FieldGrammar.decimal(text.utf8.span), (1...65_535).contains(port), !text.hasPrefix("0") else {
            throw OriginPatternError(reason: "is no origin (its port is none)")
        }
        // HTML, serialisation of an origin: the default port of a scheme is not written.
        let isDefault = (scheme == "https" && port == 443) || (scheme == "http" && port == 80)
        return (host, isDefault ? "" : ":\(port)")
    }

    /// Whether it is an address in the one spelling that browsers have for it (URL standard, "host serializing").
    private static func isAddress(_ host: String) -> Bool {
        guard host.hasPrefix("[") else { return IPAddress(host)?.description == host }
        guard host.hasSuffix("]"), host.contains(":"), let address = IPAddress(host.dropFirst().dropLast()) else {
            return false
        }
        // A mapped address is written in hexadecimal by browsers, and is nobody's origin.
        return !address.isIPv4 && host == "[\(address)]"
    }

    /// URL standard, "ends in a number checker": to a browser such a host is an IPv4 address or nothing.
    private static func endsInNumber(_ host: Substring) -> Bool {
        guard let last = host.split(separator: ".").last else { return false }
        if last.utf8.allSatisfy({ $0 &- 0x30 < 10 }) { return true }
        return last.hasPrefix("0x") && FieldGrammar.hexadecimal(String("0\(last.dropFirst(2))").utf8.span) != nil
    }

    /// Labels of letters, digits, `-` and `_`; an international name is written in its `xn--` form, as browsers do.
    private static func isName(_ host: Substring) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        return labels.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(\.isHostLetter) }
    }
}

extension UInt8 {
    /// A letter, a digit, `-` or `_`: what a label of a host is made of.
    fileprivate var isHostLetter: Bool {
        (self | 0x20) &- 0x61 < 26 || self &- 0x30 < 10 || self == UInt8(ascii: "-") || self == UInt8(ascii: "_")
    }

    /// RFC 3986 section 3.1, in lower case.
    fileprivate var isSchemeLetter: Bool {
        self &- 0x61 < 26 || self &- 0x30 < 10 || self == UInt8(ascii: "+") || self == UInt8(ascii: "-")
            || self == UInt8(ascii: ".")
    }
}
