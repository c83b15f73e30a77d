import HTTPTypes
import Logging
import Middleware
import NIOCore
import Synchronization
import Testing

@Suite("RequestContext: the ways out")
struct RequestContextExitTests {
    private enum Count: ContextKey { static var defaultValue: Int { 0 } }
    private struct Broken: Error {}

    private let bench = Bench()

    @Test("a fork has the same keys, logger, peer and deadline, and goes its own way from there")
    func fork() {
        let context = bench.context()
        context[Count.self] = 1
        context.logger[metadataKey: "a"] = "b"
        context.peer.isSecure = true
        context.onFinish { _, _ in Issue.record("ran") }
        context.informational = { _, _ in Issue.record("sent") }
        let scope = context.limit(to: .seconds(3))
        let fork = context.fork()
        #expect(fork[Count.self] == 1)
        #expect(fork.logger[metadataKey: "a"] == "b")
        #expect(fork.peer.isSecure)
        #expect(fork.deadline == context.deadline)
        #expect(fork.began == context.began)
        fork[Count.self] = 2
        let narrower = fork.limit(to: .seconds(1))
        #expect(context[Count.self] == 1)
        #expect(context.deadline == bench.time.origin + .seconds(3))
        fork.finish(Outcome())
        fork.forwardInformational(.earlyHints, [:])
        scope.lift()
        #expect(context.deadline == nil)
        #expect(fork.deadline == bench.time.origin + .seconds(1))
        narrower.lift()
        #expect(fork.deadline == bench.time.origin + .seconds(3))
    }

    @Test("the deadline of a fork ends its waits")
    func forkedDeadline() async throws {
        let bench = bench
        let task = bench.task {
            let context = bench.context()
            let scope = context.limit(to: .seconds(1))
            let fork = context.fork()
            scope.lift()
            await #expect(throws: DeadlineExceeded.self) { try await fork.sleep(for: .seconds(9)) }
        }
        try await bench.settle()
        try await bench.step(by: .seconds(1))
        try await task.value
    }

    @Test("spawned work runs on the same loop with the keys and without the deadline, and is counted")
    func spawn() async throws {
        let bench = bench
        let gate = GatedSource()
        let spawner = bench.task {
            let context = bench.context()
            context[Count.self] = 5
            let scope = context.limit(to: .zero)
            context.spawn { context in
                #expect(bench.worker.isCurrent)
                #expect(context[Count.self] == 5)
                #expect(context.deadline == nil)
                _ = try? await gate.read()
                #expect(bench.worker.isCurrent)
            }
            scope.lift()
        }
        try await spawner.value
        await gate.hasBegun(reads: 1)
        #expect(bench.worker.spawnedCount == 1)
        gate.finish()
        #expect(await eventually { bench.worker.spawnedCount == 0 })
    }

    @Test("spawned work goes on when the task that spawned it is cancelled or the client has gone")
    func spawnOutlives() async throws {
        let bench = bench
        let gate = GatedSource("go")
        let done = GatedSource()
        let spawner = bench.task {
            withUnsafeCurrentTask { $0?.cancel() }
            let context = bench.context()
            context.spawn { context in
                #expect(!Task.isCancelled)
                _ = try? await gate.read()
                await #expect(throws: Never.self) { try await context.sleep(for: .zero) }
                done.give("done")
            }
            context.cancellation.fail(Broken())
        }
        _ = await spawner.result
        #expect(
            await eventually {
                bench.time.step(by: .milliseconds(1))
                return done.isReady
            })
    }

    @Test("past the limit, work is not started")
    func spawnLimit() async throws {
        let bench = bench
        let started = Counter()
        try await bench.task {
            let context = bench.context()
            context.logger.logLevel = .critical
            for _ in 0..<RequestContext.spawnLimit + 10 {
                context.spawn { context in
                    started.add()
                    try? await context.sleep(for: .seconds(1))
                }
            }
        }.value
        try await bench.settle()
        #expect(bench.worker.spawnedCount == RequestContext.spawnLimit)
        #expect(started.count == RequestContext.spawnLimit)
        try await bench.step(by: .seconds(1))
        #expect(bench.worker.spawnedCount == 0)
    }

    @Test("heavy work leaves the loop, and its caller comes back")
    func offload() async throws {
        let bench = bench
        try await bench.task {
            let context = bench.context()
            let (leaves, staysAway) = try await context.offload {
                let leaves = !bench.worker.isCurrent
                await Task.yield()
                return (leaves, !bench.worker.isCurrent)
            }
            do {
                #expect(leaves)
            }
            #expect(staysAway)
            #expect(bench.worker.isCurrent)
            await #expect(throws: Broken.self) { try await context.offload { throw Broken() } }
            #expect(bench.worker.isCurrent)
        }.value
    }

    @Test("cancelling the task cancels the offloaded work")
    func offloadIsCancelled() async throws {
        let bench = bench
        let gate = GatedSource()
        let task = bench.task {
            try await bench.context().offload {
                await withTaskCancellationHandler {
                    await gate.hasBeenCancelled()
                } onCancel: {
                    gate.cancel(CancellationError())
                }
                return Task.isCancelled
            }
        }
        task.cancel()
        #expect(try await task.value)
    }

    private final class Counter: Sendable {
        private let value = Atomic<Int>(0)
        var count: Int { value.load(ordering: .relaxed) }
        func add() { value.add(1, ordering: .relaxed) }
    }
}
