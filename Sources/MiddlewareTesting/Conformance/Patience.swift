import Middleware
import NIOCore
import NIOPosix

/// How long a conformance suite waits for what should come at once. Real time passes for an implementation that hangs,
/// and for no other.
struct Patience: Sendable {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    /// Runs a check on a loop; what it finds, or `hung` when it comes to no end.
    func check(
        on worker: Worker,
        hung: String,
        _ body: nonisolated(nonsending) @escaping @Sendable () async -> String?
    ) async -> String? {
        await value(on: worker, ifHung: .some(hung), body)
    }

    /// Runs something on a loop; `ifHung` when it comes to no end.
    func value<Value: Sendable>(
        on worker: Worker,
        ifHung: Value,
        _ body: nonisolated(nonsending) @escaping @Sendable () async -> Value
    ) async -> Value {
        let result = Watched<Value?>(nil)
        let task = Task(executorPreference: worker.executor) {
            let value = await body()
            result.change { if $0 == nil { $0 = .some(value) } }
        }
        await wait(for: result, ifHung: ifHung)
        task.cancel()
        return result.value ?? ifHung
    }

    /// Waits for a result, and sets it when none comes.
    func wait<Value: Sendable>(for result: Watched<Value?>, ifHung: Value) async {
        let timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .nanoseconds(duration.nanoseconds)) {
            result.change { if $0 == nil { $0 = .some(ifHung) } }
        }
        await result.wait { $0 != nil }
        timer.cancel()
    }

    /// Lets everything else of the loop go on until the condition holds, and says whether it came to hold.
    static func settles(on worker: Worker, turns: Int = 1000, _ condition: () -> Bool) async -> Bool {
        for _ in 0..<turns {
            if condition() { return true }
            // A yield would go on in the same turn of the loop.
            await withCheckedContinuation { continuation in
                worker.eventLoop.execute { continuation.resume() }
            }
        }
        return condition()
    }
}
