import Synchronization

/// Two counts over the last while, in ten slots of time. Adding takes no lock unless a slot has ended.
///
/// What is summed reaches back a whole window, and up to a slot further. An addition that meets the end of a slot on
/// another loop may land in the next one.
final class SlidingCounts: Sendable {
    /// The two counts.
    struct Sums: Sendable, Equatable {
        var first = 0
        var second = 0
    }

    private static let slotCount = 10

    /// The slots that have ended.
    private struct Ring {
        var slots = [Sums](repeating: Sums(), count: slotCount)
        var next = 0
        var sums = Sums()

        mutating func push(_ slot: Sums) {
            let old = slots[next]
            sums.first += slot.first - old.first
            sums.second += slot.second - old.second
            slots[next] = slot
            next = (next + 1) % slots.count
        }
    }

    private let slotLength: Int64
    private let slotEnd = Atomic<Int64>(.min)
    private let first = Atomic<Int>(0)
    private let second = Atomic<Int>(0)
    private let ring = Mutex(Ring())

    /// - Parameter window: in nanoseconds.
    init(window: Int64) { slotLength = max(1, window / Int64(Self.slotCount)) }

    /// Adds one to the first count, and to the second where asked.
    @inline(__always)
    func add(second isSecond: Bool = false, at now: Int64) {
        if now >= slotEnd.load(ordering: .relaxed) { ring.withLock { roll(&$0, to: now) } }
        first.add(1, ordering: .relaxed)
        if isSecond { second.add(1, ordering: .relaxed) }
    }

    /// Adds one to the second count if the sums allow it. Only one at a time decides.
    func addSecond(at now: Int64, if isAllowed: (Sums) -> Bool) -> Bool {
        ring.withLock { ring in
            guard isAllowed(sums(&ring, at: now)) else { return false }
            second.add(1, ordering: .relaxed)
            return true
        }
    }

    func sums(at now: Int64) -> Sums { ring.withLock { sums(&$0, at: now) } }

    /// Forgets everything.
    func reset() {
        ring.withLock { ring in
            ring = Ring()
            first.store(0, ordering: .relaxed)
            second.store(0, ordering: .relaxed)
        }
    }

    private func sums(_ ring: inout Ring, at now: Int64) -> Sums {
        roll(&ring, to: now)
        return Sums(
            first: ring.sums.first + first.load(ordering: .relaxed),
            second: ring.sums.second + second.load(ordering: .relaxed))
    }

    /// Ends the slots that are over.
    private func roll(_ ring: inout Ring, to now: Int64) {
        let end = slotEnd.load(ordering: .relaxed)
        guard now >= end else { return }
        let (late, overflow) = now.subtractingReportingOverflow(end)
        if !overflow {
            ring.push(
                Sums(first: first.exchange(0, ordering: .relaxed), second: second.exchange(0, ordering: .relaxed)))
            let empty = min(late / slotLength, Int64(Self.slotCount))
            for _ in 0..<empty { ring.push(Sums()) }
        }
        // Slots begin where the one before ended, or now after a pause longer than the window.
        let isRecent = !overflow && late < slotLength * Int64(Self.slotCount)
        let next = (isRecent ? end + late / slotLength * slotLength : now).addingReportingOverflow(slotLength)
        slotEnd.store(next.overflow ? .max : next.partialValue, ordering: .relaxed)
    }
}
