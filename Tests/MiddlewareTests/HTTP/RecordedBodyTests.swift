import HTTPTypes
import Middleware
import NIOCore
import NIOPosix
import Testing

@Suite("RecordedBody", .timeLimit(.minutes(1)))
struct RecordedBodyTests {
    private struct Broken: Error {}

    @Test("every reader sees the content, the trailers and the end, from one fetch")
    func manyReaders() async throws {
        let source = GatedSource("one ", "two ", "three")
        source.finish(trailers: [.eTag: "\"7\""])
        let recorded = try RecordedBody(recording: .stream(source), upTo: 100)
        for _ in 0..<3 {
            let reader = try recorded.reader().open()
            let (content, trailers) = try await drain(reader)
            #expect(content == "one two three")
            #expect(trailers?[.eTag] == "\"7\"")
            await #expect(throws: BodyConsumed.self) { try await reader.read() }
        }
        #expect(source.reads == 4)
        #expect(recorded.isReplayable)
    }

    @Test("nothing is read before a reader waits, and one read serves all who wait")
    func pulledOnDemand() async throws {
        let source = GatedSource()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 100)
        let first = recorded.reader()
        let second = recorded.reader()
        #expect(source.reads == 0)
        let one = Task { try await text(try first.open()) }
        let two = Task { try await text(try second.open()) }
        await source.hasBegun(reads: 1)
        source.give("part")
        #expect(try await one.value == "part")
        #expect(try await two.value == "part")
        #expect(source.reads == 1)
    }

    @Test("a reader that falls behind what is kept is cut, and a new one comes too late")
    func slowReaderIsCut() async throws {
        let source = GatedSource("12345678", "abcdefgh", "ABCDEFGH")
        source.finish()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 16)
        let fast = try recorded.reader().open()
        let slow = try recorded.reader().open()
        #expect(try await text(fast) == "12345678")
        #expect(try await text(fast) == "abcdefgh")
        #expect(recorded.isReplayable)
        #expect(try await text(slow) != nil)
        let cut = try recorded.reader().open()
        #expect(try await text(fast) == "ABCDEFGH")
        #expect(!recorded.isReplayable)
        await #expect(throws: BodyOutrun.self) { try await cut.read() }
        await #expect(throws: BodyOutrun.self) { try await cut.read() }
        #expect(cut.isReady)
        let late = try recorded.reader().open()
        await #expect(throws: BodyOutrun.self) { try await late.read() }
        // This one was behind, but not too far.
        #expect(try await drain(slow).content.hasSuffix("ABCDEFGH"))
        #expect(try await drain(fast).content == "")
    }

    @Test("a part that is larger than the limit still reaches those who wait for it")
    func largePart() async throws {
        let source = GatedSource(String(repeating: "x", count: 50), "tail")
        source.finish()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 10)
        let fast = try recorded.reader().open()
        let slow = try recorded.reader().open()
        #expect(try await drain(fast).content.count == 54)
        await #expect(throws: BodyOutrun.self) { try await slow.read() }
    }

    @Test("with a limit of zero a part reaches only those who wait")
    func nothingKept() async throws {
        let source = GatedSource("a", "b")
        source.finish()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 0)
        #expect(recorded.isReplayable)
        #expect(try await drain(try recorded.reader().open()).content == "ab")
        #expect(!recorded.isReplayable)
    }

    @Test("one reader's cancel ends that reader only")
    func cancelEndsOneReader() async throws {
        let source = GatedSource("a")
        let recorded = try RecordedBody(recording: .stream(source), upTo: 100)
        let one = try recorded.reader().open()
        let two = try recorded.reader().open()
        one.cancel(Broken())
        one.cancel(CancellationError())
        await #expect(throws: Broken.self) { try await one.read() }
        #expect(try await text(two) == "a")
        #expect(!source.isCancelled)
    }

    @Test("a reader whose task is cancelled while it pulls loses the part for nobody")
    func taskCancelledWhilePulling() async throws {
        let source = GatedSource()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 100)
        let puller = Task { try await drain(try recorded.reader().open()) }
        await source.hasBegun(reads: 1)
        let other = Task { try await drain(try recorded.reader().open()).content }
        puller.cancel()
        await #expect(throws: CancellationError.self) { try await puller.value }
        source.give("part")
        source.finish()
        #expect(try await other.value == "part")
        #expect(try await drain(try recorded.reader().open()).content == "part")
        #expect(source.reads == 2)
        #expect(!source.isCancelled)
    }

    @Test("a cancelled task that reads what is not there throws at once")
    func cancelledBeforeReading() async throws {
        let source = GatedSource()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 100)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await drain(try recorded.reader().open())
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!source.isCancelled)
    }

    @Test("the failure of the source reaches every reader behind what came before it")
    func failure() async throws {
        let source = GatedSource("abc")
        source.fail(Broken())
        let recorded = try RecordedBody(recording: .stream(source), upTo: 100)
        for _ in 0..<2 {
            let reader = try recorded.reader().open()
            #expect(try await text(reader) == "abc")
            await #expect(throws: Broken.self) { try await reader.read() }
            await #expect(throws: Broken.self) { try await reader.read() }
        }
        #expect(source.reads == 2)
    }

    @Test("empty parts of a source are skipped")
    func emptyParts() async throws {
        let source = GatedSource("", "a", "", "", "b", "")
        source.finish()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 100)
        let reader = try recorded.reader().open()
        #expect(try await text(reader) == "a")
        #expect(try await text(reader) == "b")
        #expect(try await text(reader) == nil)
    }

    @Test("a reader is ready when its next read would not wait")
    func readiness() async throws {
        let source = GatedSource("a")
        let recorded = try RecordedBody(recording: .stream(source), upTo: 100)
        let one = try recorded.reader().open()
        let two = try recorded.reader().open()
        #expect(!one.isReady && !two.isReady)
        _ = try await one.read()
        #expect(!one.isReady)
        #expect(two.isReady)
        two.cancel(Broken())
        #expect(two.isReady)
    }

    @Test("small slices are copied together, so that they pin no read buffer")
    func smallSlices() async throws {
        let readBuffer = ByteBuffer(repeating: UInt8(ascii: "z"), count: 65_536)
        let source = GatedSource()
        for index in 0..<8 {
            source.give(.bytes(try #require(readBuffer.getSlice(at: index * 10, length: 10))))
        }
        source.finish()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 4096)
        _ = try await drain(try recorded.reader().open())
        guard case .bytes(let kept) = try await recorded.reader().open().read() else {
            Issue.record("the end came first")
            return
        }
        #expect(kept.readableBytes == 80)
        #expect(kept.storageCapacity < 1024)
    }

    @Test("the source is read on the loop of the recording, and a reader goes on on its own")
    func loops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let runtime = Runtime(group: group)
        let (home, away) = (runtime.workers.all[0], runtime.workers.all[1])
        let recorded = try await Task(executorPreference: home.executor) {
            try RecordedBody(recording: .stream(LoopBound(home.eventLoop)), upTo: 8)
        }.value
        try await Task(executorPreference: away.executor) {
            let reader = try recorded.reader().open()
            while case .bytes = try await reader.read() { #expect(away.isCurrent) }
        }.value
        try await group.shutdownGracefully()
    }

    /// A source that may be read on one loop only.
    private final class LoopBound: BodySource {
        private let eventLoop: any EventLoop
        private var left = 20

        init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

        var knownLength: Int? { nil }

        func read() async throws -> BodyPart {
            #expect(eventLoop.inEventLoop)
            await Task.yield()
            #expect(eventLoop.inEventLoop)
            left -= 1
            return left < 0 ? .end(trailers: nil) : .bytes(ByteBuffer(string: "part"))
        }

        func cancel(_ reason: any Error) {}
    }
}
