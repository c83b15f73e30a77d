import Synchronization

/// Counts objects that a test puts where something could hold them for too long.
///
/// ```swift
/// let lives = Lives()
/// let handler = HandlerFunction { _, context in
///     let life = lives.begin()
///     defer { withExtendedLifetime(life) {} }
///     …
/// }
/// #expect(await eventually { lives.begun == 1 && lives.left == 0 })
/// ```
///
/// Safe to use from any thread.
final class Lives: Sendable {
    /// One of them; counted until nobody holds it.
    final class Life: Sendable {
        private let lives: Lives

        fileprivate init(_ lives: Lives) { self.lives = lives }

        deinit { lives.ended.add(1, ordering: .sequentiallyConsistent) }
    }

    private let started = Atomic<Int>(0)
    private let ended = Atomic<Int>(0)

    /// How many have begun.
    var begun: Int { started.load(ordering: .sequentiallyConsistent) }

    /// How many are held by somebody.
    var left: Int { begun - ended.load(ordering: .sequentiallyConsistent) }

    func begin() -> Life {
        started.add(1, ordering: .sequentiallyConsistent)
        return Life(self)
    }
}
