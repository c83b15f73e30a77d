package import NIOCore
import Synchronization

/// One event loop and what is confined to it: the executor of its tasks, its timers, and the state that other parts
/// keep for each loop (pools, cached dates).
///
/// Unchecked because everything mutable is touched on the loop only.
package final class Worker: @unchecked Sendable {
    package let eventLoop: any EventLoop
    package let executor: LoopExecutor
    package let time: any TimeSource
    private let spawned = Atomic<Int>(0)
    private var whenQuiet: (@Sendable () -> Void)?
    /// Whether the time is the system's, which is read without going through the protocol.
    private let isSystemTime: Bool
    /// What the loop's own clock is ahead of ``now``.
    private let uptimeOffset: Int64
    @exclusivity(unchecked) private var slots: [(key: ObjectIdentifier, value: AnyObject)] = []
    @exclusivity(unchecked) private var timersIfMade: LoopTimers?
    @exclusivity(unchecked) private var eventTurn = UInt64.max
    @exclusivity(unchecked) private var eventInstant: Int64 = 0

    init(eventLoop: any EventLoop, time: any TimeSource) {
        self.eventLoop = eventLoop
        self.time = time
        executor = LoopExecutor(eventLoop: eventLoop)
        isSystemTime = time is SystemTime
        uptimeOffset = Int64(NIODeadline.now().uptimeNanoseconds) - time.now.nanoseconds
    }

    /// The time in nanoseconds, as ``ContinuousClock/Instant/nanoseconds`` counts them.
    package var now: Int64 {
        isSystemTime ? Int64(NIODeadline.now().uptimeNanoseconds) - uptimeOffset : otherNow
    }

    /// Apart, because an instant makes room for itself at run time in every function that it is inlined into.
    private var otherNow: Int64 {
        @inline(never) get { time.now.nanoseconds }
    }

    /// ``now`` as it was when the present event began to be handled: read once for each. On the loop only; for timers,
    /// which tolerate its age.
    package var eventNow: Int64 {
        guard isSystemTime else { return now }
        if eventTurn != executor.turn {
            eventTurn = executor.turn
            eventInstant = now
        }
        return eventInstant
    }

    /// Whether the caller stands on the loop.
    package var isCurrent: Bool { eventLoop.inEventLoop }

    /// Runs `action` now when the caller stands on the loop, else soon.
    package func perform(_ action: @escaping @Sendable () -> Void) {
        guard !isCurrent else {
            action()
            return
        }
        eventLoop.execute {
            self.executor.beginEvent()
            action()
            self.executor.endEvent()
        }
    }

    /// Lets the loop see to its other work before the caller goes on. On the loop only. (`Task.yield()` would go on
    /// within the same drain of the executor.)
    @concurrent package func nextTurn() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            eventLoop.execute {
                self.executor.beginEvent()
                continuation.resume()
                self.executor.endEvent()
            }
        }
    }

    /// The timers. On the loop only.
    package var timers: LoopTimers {
        if let timersIfMade { return timersIfMade }
        let timers = LoopTimers { [unowned self] instant in self.wakeUp(at: instant) }
        timersIfMade = timers
        return timers
    }

    /// Counts in a piece of work that outlives its request; `false` when there are `limit` already.
    func beginSpawn(limit: Int) -> Bool {
        guard spawned.add(1, ordering: .relaxed).newValue <= limit else {
            spawned.subtract(1, ordering: .relaxed)
            SpawnMetric.refused.increment()
            return false
        }
        SpawnMetric.running.increment()
        return true
    }

    /// Counts it out.
    func endSpawn() {
        SpawnMetric.running.decrement()
        guard spawned.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        perform {
            guard self.spawnedCount == 0, let whenQuiet = self.whenQuiet else { return }
            self.whenQuiet = nil
            whenQuiet()
        }
    }

    /// The pieces of such work that are running.
    package var spawnedCount: Int { spawned.load(ordering: .acquiring) }

    /// Runs `action` once there is no such work. On the loop only; one at a time.
    package func whenNothingIsSpawned(_ action: @escaping @Sendable () -> Void) {
        if spawnedCount == 0 { action() } else { whenQuiet = action }
    }

    private func wakeUp(at instant: Int64) -> TimerToken {
        let fire: @Sendable () -> Void = { [weak self] in
            guard let self else { return }
            perform {
                self.executor.beginEvent()
                self.timers.fire(now: self.now)
                self.executor.endEvent()
            }
        }
        guard isSystemTime else { return time.schedule(at: ContinuousClock.Instant(nanoseconds: instant), fire) }
        let timer = eventLoop.scheduleTask(in: .nanoseconds(max(0, instant - now)), fire)
        return TimerToken { timer.cancel() }
    }

    /// The one `State` of this loop, made on first use. On the loop only.
    package func state<State: AnyObject>(_ type: State.Type, make: () -> State) -> State {
        let key = ObjectIdentifier(type)
        for slot in slots where slot.key == key {
            // The key is the type, so this is never another.
            return unsafeDowncast(slot.value, to: type)
        }
        let state = make()
        slots.append((key, state))
        return state
    }
}

/// The workers of a runtime, one for each event loop of its group.
package final class Workers: Sendable {
    package let group: any EventLoopGroup
    package let time: any TimeSource
    package let all: [Worker]

    init(group: any EventLoopGroup, time: any TimeSource) {
        self.group = group
        self.time = time
        all = group.makeIterator().map { Worker(eventLoop: $0, time: time) }
    }

    /// The worker of the caller's loop, else any.
    package var current: Worker {
        all.first { $0.isCurrent } ?? all[0]
    }

    /// The worker of a loop of the group.
    package func worker(of eventLoop: any EventLoop) -> Worker {
        all.first { $0.eventLoop === eventLoop } ?? current
    }
}
