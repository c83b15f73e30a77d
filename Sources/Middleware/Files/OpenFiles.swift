import NIOPosix
import Synchronization

/// Files that were opened lately, so that the next request for one needs neither a walk nor a thread.
///
/// Bounded in number and in time: the time is how long a change can go unnoticed that the file itself does not show,
/// such as a folder that was renamed. Safe to use from any thread.
final class OpenFiles: Sendable {
    struct Key: Hashable, Sendable {
        /// The path as it was asked for.
        let path: [UInt8]
        /// The codings that the client takes, the preferred one first.
        let codings: [Files.Coding]
    }

    private struct Slot {
        let file: ServedFile
        let end: Int64
    }

    private struct State {
        var slots: [Key: Slot] = [:]
        var isSweeping = false
    }

    private let limit: Int
    private let lifetime: Int64
    private let state = Mutex(State())

    init(limit: Int, lifetime: Duration) {
        self.limit = limit
        self.lifetime = lifetime.nanoseconds
    }

    /// The file that was opened for that.
    func file(for key: Key, at now: Int64) -> ServedFile? {
        guard limit > 0 else { return nil }
        return state.withLock { state in
            guard let slot = state.slots[key], slot.end > now else { return nil }
            return slot.file
        }
    }

    /// Keeps a file. When there are too many, any other goes.
    func keep(_ file: ServedFile, for key: Key, at now: Int64, _ time: any TimeSource) {
        // Another file system could make a loop wait for the least of questions.
        guard limit > 0, lifetime > 0, file.isReadAtOnce else { return }
        let wait = file.settlesIn.map { min(lifetime, $0.nanoseconds) } ?? lifetime
        let (end, overflow) = now.addingReportingOverflow(wait)
        // What goes is let go of behind the lock: closing takes its time.
        let (mustSweep, gone) = state.withLock { state in
            var gone: [Slot?] = []
            if state.slots.count >= limit, state.slots[key] == nil, let other = state.slots.first {
                gone.append(state.slots.removeValue(forKey: other.key))
            }
            gone.append(state.slots.updateValue(Slot(file: file, end: overflow ? .max : end), forKey: key))
            defer { state.isSweeping = true }
            return (!state.isSweeping, gone)
        }
        withExtendedLifetime(gone) {}
        if mustSweep { sweepLater(time) }
    }

    /// Forgets a file that is not what it was.
    func forget(_ file: ServedFile, for key: Key) {
        let gone = state.withLock { state in
            state.slots[key]?.file === file ? state.slots.removeValue(forKey: key) : nil
        }
        withExtendedLifetime(gone) {}
    }

    /// Closes what nobody asks for any more: a file that was deleted occupies its space until then.
    private func sweepLater(_ time: any TimeSource) {
        _ = time.schedule(at: time.now.advanced(by: .nanoseconds(lifetime))) { [weak self] in self?.sweep(time) }
    }

    private func sweep(_ time: any TimeSource) {
        let now = time.now.nanoseconds
        let (isLeft, gone) = state.withLock { state in
            let gone = state.slots.filter { $0.value.end <= now }
            for key in gone.keys { state.slots.removeValue(forKey: key) }
            state.isSweeping = !state.slots.isEmpty
            return (state.isSweeping, gone)
        }
        withExtendedLifetime(gone) {}
        if isLeft { sweepLater(time) }
    }
}
