/// A content security policy (CSP, level 3): which sources a page may load from, and who may frame it.
///
/// ```swift
/// let policy: ContentSecurityPolicy = "default-src 'self'; script-src 'nonce' 'strict-dynamic'; base-uri 'none'"
/// ```
///
/// The word `'nonce'`, which the language of policies does not have, stands for `'nonce-…'` with a new value for each
/// request; a handler reads that value as ``ContentSecurityPolicyNonceKey`` and writes it into its `<script nonce=…>`.
///
/// The grammar is checked, and what is nearly always a slip: a directive that is there twice (browsers ignore the
/// second), `self` without quotes (a host of that name), `'none'` beside other sources (ignored). Names of directives
/// are not checked against a list, since new ones appear.
///
/// Text that is no policy does not trap: ``problem`` says what is wrong, no such field is sent, and a composition that
/// uses it is refused. Text that comes from outside goes through ``init(parsing:)``, which throws.
public struct ContentSecurityPolicy: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The text it was made of.
    public let text: String
    /// What is wrong with the text; `nil` for a usable policy.
    public let problem: String?
    /// The text around each nonce: one piece more than there are nonces.
    package let pieces: [String]

    /// A policy from a literal; see ``problem``.
    public init(_ text: String) {
        self.text = text
        do {
            pieces = try Self.parse(text)
            problem = nil
        } catch {
            pieces = []
            problem = error.reason
        }
    }

    /// A policy from text that comes from outside.
    ///
    /// Throws ``PolicyError`` for text that is none.
    public init(parsing text: String) throws(PolicyError) {
        self.text = text
        pieces = try Self.parse(text)
        problem = nil
    }

    public init(stringLiteral text: String) { self.init(text) }

    public var description: String { text }

    /// Words that are only keywords in quotes.
    private static let keywords: Set = [
        "self", "none", "unsafe-inline", "unsafe-eval", "unsafe-hashes", "strict-dynamic", "report-sample",
        "wasm-unsafe-eval", "nonce",
    ]

    private static func parse(_ text: String) throws(PolicyError) -> [String] {
        var seen: Set<String> = []
        var directives: [String] = []
        for part in text.split(separator: ";") {
            // CSP section 2.2.1: any white space of ASCII separates, so a policy may be written over several lines. CSP
            // section 2.3.1: keywords compare without regard to case.
            let words = part.split { $0.isASCII && $0.isWhitespace }
                .map { $0.lowercased() == "'nonce'" ? "'nonce'" : String($0) }
            guard let name = words.first?.lowercased() else { continue }
            // CSP section 2.3: directive-name is letters, digits and "-".
            guard name.utf8.allSatisfy({ $0 == 0x2D || $0 &- 0x30 < 10 || $0 &- 0x61 < 26 }) else {
                throw PolicyError(reason: "is no policy (\(name) is no directive)")
            }
            guard seen.insert(name).inserted else { throw PolicyError(reason: "has \(name) twice") }
            try check(words.dropFirst(), of: name)
            directives.append(words.joined(separator: " "))
        }
        guard !directives.isEmpty else { throw PolicyError(reason: "is no policy (there is no directive)") }
        return pieces(of: directives.joined(separator: "; "))
    }

    private static func check(_ sources: ArraySlice<String>, of name: String) throws(PolicyError) {
        for source in sources {
            // CSP section 2.3: visible ASCII; a comma would end the policy where fields are joined.
            guard source.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2C }) else {
                throw PolicyError(reason: "is no policy (\(source) is no source)")
            }
            guard !keywords.contains(source.lowercased()) || name == "sandbox" else {
                throw PolicyError(reason: "says \(source) in \(name), which without quotes is a host")
            }
        }
        if sources.count > 1, sources.contains(where: { $0.lowercased() == "'none'" }) {
            throw PolicyError(reason: "has 'none' beside other sources in \(name)")
        }
    }

    private static func pieces(of policy: String) -> [String] {
        var pieces: [String] = []
        var rest = policy[...]
        while let word = rest.firstRange(of: "'nonce'") {
            pieces.append("\(rest[..<word.lowerBound])'nonce-")
            rest = "'\(rest[word.upperBound...])"[...]
        }
        return pieces + [String(rest)]
    }
}

/// Text that is no policy.
public struct PolicyError: Error, CustomStringConvertible {
    /// What is wrong with it.
    public var reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { reason }
}

/// The nonce of this request's content security policy, 128 bits in the URL-safe alphabet of base 64 (RFC 4648 section
/// 5); `nil` when no policy of a ``SecurityHeaders`` outside has one. Fit for an attribute as it is.
public enum ContentSecurityPolicyNonceKey: ContextKey {
    public static var defaultValue: String? { nil }
}
