import HTTPTypes
import Middleware
import NIOCore
import Synchronization
import Testing

/// Random schedules: readers of every temper around one recording.
@Suite("RecordedBody: any schedule", .timeLimit(.minutes(1)))
struct RecordedBodyScheduleTests {
    @Test("a reader sees a prefix of the source, and the whole unless it was cut or ended", arguments: 0..<150)
    func anySchedule(seed: Int) async throws {
        var chance = SplitMix(seed: UInt64(seed))
        let plan = Plan(&chance)
        let journal = Journal()
        weak var recordingIsAlive: RecordedBody?
        do {
            let source = JaggedSource(plan, journal)
            let recorded = try RecordedBody(recording: .stream(source), upTo: plan.limit)
            recordingIsAlive = recorded
            try await withThrowingTaskGroup { group in
                for temper in plan.readers {
                    // Safe: the body goes into the one task that reads it.
                    nonisolated(unsafe) let body = temper.comesLate ? nil : recorded.reader()
                    let reading = Task {
                        await Self.yield(temper.startsAfter)
                        return try await Self.read(body ?? recorded.reader(), temper)
                    }
                    let patience = temper.taskCancelledAfter
                    group.addTask {
                        if let patience {
                            await Self.yield(patience)
                            reading.cancel()
                        }
                        Self.check(try await reading.value, temper, plan)
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(recordingIsAlive == nil)
        #expect(await eventually { journal.isReleased })
        #expect(!journal.hasOverlapped)
        #expect(journal.isFinished || journal.isCancelled)
    }

    private struct Broken: Error {}

    private struct Temper: Sendable {
        let comesLate: Bool
        let startsAfter: Int
        let pause: Int
        let stopsAfter: Int?
        let cancels: Bool
        let taskCancelledAfter: Int?

        init(_ chance: inout SplitMix) {
            comesLate = chance.oneIn(4)
            startsAfter = chance.oneIn(2) ? 0 : chance.below(60)
            pause = chance.oneIn(2) ? 0 : chance.below(20)
            stopsAfter = chance.oneIn(4) ? chance.below(20) : nil
            cancels = chance.oneIn(2)
            taskCancelledAfter = chance.oneIn(4) ? chance.below(200) : nil
        }
    }

    private struct Plan: Sendable {
        let parts: [[UInt8]]
        let pauses: [Int]
        let fails: Bool
        let limit: Int
        let readers: [Temper]
        var content: [UInt8] { Array(parts.joined()) }

        init(_ chance: inout SplitMix) {
            var next: UInt8 = 0
            parts = (0..<chance.below(50)).map { _ in
                (0..<chance.below(40)).map { _ in
                    next &+= 1
                    return next
                }
            }
            pauses = (0...parts.count).map { _ in chance.oneIn(2) ? 0 : chance.below(10) }
            fails = chance.oneIn(5)
            limit = [0, 8, 64, 256, 100_000][chance.below(5)]
            readers = (0...chance.below(7)).map { _ in Temper(&chance) }
        }
    }

    private enum End {
        case end(Headers?)
        case stopped
        case threw(any Error)
    }

    private static func yield(_ count: Int) async {
        for _ in 0..<count { await Task.yield() }
    }

    private static func read(_ body: Body, _ temper: Temper) async throws -> ([UInt8], End) {
        let source = try body.open()
        var seen: [UInt8] = []
        var count = 0
        do {
            while true {
                if count == temper.stopsAfter {
                    if temper.cancels { source.cancel(CancellationError()) }
                    return (seen, .stopped)
                }
                await yield(temper.pause)
                switch try await source.read() {
                case .bytes(let bytes):
                    #expect(bytes.readableBytes > 0)
                    seen += bytes.readableBytesView
                case .end(let trailers): return (seen, .end(trailers))
                }
                count += 1
            }
        } catch {
            return (seen, .threw(error))
        }
    }

    private static func check(_ result: ([UInt8], End), _ temper: Temper, _ plan: Plan) {
        let (seen, end) = result
        let content = plan.content
        #expect(seen.elementsEqual(content.prefix(seen.count)))
        switch end {
        case .end(let trailers):
            #expect(!plan.fails)
            #expect(seen == content)
            #expect(trailers?[.eTag] == "last")
        case .stopped: break
        case .threw(let error as BodyOutrun): #expect(error.limit == plan.limit && content.count > plan.limit)
        case .threw(is CancellationError): #expect(temper.taskCancelledAfter != nil)
        case .threw(is Broken): #expect(plan.fails && seen == content)
        case .threw(let error): Issue.record("threw \(error)")
        }
    }

    /// What became of the source.
    private final class Journal: Sendable {
        private let state = Mutex((released: false, overlapped: false, finished: false, cancelled: false))
        var isReleased: Bool { state.withLock { $0.released } }
        var hasOverlapped: Bool { state.withLock { $0.overlapped } }
        var isFinished: Bool { state.withLock { $0.finished } }
        var isCancelled: Bool { state.withLock { $0.cancelled } }

        func release() { state.withLock { $0.released = true } }
        func overlap() { state.withLock { $0.overlapped = true } }
        func finish() { state.withLock { $0.finished = true } }
        func cancel() { state.withLock { $0.cancelled = true } }
    }

    /// A source without any protection of its own, as users write them.
    private final class JaggedSource: BodySource {
        private let plan: Plan
        private let journal: Journal
        private var index = 0
        private var isReading = false
        private var failure: (any Error)?

        init(_ plan: Plan, _ journal: Journal) {
            self.plan = plan
            self.journal = journal
        }

        deinit { journal.release() }

        var knownLength: Int? { nil }

        func read() async throws -> BodyPart {
            if isReading { journal.overlap() }
            if let failure { throw failure }
            isReading = true
            defer { isReading = false }
            let index = index
            self.index += 1
            for _ in 0..<plan.pauses[index] {
                await Task.yield()
                if let failure { throw failure }
            }
            guard index == plan.parts.count else { return .bytes(ByteBuffer(bytes: plan.parts[index])) }
            journal.finish()
            failure = plan.fails ? Broken() : BodyConsumed()
            if plan.fails { throw Broken() }
            return .end(trailers: [.eTag: "last"])
        }

        func cancel(_ reason: any Error) {
            journal.cancel()
            failure = failure ?? reason
        }
    }
}
