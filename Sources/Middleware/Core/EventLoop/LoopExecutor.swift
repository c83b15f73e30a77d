import DequeModule
import NIOCore

/// Runs Swift tasks on one event loop.
///
/// Jobs that are enqueued on the loop wait in a queue of the executor and run when the event that woke them has been
/// handled (``drain()``), on the same turn of the loop and without a closure, a lock or a wake-up for each. Jobs from
/// elsewhere go through the loop's own queue.
///
/// Unchecked because the queue is touched on the loop only; every entry checks.
package final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    private let eventLoop: any EventLoop
    @exclusivity(unchecked) private var ready = Deque<UnownedJob>()
    @exclusivity(unchecked) private var isDraining = false
    @exclusivity(unchecked) private var isDrainScheduled = false
    /// How many events are being handled, each of which will drain at its end.
    @exclusivity(unchecked) private var openEvents = 0
    /// Grows with every event and every drain: what was read of the clock in an earlier one is old.
    @exclusivity(unchecked) private(set) var turn: UInt64 = 0

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        ready.reserveCapacity(64)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard eventLoop.inEventLoop else {
            eventLoop.execute {
                self.ready.append(job)
                self.turn &+= 1
                self.drain()
            }
            return
        }
        ready.append(job)
        if !isDraining, openEvents == 0 { scheduleDrain() }
    }

    /// Announces an event that ends with ``endEvent()``; jobs that it makes ready run there.
    package func beginEvent() {
        openEvents += 1
        turn &+= 1
    }

    /// Runs what the event made ready, unless an outer event is still being handled.
    package func endEvent() {
        openEvents -= 1
        if openEvents == 0 { drain() }
    }

    /// Runs every job that is ready, and those that these make ready.
    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        let executor = asUnownedTaskExecutor()
        // Bounded, so that tasks which wake each other, or themselves, leave room for the loop's input and output.
        // The loop runs all that it was given, and what is given meanwhile, before it looks at its sockets again: what
        // is left goes to a timer.
        var budget = max(ready.count, 64)
        while budget > 0, let job = ready.popFirst() {
            job.runSynchronously(on: executor)
            budget -= 1
        }
        isDraining = false
        if !ready.isEmpty { scheduleDrain(after: Self.pause) }
    }

    /// Longer than the loop takes from one task to the next, and so short that nobody misses it. A loop that shuts down
    /// drops what still waits for it, as it drops all timers: servers drain before.
    private static let pause = TimeAmount.microseconds(20)

    private func scheduleDrain(after pause: TimeAmount? = nil) {
        guard !isDrainScheduled else { return }
        isDrainScheduled = true
        let drain = { @Sendable in
            self.isDrainScheduled = false
            self.turn &+= 1
            self.drain()
        }
        if let pause {
            eventLoop.scheduleTask(in: pause, drain)
        } else {
            eventLoop.execute(drain)
        }
    }
}
