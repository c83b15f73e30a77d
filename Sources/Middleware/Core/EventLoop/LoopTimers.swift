import HeapModule
import NIOCore

/// The timers of one event loop, made for deadlines that are moved far more often than they pass.
///
/// A timer that is pushed back only stores the later instant; when its old one comes up it is put back in line. So a
/// deadline for each request costs two stores, and the heap holds about as many entries as there are timers.
///
/// Touched on its loop only. Instants are nanoseconds of the worker's clock.
package final class LoopTimers {
    private struct Entry: Comparable {
        let instant: Int64
        let timer: LoopTimer

        static func < (left: Entry, right: Entry) -> Bool { left.instant < right.instant }
        static func == (left: Entry, right: Entry) -> Bool { left.instant == right.instant }
    }

    private var heap = Heap<Entry>()
    private var scheduled = Int64.max
    /// Entries that nearer ones have replaced, or whose timers have ended.
    private var dead = 0
    private var wakeUp: TimerToken?
    private let schedule: (Int64) -> TimerToken

    /// - Parameter schedule: asks for a call of ``fire(now:)`` on the loop at an instant.
    init(schedule: @escaping (Int64) -> TimerToken) { self.schedule = schedule }

    /// The number of entries, for tests.
    package var count: Int { heap.count }

    fileprivate func arm(_ timer: LoopTimer, at instant: Int64) {
        if timer.armed < .max { discarded() }
        timer.armed = instant
        heap.insert(Entry(instant: instant, timer: timer))
        scheduleWakeUp()
    }

    /// An entry will not fire any more. Once most are such, they go: their timers would live until their instants.
    fileprivate func discarded() {
        dead += 1
        guard dead > 64, dead > heap.count / 2 else { return }
        dead = 0
        heap = Heap(heap.unordered.filter { $0.timer.armed == $0.instant })
    }

    /// Fires every timer whose deadline has passed.
    func fire(now: Int64) {
        scheduled = .max
        wakeUp = nil
        while let next = heap.min, next.instant <= now {
            heap.removeMin()
            let timer = next.timer
            // An entry that a nearer one has replaced.
            guard timer.armed == next.instant else {
                dead = max(0, dead - 1)
                continue
            }
            timer.armed = .max
            if timer.deadline <= now {
                timer.deadline = .max
                timer.action?()
            } else if timer.deadline < .max {
                timer.armed = timer.deadline
                heap.insert(Entry(instant: timer.deadline, timer: timer))
            }
        }
        scheduleWakeUp()
    }

    private func scheduleWakeUp() {
        guard let next = heap.min, next.instant < scheduled else { return }
        wakeUp?.cancel()
        scheduled = next.instant
        wakeUp = schedule(next.instant)
    }
}

/// One deadline that can be moved, on one loop.
package final class LoopTimer {
    @exclusivity(unchecked) fileprivate var armed = Int64.max
    @exclusivity(unchecked) fileprivate var deadline = Int64.max
    fileprivate var action: (() -> Void)?
    private let timers: LoopTimers

    /// - Parameter action: called on the loop when the deadline passes; must not hold its owner strongly, or the owner
    ///   calls ``invalidate()``.
    package init(on timers: LoopTimers, _ action: @escaping () -> Void) {
        self.timers = timers
        self.action = action
    }

    /// Moves the deadline to `instant`.
    package func set(_ instant: Int64) {
        deadline = instant
        if instant < armed { timers.arm(self, at: instant) }
    }

    /// Lets no deadline pass until the next ``set(_:)``.
    package func clear() { deadline = .max }

    /// Ends the timer for good and lets go of its action.
    package func invalidate() {
        deadline = .max
        action = nil
        guard armed < .max else { return }
        armed = .max
        timers.discarded()
    }
}
