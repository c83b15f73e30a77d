import Middleware
import Testing

@Suite("Entity tags")
struct EntityTagTests {
    @Test(
        "a tag is read as a whole or not at all",
        arguments: [
            ("\"a\"", true), ("W/\"a\"", true), ("\"\"", true), ("W/\"\"", true), ("\"a,b\"", true),
            ("\"a\\\"", true), ("\"\u{E9}\"", true), ("\"!#$%&'()*+/:;<=>?@[]^_`{|}~\"", true), ("a", false),
            ("\"a", false), ("a\"", false), ("\"", false), ("", false), ("w/\"a\"", false), ("W/a", false),
            ("W/", false), ("W/\"", false), ("\"a\"b", false), ("\"a b\"", false), ("\"a\u{7F}\"", false),
            ("\"a\"\"", false), ("W\"a\"", false), (" \"a\"", false),
        ])
    func reading(text: String, isTag: Bool) {
        let tag = EntityTag(text)
        #expect((tag != nil) == isTag)
        if let tag { #expect("\(tag)" == text) }
    }

    /// RFC 9110 section 8.8.3.2, its table.
    @Test(
        "tags are compared as the table of the RFC says",
        arguments: [
            ("W/\"1\"", "W/\"1\"", false, true), ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true), ("\"1\"", "\"2\"", false, false),
        ])
    func comparison(left: String, right: String, strong: Bool, weak: Bool) throws {
        let (left, right) = (try #require(EntityTag(left)), try #require(EntityTag(right)))
        for (left, right) in [(left, right), (right, left)] {
            #expect(left.matchesStrongly(right) == strong)
            #expect(left.matchesWeakly(right) == weak)
        }
    }

    @Test("a tag of one's own cannot end early")
    func own() {
        #expect("\(EntityTag(opaque: "a\" b\r\n"))" == "\"ab\"")
        #expect("\(EntityTag(opaque: "a", isWeak: true))" == "W/\"a\"")
    }

    @Test(
        "a list gives its tags, and passes over what is none",
        arguments: [
            (["\"a\""], "\"a\""), (["\"a\", W/\"b\""], "\"a\" W/\"b\""), (["\"a\"", "\"b\""], "\"a\" \"b\""),
            ([",\"a\" , ,\t\"b\","], "\"a\" \"b\""), (["\"a,b\""], "\"a,b\""), (["\"a\\\", \"b\""], "\"a\\\" \"b\""),
            (["a, \"b\""], "\"b\""), (["\"a\"x, \"b\""], "\"b\""), (["\"open, \"b\", c"], ""), ([""], ""), ([], ""),
        ])
    func list(lines: [String], tags: String) {
        let list = EntityTagList(lines)
        #expect(list.tags.map(\.description).joined(separator: " ") == tags)
        #expect(!list.isAny)
    }

    @Test(
        "a star stands for anything, and only alone",
        arguments: [(["*"], true), (["*", "\"a\""], false), (["*, \"a\""], false), (["\"*\""], false)])
    func star(lines: [String], isAny: Bool) {
        #expect(EntityTagList(lines).isAny == isAny)
    }
}
