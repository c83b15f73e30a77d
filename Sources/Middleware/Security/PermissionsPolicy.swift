/// A permissions policy: which features of the browser a page and its frames may use.
///
/// ```swift
/// let policy: PermissionsPolicy = "geolocation=(self \"https://maps.example\"), camera=(), fullscreen=*"
/// let none = PermissionsPolicy(denying: ["camera", "geolocation", "microphone"])
/// ```
///
/// The shape is checked: a dictionary (RFC 9651 section 3.2) of features, each with `*`, `self` or a list in
/// parentheses. Names of features are not checked against a list, since new ones appear and browsers pass over those
/// they do not know.
///
/// Text that is no policy does not trap: ``problem`` says what is wrong, no such field is sent, and a composition that
/// uses it is refused. Text that comes from outside goes through ``init(parsing:)``, which throws.
public struct PermissionsPolicy: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The text it was made of.
    public let text: String
    /// What is wrong with the text; `nil` for a usable policy.
    public let problem: String?

    /// A policy from a literal; see ``problem``.
    public init(_ text: String) {
        self.text = text
        do {
            try Self.check(text)
            problem = nil
        } catch {
            problem = error.reason
        }
    }

    /// A policy from text that comes from outside.
    ///
    /// Throws ``PolicyError`` for text that is none.
    public init(parsing text: String) throws(PolicyError) {
        self.text = text
        try Self.check(text)
        problem = nil
    }

    /// A policy under which nobody may use those features.
    public init(denying features: [String]) { self.init(features.map { "\($0)=()" }.joined(separator: ", ")) }

    public init(stringLiteral text: String) { self.init(text) }

    public var description: String { text }

    private static func check(_ text: String) throws(PolicyError) {
        var seen: Set<Substring> = []
        for member in FieldList(text) {
            let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0]
            guard parts.count == 2, !name.isEmpty,
                name.utf8.allSatisfy({ $0 == 0x2D || $0 &- 0x30 < 10 || $0 &- 0x61 < 26 })
            else { throw PolicyError(reason: "is no policy (\(member) is no feature)") }
            guard seen.insert(name).inserted else { throw PolicyError(reason: "has \(name) twice") }
            try check(list: parts[1], of: name)
        }
        guard !seen.isEmpty else { throw PolicyError(reason: "is no policy (there is no feature)") }
    }

    /// Permissions Policy, "Serialized Permissions Policies": `*`, `self`, or a list of `self` and origins in quotes.
    private static func check(list: Substring, of name: Substring) throws(PolicyError) {
        if list == "*" || list == "self" { return }
        guard list.hasPrefix("("), list.hasSuffix(")") else {
            throw PolicyError(reason: "gives \(name) \(list), which is no list of origins")
        }
        for item in list.dropFirst().dropLast().split(separator: " ") where item != "self" && item != "src" {
            let isQuoted = item.count > 2 && item.hasPrefix("\"") && item.hasSuffix("\"")
            let origin = item.dropFirst().dropLast()
            guard isQuoted, origin != "*", OriginPattern(String(origin)).problem == nil else {
                throw PolicyError(reason: "gives \(name) to \(item), which is no origin in quotes")
            }
        }
    }
}
