import Foundation
import Middleware
import MiddlewareTesting
import NIOPosix
import Testing

@Suite("Endpoints of a file", .timeLimit(.minutes(1)))
struct FileEndpointsTests {
    /// A file, and the source that watches it, on manual time.
    private struct Rig {
        let file: URL
        let time = ManualTime()

        var runtime: Runtime {
            Runtime(
                time: time, logger: TestClient.silentLogger, randomness: SeededRandomness(),
                group: MultiThreadedEventLoopGroup.singleton)
        }

        /// Begins to watch.
        var sets: AsyncThrowingStream<[Endpoint], any Error>.Iterator {
            FileEndpoints(file.path()).endpoints(runtime).makeAsyncIterator()
        }

        /// Writes into the file that is there.
        func write(_ text: String) throws {
            let handle = try FileHandle(forWritingTo: file)
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
        }

        /// Puts another file in its place.
        func replace(_ text: String) throws { try Data(text.utf8).write(to: file, options: .atomic) }

        /// Lets one look pass: waits for it to be over.
        func look() async {
            await time.waitForTimers()
            time.advance(by: .seconds(5))
            await time.waitForTimers()
        }
    }

    private func run(_ text: String, _ body: (Rig) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let rig = Rig(file: folder.appending(path: "endpoints"))
            try rig.replace(text)
            try await body(rig)
        }
    }

    @Test("another file in its place counts at the next look")
    func replaced() async throws {
        try await run("a:1\n") { rig in
            var sets = rig.sets
            #expect(try await sets.next() == ["a:1"])
            await rig.time.waitForTimers()
            try rig.replace("a:1 weight=2\nb:2\n")
            rig.time.advance(by: .seconds(5))
            #expect(try await sets.next() == [Endpoint("a:1", weight: 2), "b:2"])
        }
    }

    @Test("what is written into the file counts once it has stayed the same for a look")
    func written() async throws {
        try await run("a:1\n") { rig in
            var sets = rig.sets
            #expect(try await sets.next() == ["a:1"])
            await rig.time.waitForTimers()
            try rig.write("b:2\n")
            await rig.look()
            try rig.write("b:2\nc:3\n")
            await rig.look()
            await rig.look()
            #expect(try await sets.next() == ["b:2", "c:3"], "b:2 alone was the middle of it")
        }
    }

    @Test("a comment more is no news")
    func unchanged() async throws {
        try await run("a:1\n") { rig in
            var sets = rig.sets
            #expect(try await sets.next() == ["a:1"])
            await rig.time.waitForTimers()
            try rig.replace("# first\na:1\n")
            await rig.look()
            try rig.replace("b:2\n")
            await rig.look()
            #expect(try await sets.next() == ["b:2"])
        }
    }

    @Test(
        "bad content keeps the last good set, for as long as it lasts",
        arguments: ["", "# nothing\n", "a:1\nb:", "nonsense here\n", "a:1\na:1\n"]
    )
    func bad(text: String) async throws {
        try await run("a:1\n") { rig in
            var sets = rig.sets
            #expect(try await sets.next() == ["a:1"])
            await rig.time.waitForTimers()
            try rig.replace(text)
            for _ in 0..<3 { await rig.look() }
            try rig.replace("b:2\n")
            await rig.look()
            #expect(try await sets.next() == ["b:2"])
        }
    }

    @Test("a file of more bytes than allowed is not taken")
    func long() async throws {
        try await run("a:1\n") { rig in
            var sets = rig.sets
            #expect(try await sets.next() == ["a:1"])
            await rig.time.waitForTimers()
            let filled = "c:3\n#" + String(repeating: " ", count: (1 << 20) - 6)
            try rig.replace(filled + " \n")
            await rig.look()
            try rig.replace(filled + "\n")
            // The file is long: the first of these may come while it is still being read.
            for _ in 0..<3 { await rig.look() }
            let isTaken = try await sets.next() == ["c:3"]
            #expect(isTaken)
        }
    }

    @Test("a file that is gone keeps the last good set, and counts again when it comes back")
    func gone() async throws {
        try await run("a:1\n") { rig in
            var sets = rig.sets
            #expect(try await sets.next() == ["a:1"])
            await rig.time.waitForTimers()
            try FileManager.default.removeItem(at: rig.file)
            for _ in 0..<3 { await rig.look() }
            try FileManager.default.createDirectory(at: rig.file, withIntermediateDirectories: false)
            await rig.look()
            try FileManager.default.removeItem(at: rig.file)
            try rig.replace("b:2\n")
            await rig.look()
            await rig.look()
            #expect(try await sets.next() == ["b:2"])
        }
    }

    @Test("a link is followed to where it leads now")
    func links() async throws {
        try await withTemporaryFolder { folder in
            let rig = Rig(file: folder.appending(path: "endpoints"))
            for (name, text) in [("one", "a:1\n"), ("two", "b:2\n")] {
                try Data(text.utf8).write(to: folder.appending(path: name))
            }
            try FileManager.default.createSymbolicLink(atPath: rig.file.path(), withDestinationPath: "one")
            var sets = rig.sets
            #expect(try await sets.next() == ["a:1"])
            await rig.time.waitForTimers()
            try FileManager.default.removeItem(at: rig.file)
            try FileManager.default.createSymbolicLink(atPath: rig.file.path(), withDestinationPath: "two")
            await rig.look()
            #expect(try await sets.next() == ["b:2"])
        }
    }

    @Test(
        "a first read that fails ends the stream and says where",
        arguments: [(nil, nil), ("", nil), ("a:1\nb:x\n", 2)] as [(String?, Int?)]
    )
    func first(text: String?, line: Int?) async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "endpoints")
            try text.map { try Data($0.utf8).write(to: file) }
            let failure = await #expect(throws: FileEndpointsError.self) {
                for try await _ in FileEndpoints(file.path()).endpoints(Runtime(time: ManualTime())) {}
            }
            #expect(failure?.path == file.path() && failure?.line == line)
            #expect(failure?.description.hasPrefix(file.path() + (line.map { ":\($0): " } ?? ": ")) == true)
        }
    }

    @Test("bad configuration is named")
    func check() {
        var configuration = FileEndpoints.Configuration()
        configuration.interval = .zero
        configuration.maximumBytes = 0
        for (source, count) in [
            (FileEndpoints("/etc/endpoints"), 0), (FileEndpoints(""), 1), (FileEndpoints("endpoints"), 1),
            (FileEndpoints("/etc/endpoints", configuration), 2),
        ] {
            var blueprint = Blueprint("source")
            source.check(&blueprint)
            #expect(blueprint.validate().count == count)
        }
    }
}
