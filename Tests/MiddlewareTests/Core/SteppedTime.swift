import Middleware
import NIOCore
import NIOPosix
import Synchronization

/// Time that stands still until the test moves it. What is due runs in order when time is moved, never within
/// `schedule`.
final class SteppedTime: TimeSource {
    private struct State {
        var passed = Duration.zero
        var timers: [(id: Int, instant: ContinuousClock.Instant, action: @Sendable () -> Void)] = []
        var lastID = 0
    }

    let origin = ContinuousClock.now
    private let state = Mutex(State())

    var now: ContinuousClock.Instant { origin.advanced(by: state.withLock { $0.passed }) }

    var wallClock: Duration { .seconds(1_700_000_000) + state.withLock { $0.passed } }

    func schedule(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> TimerToken {
        let id = state.withLock { state in
            state.lastID += 1
            state.timers.append((state.lastID, instant, action))
            return state.lastID
        }
        return TimerToken { self.state.withLock { $0.timers.removeAll { $0.id == id } } }
    }

    /// Moves time on and runs what is due.
    func step(by duration: Duration) {
        let origin = origin
        let due = state.withLock { state in
            state.passed += duration
            let now = origin.advanced(by: state.passed)
            let due = state.timers.filter { $0.instant <= now }.sorted { $0.instant < $1.instant }
            state.timers.removeAll { $0.instant <= now }
            return due
        }
        for timer in due { timer.action() }
    }
}

/// One event loop with stepped time, and what a test does on it.
final class Bench: Sendable {
    let time = SteppedTime()
    let runtime: Runtime
    let worker: Worker

    init() {
        runtime = Runtime(time: time, group: MultiThreadedEventLoopGroup.singleton.next())
        worker = runtime.workers.all[0]
    }

    /// A context as a server makes it.
    func context() -> sending RequestContext {
        RequestContext(runtime: runtime, worker: worker, peer: Peer(), watchesTask: true)
    }

    /// Runs a piece of work on the loop, as a job of its executor: expectations know their test there.
    func onLoop<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
        try await Task(executorPreference: worker.executor) { try work() }.value
    }

    /// Runs a piece of work as a turn of the loop, outside every job.
    func onTurn<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
        try await worker.eventLoop.submit(work).get()
    }

    /// Returns when the loop has done what was ready, and what that made ready.
    func settle() async throws {
        for _ in 0..<4 { try await onTurn {} }
    }

    /// Moves time on, and lets the loop act on it.
    func step(by duration: Duration) async throws {
        time.step(by: duration)
        try await settle()
    }

    /// Starts a task that prefers the loop.
    func task<R: Sendable>(_ work: @escaping @Sendable () async throws -> R) -> Task<R, any Error> {
        Task(executorPreference: worker.executor) { try await work() }
    }
}
