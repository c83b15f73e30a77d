import Middleware
import Testing

@Suite("RegularExpression")
struct RegularExpressionTests {
    /// The text of a match and of its groups, `nil` for a group that took no part.
    private func groups(_ expression: RegularExpression, _ text: String, isWhole: Bool = false) -> [String?]? {
        expression.match(in: text.utf8.span, isWhole: isWhole).map { match in
            (0...expression.groupCount).map { group in
                match[group].map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
            }
        }
    }

    @Test(
        "the first match, and its groups",
        arguments: [
            ("b", "abc", ["b"]), ("", "abc", [""]), ("x", "abc", nil), ("a.c", "a\nc", nil), ("a.c", "abc", ["abc"]),
            ("a|ab", "ab", ["a"]), ("ab|a", "ab", ["ab"]), ("(a|ab)(c|bcd)", "abcd", ["abcd", "a", "bcd"]),
            ("a*", "aab", ["aa"]), ("a*?b", "aab", ["aab"]), ("a+?", "aab", ["a"]), ("a??b", "ab", ["ab"]),
            ("(a*)(a+)", "aaa", ["aaa", "aa", "a"]), ("(a*?)(a+)", "aaa", ["aaa", "", "aaa"]),
            ("(a)|(b)", "b", ["b", nil, "b"]), ("(a|b)*", "abab", ["abab", "b"]), ("(?:a|b)*c", "xabc", ["abc"]),
            ("a{2}", "aaa", ["aa"]), ("a{2,}", "aaa", ["aaa"]), ("a{1,2}?", "aaa", ["a"]), ("a{0}b", "ab", ["b"]),
            ("^b", "ab", nil), ("^a", "ab", ["a"]), ("a$", "ab", nil), ("b$", "ab", ["b"]), ("^$", "", [""]),
            ("[^/]+", "/ab/", ["ab"]), ("[a-c-]+", "x-b", ["-b"]), ("[]a]+", "]a", ["]a"]),
            ("[\\d.]+", "v1.2", ["1.2"]),
            ("\\w+", "-a_1-", ["a_1"]), ("\\W+", "a--b", ["--"]), ("\\s", "a\tb", ["\t"]), ("\\S+", " a ", ["a"]),
            ("\\bfoo\\b", "afoo foo", ["foo"]), ("\\Bo", "o oo", ["o"]), ("\\x41", "A", ["A"]), ("\\.", "a.", ["."]),
            ("(?i)ab[c]", "ABC", ["ABC"]), ("é+", "éé", ["éé"]),
            ("(?<y>[0-9]{4})-(?P<m>..)", "on 2024-11", ["2024-11", "2024", "11"]),
            ("(a*)*", "b", [""]), ("(a*)+", "aa", ["aa", ""]), ("(|a)*", "aa", [""]),
        ] as [(String, String, [String?]?)])
    func first(expression: String, text: String, expected: [String?]?) throws {
        let found = groups(try RegularExpression(parsing: expression), text)
        // Which empty turn of a loop a group remembers is nobody's concern.
        #expect(
            expression.contains("*)") || expression.contains("(|") ? found?.first == expected?.first : found == expected
        )
    }

    @Test(
        "all of a text",
        arguments: [
            ("a|ab", "ab", true), ("a*?", "aaa", true), ("a", "ab", false), ("b", "ab", false), ("^a$", "a", true),
            ("/users/([0-9]+)", "/users/7", true), ("/users/([0-9]+)", "/users/7/", false), ("", "", true),
        ])
    func whole(expression: String, text: String, isMatch: Bool) throws {
        #expect(try RegularExpression(parsing: expression).matches(text, whole: true) == isMatch)
    }

    @Test("a match begins no earlier than it is asked for, and sees what is in front of it")
    func start() throws {
        let bytes = Array("abab".utf8)
        let expression = try RegularExpression(parsing: "ab")
        #expect(expression.match(in: bytes.span, from: 1)?.range == 2..<4)
        #expect(expression.match(in: bytes.span, from: 3) == nil)
        #expect(expression.match(in: bytes.span, from: 5) == nil)
        #expect(try RegularExpression(parsing: "^a").match(in: bytes.span, from: 2) == nil)
        #expect(try RegularExpression(parsing: "\\bab").match(in: bytes.span, from: 2) == nil)
    }

    @Test(
        "what is no expression says why",
        arguments: [
            ("(", "without its )"), (")", "without its ("), ("[a", "without its ]"), ("[b-a]", "backwards"),
            ("*a", "repeats nothing"), ("a**", "repetition of a repetition"), ("a++", "possessive"),
            ("^*", "no length"),
            ("\\1", "needs backtracking"), ("(?=a)", "needs backtracking"), ("(?<!a)b", "needs backtracking"),
            ("(?>a)", "needs backtracking"), ("(?<1>a)", "usable name"), ("(?<a>.)(?<a>.)", "two groups"),
            ("a{", "no count"), ("a{2,1}", "no count"), ("a{1001}", "more than 1000"), ("a\\", "ends in"),
            ("\\q", "not known"), ("\\p{L}", "not known"), ("[é]", "outside ASCII"), ("[[:alpha:]]", "inside of [ ]"),
            ("\\x4", "two hexadecimal"), ("a(?i)b", "kind that is not known"), ("[\\b]", "\\b"),
            ("((a{40}){40}){40}", "more than 2000 steps"), (String(repeating: "(a*)", count: 330), "too many groups"),
            (String(repeating: "(", count: 200), "100 deep"),
            (String(repeating: "a?", count: 1500), "more than 2000 steps"),
        ])
    func problems(text: String, reason: String) {
        let expression = RegularExpression(text)
        #expect(expression.problem?.contains(reason) == true, "\(expression.problem ?? "none")")
        #expect(!expression.matches(""))
        #expect(throws: RegularExpressionError.self) { try RegularExpression(parsing: text) }
    }

    @Test("what makes backtracking engines hang does not")
    func linear() throws {
        let text = String(repeating: "a", count: 20_000)
        for expression in ["(a+)+b", "(a|a)*b", "(a|aa)+$b", "(.*)(.*)(.*)(.*)x", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
            #expect(!(try RegularExpression(parsing: expression)).matches(text))
        }
        let nothing = try RegularExpression(parsing: "(?:(?:(?:(?:){1000}){1000}){1000}){1000}a")
        #expect(nothing.matches("a", whole: true))
    }

    @Test("groups are found by name, and expressions are equal when their text is")
    func names() throws {
        let expression: RegularExpression = "(?<a>.)(.)(?<b>.)"
        #expect(expression.groupCount == 3)
        #expect(expression.group(named: "b") == 3)
        #expect(expression.group(named: "c") == nil)
        #expect(expression == RegularExpression("(?<a>.)(.)(?<b>.)") && expression != "a")
        #expect("\(expression)" == expression.text && expression.problem == nil)
    }
}
