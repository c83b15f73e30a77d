/// A regular expression whose time grows with its text and never faster: text from the wire cannot make it hang.
///
/// ```swift
/// HeaderRewrite { $0.request.rewritePath(matching: "/users/([0-9]+)", to: "/v2/people/$1") }
/// let expression = try RegularExpression(parsing: line)
/// ```
///
/// It knows what RE2 knows: literals, `.`, `[a-z]`, `[^/]`, `\d \w \s` and their opposites, `\b`, `^`, `$`, groups
/// `( )`, `(?: )` and `(?<name> )`, `|`, `* + ? {2} {2,} {2,4}` and the same with `?` for as little as possible, `\xHH`,
/// and `(?i)` at the start for letters of either case. Of several ways to match, the one that a backtracking engine would
/// find first counts.
///
/// It does not know what needs backtracking: references to groups (`\1`), looking ahead or behind, possessive and atomic
/// groups. These are a ``problem``, and so is an expression of more than 2,000 steps once its repetitions are written out,
/// or of so many groups that steps and places of groups multiply to more than 20,000.
///
/// It reads bytes: `.` and `[^/]` take one byte of a letter outside ASCII, a literal takes the bytes of its UTF-8. `.`
/// takes no line feed; `^` and `$` are the ends of the text.
///
/// Text that is no expression does not trap: ``problem`` says what is wrong, the expression matches nothing, and a
/// composition that uses it is refused. Text that comes from outside goes through ``init(parsing:)``, which throws.
///
/// Each byte of the text costs as much as there are steps of the expression where a match could stand, times the groups
/// (Thompson 1968; Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009). A beginning of literals is
/// compared first.
/// Safe to use from any thread.
public struct RegularExpression: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The text it was made of.
    public let text: String
    /// What is wrong with the text; `nil` for a usable expression.
    public let problem: String?
    let program: RegularExpressionProgram

    /// An expression from a literal; see ``problem``.
    public init(_ text: String) {
        self.text = text
        do {
            program = try RegularExpressionProgram(text)
            problem = nil
        } catch {
            program = .nothing
            problem = error.reason
        }
    }

    /// An expression from text that comes from outside.
    ///
    /// Throws ``RegularExpressionError`` for text that is none.
    public init(parsing text: String) throws(RegularExpressionError) {
        self.text = text
        program = try RegularExpressionProgram(text)
        problem = nil
    }

    public init(stringLiteral text: String) { self.init(text) }

    public var description: String { text }

    /// Expressions are equal when their text is.
    public static func == (left: RegularExpression, right: RegularExpression) -> Bool { left.text == right.text }

    public func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// Whether a part of the text matches; all of it with `whole`.
    public func matches(_ text: String, whole: Bool = false) -> Bool {
        match(in: text.utf8.span, isWhole: whole) != nil
    }

    /// The number of groups that capture, the whole match not counted.
    package var groupCount: Int { program.groupCount }

    /// The number of the group with that name.
    package func group(named name: String) -> Int? { program.groupNames[name] }

    /// The first match from `start` on, which is all of the bytes from there when `isWhole`.
    package func match(in bytes: Span<UInt8>, from start: Int = 0, isWhole: Bool = false) -> Match? {
        // Most texts that do not match differ at the first byte: nothing is made ready for them.
        if isWhole || program.isAnchored, !program.isPrefix(of: bytes, at: start) { return nil }
        var matcher = RegularExpressionMatcher(program, isWhole: isWhole)
        return matcher.match(in: bytes, from: start).map { Match(slots: $0) }
    }

    /// Where an expression and its groups matched.
    package struct Match: Sendable {
        let slots: [Int]

        /// The bytes of the whole match.
        package var range: Range<Int> { slots[0]..<slots[1] }

        /// The bytes of a group; `nil` for one that took no part, or that there is not.
        package subscript(group: Int) -> Range<Int>? {
            guard group >= 0, 2 * group + 1 < slots.count, slots[2 * group] >= 0, slots[2 * group + 1] >= 0 else {
                return nil
            }
            return slots[2 * group]..<slots[2 * group + 1]
        }
    }
}

/// Text that is no regular expression.
public struct RegularExpressionError: Error, CustomStringConvertible {
    /// What is wrong with it.
    public var reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { reason }
}
