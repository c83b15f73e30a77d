public import Middleware
import NIOCore

/// A body source that does what a test says, and tells what became of it.
///
/// ```swift
/// let source = ScriptedSource([.bytes("first "), .hang])
/// var request = Request(.post, "/upload")
/// request.body = .stream(source)
/// ```
///
/// It never pins an outcome on its reader: what was read, whether it was cancelled and whether it was dropped is in
/// ``record``, which outlives it. Safe to use from any thread, with one reader.
public final class ScriptedSource: BodySource, Sendable {
    /// One read.
    public enum Step: Sendable {
        /// Gives these bytes at once.
        case bytes(String)
        /// Gives nothing until the source is cancelled.
        case hang
        /// Throws.
        case fail(any Error)
        /// Ends, with a trailer section.
        case end(trailers: Headers?)
    }

    /// What became of a source.
    public final class Record: Sendable {
        fileprivate struct State: Sendable {
            var steps: [Step]
            var bytesRead = 0
            var cancellation: (any Error)?
            var isDropped = false
            var isOver = false
        }

        fileprivate let state: Watched<State>

        fileprivate init(_ steps: [Step]) { state = Watched(State(steps: steps)) }

        /// The bytes that were read.
        public var bytesRead: Int { state.value.bytesRead }

        /// Whether it was cancelled before its end.
        public var isCancelled: Bool { state.value.cancellation != nil }

        /// Whether nobody holds it any more.
        public var isDropped: Bool { state.value.isDropped }

        /// Whether the other side is free: the source was read to its end, failed, was cancelled or was dropped.
        public var isReleased: Bool { Self.isReleased(state.value) }

        /// Waits until the other side is free; returns early when the task is cancelled.
        public func waitUntilReleased() async { await state.wait { Self.isReleased($0) } }

        private static func isReleased(_ state: State) -> Bool {
            state.isOver || state.isDropped || state.cancellation != nil
        }
    }

    /// What became of it.
    public let record: Record
    public let knownLength: Int?

    /// A source that takes these steps; the end follows the last unless the steps come to none of their own.
    public init(_ steps: [Step], knownLength: Int? = nil) {
        record = Record(steps)
        self.knownLength = knownLength
    }

    deinit { record.state.change { $0.isDropped = true } }

    public var isReady: Bool {
        let state = record.state.value
        guard state.cancellation == nil, !state.isOver, case .hang? = state.steps.first else { return true }
        return false
    }

    public func read() async throws -> BodyPart {
        switch try next() {
        case .bytes(let text):
            return .bytes(ByteBuffer(string: text))
        case .end(let trailers):
            return .end(trailers: trailers)
        case .fail(let error):
            throw error
        case .hang:
            await record.state.wait { $0.cancellation != nil }
            throw record.state.value.cancellation ?? CancellationError()
        }
    }

    public func cancel(_ reason: any Error) {
        record.state.change { state in
            if state.cancellation == nil, !state.isOver { state.cancellation = reason }
        }
    }

    private func next() throws -> Step {
        let step = record.state.change { state -> Result<Step, any Error> in
            if let reason = state.cancellation { return .failure(reason) }
            guard !state.isOver else { return .failure(BodyConsumed()) }
            guard let step = state.steps.first else {
                state.isOver = true
                return .success(.end(trailers: nil))
            }
            switch step {
            case .bytes(let text):
                state.bytesRead += text.utf8.count
                state.steps.removeFirst()
            case .fail, .end:
                state.isOver = true
            case .hang:
                break
            }
            return .success(step)
        }
        return try step.get()
    }
}
