package import CoreMetrics
import Synchronization

/// A recorder that is asked of its factory when it is needed for the first time, and no recorder when that factory
/// records nothing.
package final class LazyRecorder<Recorder: Sendable>: Sendable {
    private final class Slot: Sendable {
        let recorder: Recorder

        init(_ recorder: Recorder) { self.recorder = recorder }
    }

    // Beside the slot, so that the silent case touches no reference count that all loops share.
    private let state = Atomic<UInt8>(RecorderState.unasked)
    private let slot = AtomicLazyReference<Slot>()
    private let factory: (any MetricsFactory)?
    private let make: @Sendable (any MetricsFactory) -> Recorder

    package init(in factory: (any MetricsFactory)?, make: @escaping @Sendable (any MetricsFactory) -> Recorder) {
        self.factory = factory
        self.make = make
    }

    /// The recorder; `nil` when nothing is recorded.
    package var value: Recorder? {
        switch state.load(ordering: .acquiring) {
        case RecorderState.silent: nil
        case RecorderState.recording: slot.load()?.recorder
        default: ask()
        }
    }

    private func ask() -> Recorder? {
        let factory = self.factory ?? MetricsSystem.factory
        guard !(factory is NOOPMetricsHandler) else {
            state.store(RecorderState.silent, ordering: .releasing)
            return nil
        }
        let recorder = slot.storeIfNil(Slot(make(factory))).recorder
        state.store(RecorderState.recording, ordering: .releasing)
        return recorder
    }
}

/// Beside the class, since a generic type holds no static value.
private enum RecorderState {
    static let unasked: UInt8 = 0
    static let silent: UInt8 = 1
    static let recording: UInt8 = 2
}
