package import NIOCore
import Synchronization

/// Looking at the first bytes of a connection before it is known who takes it.
extension Connection {
    /// What came of a look.
    package enum Peek<Decision: Sendable>: Sendable {
        case decided(Decision)
        /// The far side sent no more, and the bytes until then decided nothing.
        case ended
        /// Time was up.
        case timedOut
    }

    /// Reads until `decide` has decided, and puts what was read back in front of what follows: the next reader sees
    /// the connection from its first byte.
    ///
    /// `decide` gets all that has come each time, and has to decide at some length: nothing else bounds what is held.
    /// Throws what a read throws. After a time-out the connection is closed.
    package nonisolated(nonsending) borrowing func peek<Decision: Sendable>(
        within limit: Duration, _ decide: (ByteBuffer) -> Decision?
    ) async throws -> Peek<Decision> {
        let watch = PeekLimit(owner.bytes, limit)
        defer { watch.stop() }
        var received = ByteBuffer()
        while let more = try await read() {
            received.join(more)
            guard let decision = decide(received) else { continue }
            unread(received)
            return .decided(decision)
        }
        return watch.hasPassed ? .timedOut : .ended
    }
}

/// Closes a connection of which the first bytes do not come in time, so that its reader wakes up.
///
/// Unchecked because the timer is touched on its worker's loop only.
private final class PeekLimit: @unchecked Sendable {
    private let bytes: ConnectionBytes
    private let passed = Atomic(false)
    private var timer: LoopTimer?

    init(_ bytes: ConnectionBytes, _ limit: Duration) {
        self.bytes = bytes
        let worker = bytes.worker
        worker.perform {
            let timer = LoopTimer(on: worker.timers) { [weak self] in self?.pass() }
            let (end, overflow) = worker.now.addingReportingOverflow(limit.nanoseconds)
            timer.set(overflow ? .max : end)
            self.timer = timer
        }
    }

    var hasPassed: Bool { passed.load(ordering: .acquiring) }

    func stop() {
        bytes.worker.perform {
            self.timer?.invalidate()
            self.timer = nil
        }
    }

    private func pass() {
        passed.store(true, ordering: .releasing)
        bytes.close()
    }
}
