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
    private var ready = Deque<UnownedJob>()
    private var isDraining = false
    private var isDrainScheduled = false
    /// How many events are being handled, each of which will drain at its end.
    private var openEvents = 0

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        ready.reserveCapacity(64)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard eventLoop.inEventLoop else {
            eventLoop.execute {
                self.ready.append(job)
                self.drain()
            }
            return
        }
        ready.append(job)
        guard !isDraining, openEvents == 0, !isDrainScheduled else { return }
        isDrainScheduled = true
        eventLoop.execute {
            self.isDrainScheduled = false
            self.drain()
        }
    }

    /// Announces an event that ends with ``endEvent()``; jobs that it makes ready run there.
    package func beginEvent() { openEvents += 1 }

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
        while let job = ready.popFirst() { job.runSynchronously(on: executor) }
        isDraining = false
    }
}
