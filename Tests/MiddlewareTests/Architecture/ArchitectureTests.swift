import Testing

/// The rules of `Documentation/` that a machine can check, checked on the package's own sources.
///
/// Each failure names file and line, the rule, and the mend. A rule that makes a file worse is changed here, in the
/// open, together with a page in `Documentation/Decisions`.
@Suite("Architecture")
struct ArchitectureTests {
    private let tree = SourceTree.package

    @Test("the sources are found")
    func sourcesAreFound() {
        #expect(tree.library.contains { $0.folder == "HTTP" })
        #expect(tree.library.contains { $0.folder == "Core" })
        #expect(tree.files.contains { $0.path.hasSuffix("Architecture/ArchitectureTests.swift") })
    }

    @Test("arrows run from everything to Core to HTTP, and siblings do not know each other")
    func arrows() {
        report(Arrows.violations(in: tree.library))
    }

    @Test("a file is named by what it holds")
    func names() {
        report(tree.files.compactMap(FileShape.name))
    }

    @Test("a source has at most 400 lines, a test file 600")
    func lengths() {
        report(tree.files.compactMap(FileShape.length))
    }

    @Test("the library does not trap and does not print")
    func traps() {
        report(tree.library.flatMap(Constructs.traps))
    }

    @Test("nothing is left to do in a source")
    func looseEnds() {
        report(tree.sources.flatMap(Constructs.looseEnds))
    }

    @Test("a promise about threads outside Server and Upstream says why it holds")
    func unchecked() {
        report(tree.library.flatMap(Constructs.unchecked))
    }

    @Test("time and chance come from the runtime")
    func clocks() {
        report(tree.library.flatMap(Constructs.ownClocks))
    }

    @Test("everything public is documented")
    func documentation() {
        report(PublicDocumentation.violations(in: tree.library))
    }

    private func report(_ violations: [Violation]) {
        for violation in violations {
            let location = SourceLocation(
                fileID: "middleware/\(violation.path)",
                filePath: SourceTree.location(of: violation.path),
                line: violation.line,
                column: 1)
            Issue.record("\(violation.description)", sourceLocation: location)
        }
    }
}
