import HTTPTypes
import Logging
import Middleware
import NIOCore
import Testing

@Suite("RequestContext")
struct RequestContextTests {
    private enum Tenant: ContextKey { static var defaultValue: String? { "nobody" } }
    private enum Count: ContextKey { static var defaultValue: Int { 7 } }

    private let bench = Bench()

    @Test("a key has its default until it is set, and its own value whatever the others are")
    func keys() {
        let context = bench.context()
        #expect(context[Tenant.self] == "nobody")
        #expect(context[Count.self] == 7)
        context[Tenant.self] = "acme"
        context[Count.self] += 1
        #expect(context[Tenant.self] == "acme")
        #expect(context[Count.self] == 8)
        context[Tenant.self] = nil
        #expect(context[Tenant.self] == nil)
    }

    @Test("an inner limit never widens the deadline, and lifting it gives back the outer one")
    func nestedLimits() {
        let context = bench.context()
        #expect(context.deadline == nil)
        let outer = context.limit(to: .seconds(10))
        let inner = context.limit(to: .seconds(2))
        let wide = context.limit(to: .seconds(60))
        #expect(context.deadline == bench.time.origin + .seconds(2))
        wide.lift()
        inner.lift()
        #expect(context.deadline == bench.time.origin + .seconds(10))
        outer.lift()
        #expect(context.deadline == nil)
    }

    @Test("limits may be lifted in any order, and end when their scope is dropped")
    func outOfOrder() {
        let context = bench.context()
        let outer = context.limit(to: .seconds(1))
        let inner = context.limit(to: .seconds(5))
        outer.lift()
        #expect(context.deadline == bench.time.origin + .seconds(5))
        do {
            let dropped = context.limit(to: .seconds(3))
            _ = dropped
            #expect(context.deadline == bench.time.origin + .seconds(3))
        }
        #expect(context.deadline == bench.time.origin + .seconds(5))
        inner.lift()
        #expect(context.deadline == nil)
    }

    @Test(
        "a limit without end is none, and one below zero has passed",
        arguments: [
            (Duration.seconds(Int64.max), nil), (.zero, .zero), (.seconds(-5), .zero), (.nanoseconds(Int64.max), nil),
        ] as [(Duration, Duration?)])
    func extremes(limit: Duration, deadline: Duration?) {
        let context = bench.context()
        let scope = context.limit(to: limit)
        // The worker's clock counts nanoseconds in 64 bits: what lies past them never comes.
        #expect(context.deadline == deadline.map { bench.time.origin + $0 })
        scope.lift()
    }

    @Test("a sleep ends when its time has come")
    func sleeps() async throws {
        let (bench, alarm) = (bench, GatedSource())
        let sleeper = bench.task {
            try await bench.context().sleep(for: .seconds(5))
            alarm.give("rings")
        }
        try await bench.settle()
        try await bench.step(by: .seconds(4))
        #expect(!alarm.isReady)
        try await bench.step(by: .seconds(1))
        try await sleeper.value
        #expect(alarm.isReady)
    }

    @Test("a sleep under a deadline throws when that passes first")
    func deadlineEndsSleep() async throws {
        let bench = bench
        let sleeper = bench.task {
            let context = bench.context()
            let scope = context.limit(to: .seconds(1))
            await #expect(throws: DeadlineExceeded.self) { try await context.sleep(for: .seconds(5)) }
            await #expect(throws: DeadlineExceeded.self) { try await context.sleep(for: .zero) }
            scope.lift()
            try await context.sleep(for: .seconds(1))
        }
        try await bench.settle()
        try await bench.step(by: .seconds(1))
        try await bench.step(by: .seconds(1))
        try await sleeper.value
    }

    @Test("cancelling the task ends a sleep, before it began or after")
    func cancelEndsSleep() async throws {
        let bench = bench
        let sleeper = bench.task { try await bench.context().sleep(for: .seconds(5)) }
        try await bench.settle()
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        let early = bench.task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await bench.context().sleep(for: .seconds(5))
        }
        await #expect(throws: CancellationError.self) { try await early.value }
    }

    @Test("a sleep works from any executor")
    func sleepsElsewhere() async throws {
        let bench = bench
        let sleeper = Task { try await bench.context().sleep(for: .seconds(5)) }
        let stepper = Task {
            while !Task.isCancelled {
                bench.time.step(by: .seconds(5))
                await Task.yield()
            }
        }
        try await sleeper.value
        stepper.cancel()
    }

    @Test("what is to be done at the end is done in order, once, with the outcome")
    func onFinish() {
        let context = bench.context()
        var seen: [String] = []
        #expect(!context.hasFinishers)
        context.onFinish { context, outcome in seen.append("one \(outcome.bytesSent) \(context[Count.self])") }
        context.onFinish { _, _ in seen.append("two") }
        #expect(context.hasFinishers)
        var outcome = Outcome()
        outcome.bytesSent = 12
        context.finish(outcome)
        context.finish(outcome)
        #expect(seen == ["one 12 7", "two"])
    }

    @Test("informational answers are edited from the inside out, and may be dropped")
    func informational() async throws {
        let context = bench.context()
        var sent: [String] = []
        context.informational = { status, headers in sent.append("\(status.code) \(headers[.server] ?? "")") }
        context.onInformational { _, headers in
            headers[.server] = (headers[.server] ?? "") + "outer"
            return true
        }
        context.onInformational { status, headers in
            headers[.server] = (headers[.server] ?? "") + "inner,"
            return status.code != 199
        }
        try await context.sendInformational(.earlyHints, [:])
        try await context.sendInformational(.init(code: 199), [:])
        for code in [100, 101, 200, 404] { try await context.sendInformational(.init(code: code), [:]) }
        #expect(sent == ["103 inner,outer"])
    }

    @Test("an informational answer to a client that has gone throws")
    func informationalAfterEnd() async throws {
        struct Gone: Error {}
        let context = bench.context()
        context.cancellation.fail(Gone())
        await #expect(throws: Gone.self) { try await context.sendInformational(.earlyHints, [:]) }
    }

    @Test("a context that is reset is as new")
    func reset() {
        let context = bench.context()
        context[Count.self] = 1
        context.logger[metadataKey: "a"] = "b"
        context.onFinish { _, _ in Issue.record("ran") }
        context.onInformational { _, _ in false }
        let scope = context.limit(to: .seconds(1))
        context.reset()
        #expect(context[Count.self] == 7)
        #expect(context.deadline == nil)
        #expect(context.logger[metadataKey: "a"] == nil)
        #expect(!context.hasFinishers)
        var sent = 0
        context.informational = { _, _ in sent += 1 }
        context.forwardInformational(.earlyHints, [:])
        #expect(sent == 1)
        scope.lift()
    }
}
