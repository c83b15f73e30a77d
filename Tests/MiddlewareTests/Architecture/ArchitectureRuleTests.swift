import Testing

/// The rules themselves, on small texts: each finds what it is for and leaves alone what only looks like it.
@Suite("Architecture rules")
struct ArchitectureRuleTests {
    // MARK: - Reading Swift

    @Test(
        "comments and literals hold no code, interpolations do",
        arguments: [
            ("a // b", ["a"]),
            ("a /* b /* c */ d */ e", ["a", "e"]),
            (#"a "b \" c" d"#, ["a", "d"]),
            (#"a "b \(c("x)")) d" e"#, ["a", "c", "e"]),
            ("a #\"b \" \\(c) \\#(d)\"# e", ["a", "d", "e"]),
            ("a \"\"\"\nb \" c\n\"\"\" d", ["a", "d"]),
            (#"a "" b "c" d"#, ["a", "b", "d"]),
            ("#if os(Linux)", ["if", "os", "Linux"]),
        ]
    )
    func code(text: String, words: [String]) {
        #expect(SwiftCode(text).tokens.map(\.text) == words)
    }

    @Test("a token knows its line behind comments and multi-line literals")
    func lines() {
        let code = SwiftCode("/* 1\n2 */\nlet a = \"\"\"\nx\n\"\"\"\nb")
        #expect(code.tokens.map(\.line) == [3, 3, 6])
    }

    @Test("declarations know their name, reach and place")
    func declarations() {
        let file = source(
            "public struct A: B {\n    class func f() {}\n    public init(from x: Int) {}\n}\nprivate enum C {}")
        #expect(file.declarations.map(\.name) == ["A", "f", "init(from", "C"])
        #expect(file.declarations.map(\.isPublic) == [true, false, true, false])
        #expect(file.declarations.map(\.isAtTop) == [true, false, false, true])
        #expect(file.declarations.first?.inherited == ["B"])
    }

    // MARK: - Arrows

    @Test(
        "an arrow that runs the wrong way is found",
        arguments: [
            ("HTTP", "Core"), ("Core", "Server"), ("HTTP1", "Core"), ("Server", "Proxy"), ("Server", "Upstream"),
            ("Server", "Cache"), ("Upstream", "Server"), ("Upstream", "Proxy"), ("Cache", "Compression"),
            ("Cache", "Proxy"), ("Routing", "HTTP1"),
        ]
    )
    func wrongArrow(from: String, to: String) {
        let files = [
            source("public struct Target {}", folder: to),
            source("\n/// Target.\nlet held: Target?", folder: from),
        ]
        let found = Arrows.violations(in: files)
        #expect(found.map(\.line) == [3])
        #expect(found.first?.problem == "\(from)/ mentions Target of \(to)/")
    }

    @Test(
        "an arrow that runs the right way passes",
        arguments: [
            ("Core", "HTTP"), ("HTTP1", "HTTP"), ("Server", "HTTP1"), ("Server", "Core"), ("Upstream", "HTTP1"),
            ("Proxy", "Upstream"), ("Cache", "Core"), ("Cache", "HTTP"), ("Cache", "Cache"),
        ]
    )
    func rightArrow(from: String, to: String) {
        let files = [source("public struct Target {}", folder: to), source("let held: Target?", folder: from)]
        #expect(Arrows.violations(in: files) == [])
    }

    @Test(
        "a name that only looks like another folder's type passes",
        arguments: [
            "// Entry\nlet x = \"Entry\"", "let x = Outer.Entry()", "struct Outer { struct Entry {}; var e: Entry? }",
            "protocol P { associatedtype Entry }",
        ]
    )
    func sameName(text: String) {
        let files = [source("struct Entry {}", folder: "Cache"), source(text, folder: "Limits")]
        #expect(Arrows.violations(in: files) == [])
    }

    @Test("a private type is nobody else's business")
    func privateType() {
        let files = [source("private struct Entry {}", folder: "Cache"), source("let x: Entry", folder: "Limits")]
        #expect(Arrows.violations(in: files) == [])
    }

    @Test("the codec imports no sockets, and no file stands outside the folders")
    func socketsAndHomes() {
        #expect(Arrows.violations(in: [source("import NIOPosix", folder: "HTTP1")]).count == 1)
        #expect(Arrows.violations(in: [source("import NIOPosix", folder: "Server")]) == [])
        #expect(Arrows.violations(in: [SourceFile(path: "Sources/Middleware/X.swift", text: "")]).count == 1)
    }

    // MARK: - Shape

    @Test(
        "vague names are found",
        arguments: [
            ("Sources/Middleware/HTTP/StringUtils.swift", true), ("Sources/Middleware/Common/Entry.swift", true),
            ("Tests/X/Cache+Helpers.swift", true), ("Sources/Middleware/Upstream/PoolManager.swift", true),
            ("Sources/Middleware/HTTP/Base64.swift", false), ("Sources/Middleware/Proxy/ReverseProxy.swift", false),
        ]
    )
    func vagueNames(path: String, isVague: Bool) {
        #expect((FileShape.name(of: SourceFile(path: path, text: "")) != nil) == isVague)
    }

    @Test(
        "the last line that is allowed passes, the next does not",
        arguments: [("Sources/A/B.swift", 400), ("Tests/B.swift", 600)])
    func lengths(path: String, limit: Int) {
        let full = String(repeating: "x\n", count: limit)
        #expect(FileShape.length(of: SourceFile(path: path, text: full)) == nil)
        #expect(FileShape.length(of: SourceFile(path: path, text: full + "x\n"))?.line == limit + 1)
    }

    // MARK: - Constructs

    @Test(
        "traps and printing are found",
        arguments: [
            "try! f()", "x as! Y", "fatalError(\"no\")", "preconditionFailure()", "print(x)", "let a = b!", "f()!.c",
            "a[0]!", "let s = \"\\(x!)\"", "var x: Int!",
        ]
    )
    func traps(text: String) {
        #expect(Constructs.traps(in: source(text)).count == 1)
    }

    @Test(
        "what only looks like a trap passes",
        arguments: [
            "a != b", "!a", "if !f() {}", "// try! x", "\"print(x)\"", "func print(to log: Log) {}", "log.print(x)",
            "try? f()", "x as? Y", "#if !os(Linux)", "{ !$0 }",
        ]
    )
    func noTraps(text: String) {
        #expect(Constructs.traps(in: source(text)) == [])
    }

    @Test("notes to oneself are found in comments, as words")
    func looseEnds() {
        #expect(Constructs.looseEnds(in: source("// TODO: later\n// a FIXME\nlet TODOs = 1")).map(\.line) == [1, 2])
    }

    @Test(
        "an unchecked promise needs a reason outside Server and Upstream",
        arguments: [
            ("final class A: @unchecked Sendable {}", "Core", 1),
            ("nonisolated(unsafe) var x = 1", "Core", 1),
            ("/// A box.\nfinal class A: @unchecked Sendable {}", "Core", 1),
            ("/// A box, confined to its loop.\nfinal class A: @unchecked Sendable {}", "Core", 0),
            ("// Written once before it is shared.\nfinal class A: @unchecked Sendable {}", "Core", 0),
            ("// Written once.\n@usableFromInline\nfinal class A: @unchecked Sendable {}", "Core", 0),
            ("final class A: @unchecked Sendable {}", "Server", 0),
            ("nonisolated(unsafe) var x = 1", "Upstream", 0),
            ("nonisolated(nonsending) func f() async {}", "Core", 0),
        ]
    )
    func unchecked(text: String, folder: String, count: Int) {
        #expect(Constructs.unchecked(in: source(text, folder: folder)).count == count)
    }

    @Test(
        "the system's clock and chance are found",
        arguments: [
            "ContinuousClock()", "ContinuousClock.now", "ContinuousClock.Instant.now", "let x: Instant = .now",
            "f(.now)",
            "Date()", "Date.now", "NIODeadline.now()", "loop.now", "context.eventLoop.now", "Int.random(in: 0..<3)",
            "a.shuffled()", "a.randomElement()", "SystemRandomNumberGenerator()", "Task.sleep(for: x)",
        ]
    )
    func clocks(text: String) {
        #expect(Constructs.ownClocks(in: source(text)).count == 1)
    }

    @Test(
        "time and chance that were given pass",
        arguments: [
            "runtime.time.now", "time.now", "var now: ContinuousClock.Instant { get }",
            "Int.random(in: 0..<3, using: &g)",
            "Date(timeIntervalSince1970: x)", "let x: ContinuousClock.Instant", "a.shuffled(using: &g)",
            "runtime.time\n    .now", "context.sleep(for: x)",
            "struct Real: TimeSource { let now = ContinuousClock().now }",
        ]
    )
    func givenClocks(text: String) {
        #expect(Constructs.ownClocks(in: source(text)) == [])
    }

    // MARK: - Documentation

    @Test(
        "public without documentation is found",
        arguments: [
            "public struct A {}", "struct A {}\npublic func f() {}",
            "/// A.\npublic struct A {\n    public var b: Int\n}",
            "/// A.\npublic protocol A {\n    func b()\n}", "@frozen\npublic enum A {}",
            "// A.\npublic final class A {}",
            "extension A {\n    public static let b = 1\n}", "extension A {\n    public init(b: Int) {}\n}",
        ]
    )
    func undocumented(text: String) {
        #expect(PublicDocumentation.violations(in: [source(text)]).count == 1)
    }

    @Test(
        "what is documented, or documented elsewhere, passes",
        arguments: [
            "/// A.\n@frozen\npublic enum A {}", "public import NIOCore", "struct A {\n    public var b: Int\n}",
            "extension A: CustomStringConvertible {\n    public var description: String { \"\" }\n}",
            "extension A {\n    public static func == (a: A, b: A) -> Bool { true }\n}",
            "/// A.\npublic protocol A {\n    /// B.\n    func b()\n}\nextension C: A {\n    public func b() {}\n}",
            "extension A {\n    /// B.\n    public let b: [Int: Int]\n    public init(b: [Int: Int] = [:]) {}\n}",
            "extension A {\n    public init() {}\n}",
            "/// A.\npublic private(set) var a = 1",
        ]
    )
    func documented(text: String) {
        #expect(PublicDocumentation.violations(in: [source(text)]) == [])
    }

    private func source(_ text: String, folder: String = "Core") -> SourceFile {
        SourceFile(path: "Sources/Middleware/\(folder)/Sample.swift", text: text)
    }
}
