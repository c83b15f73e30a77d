import DequeModule
import Synchronization

/// The places of one concurrency limit, and who waits for one.
///
/// Whoever is queued is given a place or has left the queue himself, never both and never neither: both happen under
/// the one lock. A place that comes free goes to the first in the queue without being free in between, so that nobody
/// who comes later overtakes.
///
/// Safe to use from any thread.
package final class ConcurrencyPlaces: Sendable {
    /// What requests are counted by.
    package enum Key: Hashable, Sendable {
        case everything
        case address(IPAddress?)
        case text(String)
    }

    /// What becomes of a request.
    package enum Entry: Sendable {
        case entered(ConcurrencyPlace)
        case queued(ConcurrencyWait)
        case full
    }

    private struct Line {
        var running = 0
        var waiting = Deque<ConcurrencyWait>()
    }

    private let limit: Int
    private let queue: Int
    private let lines = Mutex<[Key: Line]>([:])

    package init(limit: Int, queue: Int) {
        self.limit = limit
        self.queue = queue
    }

    /// The requests that hold a place and those that wait for one, and the number of keys in use, for tests.
    package var counts: (running: Int, waiting: Int, keys: Int) {
        lines.withLock { lines in
            (lines.values.reduce(0) { $0 + $1.running }, lines.values.reduce(0) { $0 + $1.waiting.count }, lines.count)
        }
    }

    /// Takes a place, or joins the queue with a waiter that is made for it.
    package func enter(_ key: Key, waiter: () -> ConcurrencyWait) -> Entry {
        let entry: Entry = lines.withLock { lines in
            let waiting = lines[key]?.waiting.count ?? 0
            if waiting == 0, lines[key]?.running ?? 0 < limit {
                lines[key, default: Line()].running += 1
                return .entered(ConcurrencyPlace(in: self, key))
            }
            guard waiting < queue else { return .full }
            let wait = waiter()
            lines[key, default: Line()].waiting.append(wait)
            return .queued(wait)
        }
        if case .entered = entry { LimitMetric.running.increment() }
        if case .queued = entry { LimitMetric.queued.increment() }
        return entry
    }

    /// Takes a waiter out of the queue; `false` when a place is on its way to it.
    func abandon(_ wait: ConcurrencyWait, _ key: Key) -> Bool {
        let isFound = lines.withLock { lines in
            // Most leave from the front, where those stand who came first.
            guard let index = lines[key]?.waiting.firstIndex(where: { $0 === wait }) else { return false }
            lines[key]?.waiting.remove(at: index)
            return true
        }
        if isFound { LimitMetric.queued.decrement() }
        return isFound
    }

    /// Hands a place on to the first in the queue, or frees it.
    fileprivate func leave(_ key: Key) {
        let next = lines.withLock { lines -> ConcurrencyWait? in
            if let next = lines[key]?.waiting.popFirst() { return next }
            lines[key]?.running -= 1
            if lines[key]?.running == 0 { lines[key] = nil }
            return nil
        }
        guard let next else {
            LimitMetric.running.decrement()
            return
        }
        LimitMetric.queued.decrement()
        next.receive(ConcurrencyPlace(in: self, key))
    }
}

/// A place that is held until it is left or dropped. Safe to use from any thread.
package final class ConcurrencyPlace: Sendable {
    private let places: ConcurrencyPlaces
    private let key: ConcurrencyPlaces.Key
    private let isLeft = Atomic<Bool>(false)

    fileprivate init(in places: ConcurrencyPlaces, _ key: ConcurrencyPlaces.Key) {
        self.places = places
        self.key = key
    }

    deinit { leave() }

    /// Gives it back, once.
    package func leave() {
        guard !isLeft.exchange(true, ordering: .acquiringAndReleasing) else { return }
        places.leave(key)
    }
}
