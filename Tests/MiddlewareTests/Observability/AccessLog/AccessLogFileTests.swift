import Foundation
import Logging
import Middleware
import Testing

@Suite("AccessLogFile")
struct AccessLogFileTests {
    private let folder: URL
    private let time = FixedTime()
    private let context: RequestContext

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "access-log-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        context = RequestContext(runtime: Runtime(time: time, logger: logger))
    }

    @Test("lines wait for the timer, and leave in order")
    func timer() async throws {
        let file = AccessLogFile(path("a"))
        for index in 0..<100 { write("line \(index)", to: file) }
        #expect(text("a") == "")
        #expect(time.fire() == 1)
        await file.flush()
        #expect(text("a") == (0..<100).map { "line \($0)\n" }.joined())
        #expect(file.droppedLines == 0)
    }

    @Test("lines leave without a timer once enough have come together")
    func size() async throws {
        var configuration = AccessLogFile.Configuration()
        configuration.flushBytes = 8
        let file = AccessLogFile(path("a"), configuration)
        write("12345678", to: file)
        #expect(time.fire() == 0)
        await file.flush()
        #expect(text("a") == "12345678\n")
    }

    @Test("lines are appended to what is there")
    func append() async throws {
        try "before\n".write(toFile: path("a"), atomically: true, encoding: .utf8)
        let file = AccessLogFile(path("a"))
        write("after", to: file)
        await file.flush()
        #expect(text("a") == "before\nafter\n")
    }

    @Test("a line that finds the queue full is dropped and counted")
    func full() async throws {
        var configuration = AccessLogFile.Configuration()
        configuration.queueBytes = 20
        let file = AccessLogFile(path("a"), configuration)
        for index in 0..<5 { write("line \(index)", to: file) }
        await file.flush()
        #expect(text("a") == "line 0\nline 1\n")
        #expect(file.droppedLines == 3)
        write("line 5", to: file)
        await file.flush()
        #expect(text("a") == "line 0\nline 1\nline 5\n")
    }

    @Test("after a rotation, lines go to the new file")
    func rotation() async throws {
        let file = AccessLogFile(path("a"))
        write("one", to: file)
        await file.flush()
        try FileManager.default.moveItem(atPath: path("a"), toPath: path("a.1"))
        write("two", to: file)
        await file.flush()
        file.reopen()
        await file.flush()
        write("three", to: file)
        await file.flush()
        #expect(text("a.1") == "one\ntwo\n")
        #expect(text("a") == "three\n")
    }

    @Test("a file that cannot be opened is reported, loses its lines by number, and is tried again")
    func missingFolder() async throws {
        let file = AccessLogFile(path("sub/a"))
        #expect(file.blueprint.validate().count == 1)
        write("one", to: file)
        write("two", to: file)
        await file.flush()
        #expect(file.droppedLines == 2)
        try FileManager.default.createDirectory(atPath: path("sub"), withIntermediateDirectories: true)
        #expect(file.blueprint.validate().isEmpty)
        write("three", to: file)
        await file.flush()
        #expect(text("sub/a") == "three\n")
    }

    @Test("what waits is written when the log is let go")
    func release() async throws {
        do {
            let file = AccessLogFile(path("a"))
            write("one", to: file)
        }
        #expect(text("a") == "one\n")
    }

    @Test("a full disk costs its lines, and no line is continued by another")
    func fullDevice() async throws {
        guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
        let file = AccessLogFile("/dev/full")
        write("one", to: file)
        await file.flush()
        #expect(file.droppedLines == 1)
    }

    @Test("lines of many threads are whole")
    func threads() async throws {
        let file = AccessLogFile(path("a"))
        let runtime = context.runtime
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    let context = RequestContext(runtime: runtime)
                    for index in 0..<500 {
                        file.write(Array("\(task) \(index)".utf8).span, context: context)
                    }
                }
            }
        }
        await file.flush()
        let lines = text("a").split(separator: "\n")
        #expect(lines.count == 4_000)
        #expect(Set(lines).count == 4_000)
    }

    @Test("bad values are reported")
    func problems() {
        var configuration = AccessLogFile.Configuration()
        configuration.queueBytes = 0
        #expect(AccessLogFile(path("a"), configuration).blueprint.validate().count == 1)
        #expect(AccessLogFile.standardOutput.blueprint.validate().isEmpty)
    }

    @Test("memory keeps the last lines")
    func memory() {
        let memory = AccessLogMemory(limit: 2)
        for index in 0..<4 { memory.write(Array("\(index)".utf8).span, context: context) }
        #expect(memory.lines == ["2", "3"])
    }

    private func write(_ line: String, to file: AccessLogFile) { file.write(Array(line.utf8).span, context: context) }

    private func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }

    private func text(_ name: String) -> String { (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? "" }
}
