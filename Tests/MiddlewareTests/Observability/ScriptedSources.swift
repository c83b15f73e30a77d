import Middleware
import Synchronization

/// Time that stands still at Sun, 06 Nov 1994 08:49:37.250 GMT. Timers fire when they are told to.
final class FixedTime: TimeSource {
    private let origin: ContinuousClock.Instant
    private let actions = Mutex<[@Sendable () -> Void]>([])

    init() { origin = SystemTime().now }

    var now: ContinuousClock.Instant { origin }
    var wallClock: Duration { .milliseconds(784_111_777_250) }

    func schedule(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> TimerToken {
        actions.withLock { $0.append(action) }
        return TimerToken()
    }

    /// Fires every timer, and says how many there were.
    @discardableResult
    func fire() -> Int {
        let due = actions.withLock { actions in
            defer { actions = [] }
            return actions
        }
        for action in due { action() }
        return due.count
    }
}

/// Chance that repeats the given words.
final class Sequence64: Randomness {
    private let words: [UInt64]
    private let index = Atomic<Int>(0)

    init(_ words: [UInt64]) { self.words = words }

    func next() -> UInt64 { words[index.wrappingAdd(1, ordering: .relaxed).oldValue % words.count] }
}
