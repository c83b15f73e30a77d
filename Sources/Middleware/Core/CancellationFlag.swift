import Synchronization

/// Whether the task of one wait was cancelled, for waits that begin on another thread than their task's: the
/// cancellation may get there ahead of the wait, and must not be forgotten then.
package final class CancellationFlag: Sendable {
    private let value: Atomic<Bool>

    /// A flag of the current task.
    package init() { value = Atomic(Task.isCancelled) }

    package var isSet: Bool { value.load(ordering: .acquiring) }

    package func set() { value.store(true, ordering: .releasing) }
}
