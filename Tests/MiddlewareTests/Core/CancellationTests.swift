import Middleware
import NIOCore
import Testing

@Suite("Cancellation")
struct CancellationTests {
    private struct Gone: Error {}
    private struct Later: Error {}

    /// A wait that notes how it ended. Unchecked because it is touched on the loop only.
    private final class Wait: ContextWait, @unchecked Sendable {
        private(set) var errors: [any Error] = []
        func interrupt(_ error: any Error) { errors.append(error) }
    }

    private let bench = Bench()

    /// Runs a scene on the loop with a cancellation of its own.
    private func scene(_ play: @escaping @Sendable (Cancellation, Bench) throws -> Void) async throws {
        let bench = bench
        try await bench.onLoop { try play(Cancellation(worker: bench.worker), bench) }
    }

    @Test("a failure ends every wait that is open, once, and refuses later ones")
    func failure() async throws {
        try await scene { cancellation, _ in
            let (one, two, three, ended, late) = (Wait(), Wait(), Wait(), Wait(), Wait())
            for wait in [one, two, ended, three] { try cancellation.begin(wait) }
            cancellation.end(ended)
            cancellation.fail(Gone())
            cancellation.fail(Later())
            for wait in [one, two, three] {
                #expect(wait.errors.count == 1)
                #expect(wait.errors.first is Gone)
            }
            #expect(ended.errors.isEmpty)
            #expect(throws: Gone.self) { try cancellation.begin(late) }
            #expect(throws: Gone.self) { try cancellation.check() }
            #expect(late.errors.isEmpty)
        }
    }

    @Test(
        "waits may end in any order",
        arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0], [0, 2, 1], [2, 0, 1]])
    func endsInAnyOrder(order: [Int]) async throws {
        try await scene { cancellation, _ in
            let waits = [Wait(), Wait(), Wait()]
            for wait in waits { try cancellation.begin(wait) }
            cancellation.end(waits[order[0]])
            cancellation.end(waits[order[0]])
            cancellation.end(waits[order[1]])
            cancellation.fail(Gone())
            #expect(waits.map(\.errors.count) == waits.indices.map { $0 == order[2] ? 1 : 0 })
        }
    }

    @Test("the deadline ends the waits that are open, and the waits after it")
    func deadline() async throws {
        let (wait, late) = (Wait(), Wait())
        let bench = bench
        let cancellation = try await bench.onLoop {
            let cancellation = Cancellation(worker: bench.worker)
            cancellation.setDeadline(bench.worker.now + 1_000_000_000)
            try cancellation.begin(wait)
            return cancellation
        }
        try await bench.step(by: .milliseconds(999))
        try await bench.onLoop { #expect(wait.errors.isEmpty) }
        try await bench.step(by: .milliseconds(1))
        try await bench.onLoop {
            #expect(wait.errors.count == 1)
            #expect(wait.errors.first is DeadlineExceeded)
            #expect(throws: DeadlineExceeded.self) { try cancellation.begin(late) }
            // A deadline is not a failure: lifted, waits begin again.
            cancellation.setDeadline(.max)
            #expect(throws: Never.self) { try cancellation.begin(late) }
        }
    }

    @Test("a deadline that is moved ends nothing where it was")
    func movedDeadline() async throws {
        let (wait, bench) = (Wait(), bench)
        let cancellation = try await bench.onLoop {
            let cancellation = Cancellation(worker: bench.worker)
            try cancellation.begin(wait)
            for seconds in [1, 3, 2] { cancellation.setDeadline(bench.worker.now + Int64(seconds) * 1_000_000_000) }
            return cancellation
        }
        try await bench.step(by: .milliseconds(1_500))
        try await bench.onLoop {
            #expect(wait.errors.isEmpty)
            #expect(throws: Never.self) { try cancellation.check() }
        }
        try await bench.step(by: .milliseconds(500))
        try await bench.onLoop { #expect(wait.errors.count == 1) }
    }

    @Test("a failure before the deadline stays the failure")
    func failureFirst() async throws {
        let bench = bench
        let cancellation = try await bench.onLoop {
            let cancellation = Cancellation(worker: bench.worker)
            cancellation.setDeadline(bench.worker.now + 1)
            cancellation.fail(Gone())
            return cancellation
        }
        try await bench.step(by: .seconds(1))
        try await bench.onLoop { _ = #expect(throws: Gone.self) { try cancellation.check() } }
    }

    @Test("after a reset it is as new")
    func reset() async throws {
        try await scene { cancellation, bench in
            let (old, new) = (Wait(), Wait())
            cancellation.setDeadline(bench.worker.now)
            cancellation.fail(Gone())
            cancellation.reset()
            try cancellation.begin(old)
            cancellation.reset()
            try cancellation.begin(new)
            cancellation.fail(Later())
            #expect(old.errors.isEmpty)
            #expect(new.errors.first is Later)
        }
    }
}
