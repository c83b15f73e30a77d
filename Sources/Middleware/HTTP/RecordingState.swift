import DequeModule
import NIOCore

/// The rules of a ``RecordedBody``, without threads and locks: each event gives back what is to be done with the lock
/// open.
///
/// Bytes are kept in pieces, from `start` up to `end`, where the next part begins; a reader's place is an offset into
/// them. Whoever is at the end waits, and a part goes to all who do.
struct RecordingState {
    typealias Waiter = UnsafeContinuation<BodyPart, any Error>

    struct Effects {
        enum Call {
            case none
            case pull(SourcePump)
            case cancel(SourcePump, isReading: Bool)
        }

        var wakeUps: [(Waiter, Result<BodyPart, any Error>)] = []
        var call = Call.none
        /// The source of a finished recording, to be let go with the lock open.
        var finished: SourcePump?
    }

    /// Where the parts come from.
    private enum Supply {
        case atRest(SourcePump)
        case reading(SourcePump)
        case over
    }

    /// How far a reader has come, counted in bytes from the start.
    private struct Place {
        var offset = 0
        var waiter: Waiter?
        /// What every further read throws; set once the reader has ended.
        var failure: (any Error)?
    }

    /// Bytes that are kept.
    private struct Piece {
        var start: Int
        var bytes: ByteBuffer
        /// Whether small parts may be added: the bytes are a copy of our own.
        var isOpen: Bool
    }

    private let limit: Int
    private var supply: Supply
    private var isOwned = true
    private var places: [Int: Place] = [:]
    private var lastID = 0
    private var pieces = Deque<Piece>()
    /// The first byte that is kept, and the one that the next part begins with.
    private var (start, end) = (0, 0)
    /// The last part, `.end` or a failure, once it came.
    private var ending: Result<BodyPart, any Error>?

    init(limit: Int, pump: SourcePump) {
        self.limit = limit
        supply = .atRest(pump)
    }

    var isReplayable: Bool { start == 0 }

    /// Up to this size, parts are copied together. A fraction of the limit, since pieces go as a whole.
    private var smallSize: Int { min(16 << 10, max(1, limit / 8)) }

    // MARK: Readers

    mutating func admit() -> Int {
        lastID += 1
        places[lastID] = Place(failure: isReplayable ? nil : BodyOutrun(limit: limit))
        return lastID
    }

    mutating func forget(_ id: Int) { places[id] = nil }

    func isReady(_ id: Int) -> Bool {
        guard let place = places[id] else { return true }
        return place.failure != nil || place.offset < end || ending != nil
    }

    /// The next part of a reader, if it is there without waiting.
    mutating func take(_ id: Int) -> (Result<BodyPart, any Error>?, Effects) {
        // A second read while one waits breaks the rules of `BodySource`; it gets what a read behind the end gets.
        guard var place = places[id], place.waiter == nil else { return (.failure(BodyConsumed()), Effects()) }
        if let failure = place.failure { return (.failure(failure), Effects()) }
        if place.offset < end, let bytes = bytes(from: place.offset) {
            place.offset += bytes.readableBytes
            places[id] = place
            // What is behind every reader now goes with the next part, or with the next reader that ends.
            return (.success(.bytes(bytes)), Effects())
        }
        guard let ending else { return (nil, Effects()) }
        places[id]?.failure = Self.failure(after: ending)
        return (ending, settle())
    }

    /// Takes the next part, or waits for it and has it pulled.
    mutating func wait(_ id: Int, _ waiter: Waiter) -> Effects {
        var (part, effects) = take(id)
        if let part {
            effects.wakeUps.append((waiter, part))
            return effects
        }
        places[id]?.waiter = waiter
        if case .atRest(let pump) = supply {
            supply = .reading(pump)
            effects.call = .pull(pump)
        }
        return effects
    }

    mutating func end(_ id: Int, _ reason: any Error) -> Effects {
        guard let place = places[id], place.failure == nil else { return Effects() }
        places[id]?.failure = reason
        places[id]?.waiter = nil
        var effects = settle()
        if let waiter = place.waiter { effects.wakeUps.append((waiter, .failure(reason))) }
        return effects
    }

    mutating func disown() -> Effects {
        isOwned = false
        return settle()
    }

    // MARK: The source

