import Synchronization

/// How many copies one mirror makes at once.
final class CopyPlaces: Sendable {
    /// The place of one copy, which ends when it is left or dropped.
    final class Place: Sendable {
        private let places: CopyPlaces
        private let isHeld = Atomic<Bool>(true)

        fileprivate init(_ places: CopyPlaces) { self.places = places }

        deinit { leave() }

        /// Gives it back, once.
        func leave() {
            guard isHeld.exchange(false, ordering: .relaxed) else { return }
            ShapingMetric.copying.decrement()
            places.taken.subtract(1, ordering: .relaxed)
        }
    }

    private let limit: Int
    private let taken = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// A place; `nil` when all are taken.
    func take() -> Place? {
        guard taken.add(1, ordering: .relaxed).newValue <= limit else {
            taken.subtract(1, ordering: .relaxed)
            return nil
        }
        ShapingMetric.copying.increment()
        return Place(self)
    }
}