    mutating func deliver(_ result: Result<BodyPart, any Error>) -> Effects {
        guard case .reading(let pump) = supply else { return Effects() }
        if case .success(.bytes(let bytes)) = result {
            supply = .atRest(pump)
            guard bytes.readableBytes > 0 else { return pullAgain(pump) }
            let wakeUps = wake(with: result, advancing: bytes.readableBytes, failure: nil)
            keep(bytes)
            var effects = settle()
            effects.wakeUps = wakeUps
            return effects
        }
        supply = .over
        ending = result
        let wakeUps = wake(with: result, advancing: 0, failure: Self.failure(after: result))
        var effects = settle()
        effects.wakeUps = wakeUps
        effects.finished = pump
        return effects
    }

    /// An empty part is progress for nobody.
    private mutating func pullAgain(_ pump: SourcePump) -> Effects {
        guard places.values.contains(where: { $0.waiter != nil }) else { return settle() }
        supply = .reading(pump)
        return Effects(call: .pull(pump))
    }

    private mutating func wake(
        with result: Result<BodyPart, any Error>,
        advancing count: Int,
        failure: (any Error)?
    ) -> [(Waiter, Result<BodyPart, any Error>)] {
        end += count
        var wakeUps: [(Waiter, Result<BodyPart, any Error>)] = []
        var index = places.startIndex
        while index != places.endIndex {
            if let waiter = places.values[index].waiter {
                places.values[index] = Place(offset: end, failure: failure)
                wakeUps.append((waiter, result))
            }
            places.formIndex(after: &index)
        }
        return wakeUps
    }

    private static func failure(after ending: Result<BodyPart, any Error>) -> any Error {
        if case .failure(let error) = ending { error } else { BodyConsumed() }
    }

    // MARK: What is kept

    /// Lets go of what nobody can read, and of the source when that is all.
    private mutating func settle() -> Effects {
        guard !isOwned || !isReplayable else { return Effects() }
        var floor = end
        var isRead = false
        for place in places.values where place.failure == nil {
            floor = min(floor, place.offset)
            isRead = true
        }
        while let first = pieces.first, first.start + first.bytes.readableBytes <= floor { pieces.removeFirst() }
        start = pieces.first?.start ?? end
        guard !isRead else { return Effects() }
        defer { supply = .over }
        return switch supply {
        case .atRest(let pump): Effects(call: .cancel(pump, isReading: false))
        case .reading(let pump): Effects(call: .cancel(pump, isReading: true))
        case .over: Effects()
        }
    }

    /// Keeps a part that has just come, and cuts those readers that are now too far behind.
    private mutating func keep(_ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        let isWanted = (isOwned && isReplayable) || places.values.contains { $0.failure == nil && $0.offset < end }
        if isWanted, count <= limit {
            if count < smallSize, let last = pieces.last, last.isOpen, last.bytes.readableBytes + count <= smallSize {
                pieces[pieces.count - 1].bytes.writeImmutableBuffer(bytes)
            } else {
                // A slice would keep the whole buffer alive that it was read into.
                let isSlice = bytes.storageCapacity > 2 * count
                let own = isSlice || count < smallSize ? ByteBuffer(bytes: bytes.readableBytesView) : bytes
                pieces.append(Piece(start: end - count, bytes: own, isOpen: count < smallSize))
            }
            while let first = pieces.first, end - first.start > limit { pieces.removeFirst() }
        } else {
            pieces.removeAll()
        }
        start = pieces.first?.start ?? end
        var index = places.startIndex
        while index != places.endIndex {
            if places.values[index].failure == nil, places.values[index].offset < start {
                places.values[index].failure = BodyOutrun(limit: limit)
            }
            places.formIndex(after: &index)
        }
    }

    private func bytes(from offset: Int) -> ByteBuffer? {
        var (low, high) = (0, pieces.count)
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].start <= offset { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let piece = pieces[low - 1]
        let skipped = offset - piece.start
        return piece.bytes.getSlice(at: piece.bytes.readerIndex + skipped, length: piece.bytes.readableBytes - skipped)
    }
}

/// Makes the calls to the source, which is not `Sendable`: on the executor of the calling task, one at a time.
actor SourcePump {
    // Safe: the source is called from here alone, by calls that are isolated to this actor; the one that is not says
    // why none other can be under way.
    nonisolated(unsafe) private let source: any BodySource

    init(_ source: sending any BodySource) { self.source = source }

    func read() async -> Result<BodyPart, any Error> {
        do {
            return .success(try await source.read())
        } catch {
            return .failure(error)
        }
    }

    func cancel(_ reason: any Error) { source.cancel(reason) }

    /// Cancels at once. Only where no read is under way and none will follow, so that this is the only call.
    nonisolated func cancelAtRest(_ reason: any Error) { source.cancel(reason) }
}
