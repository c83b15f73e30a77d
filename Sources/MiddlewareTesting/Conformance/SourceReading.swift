import Middleware
import NIOCore

/// Reads a source whose reads may come to no end.
struct SourceReading {
    /// What came of one read.
    enum Outcome: Sendable {
        case part(BodyPart)
        case failed(any Error)
        case hung

        var isFailure: Bool { if case .failed = self { true } else { false } }

        /// For an explanation.
        var words: String {
            switch self {
            case .part(.bytes(let bytes)): "gave \(bytes.readableBytes) bytes"
            case .part(.end): "gave the end"
            case .failed(let error): "threw \(error)"
            case .hung: "came to no end"
            }
        }
    }

    /// A read that may still be going on.
    struct Pending {
        let result: Watched<Outcome?>
        let task: Task<Void, Never>

        /// Whether it has ended.
        var isOver: Bool { result.value != nil }
    }

    /// Carries a source into the task that reads it. Unchecked because the task runs on the loop of its maker, and no
    /// two reads go on at once.
    private struct Ferry: @unchecked Sendable {
        let source: any BodySource
    }

    let source: any BodySource
    let worker: Worker
    let patience: Patience

    /// Starts a read, which runs at once until it suspends.
    func start() -> Pending {
        let ferry = Ferry(source: source)
        let result = Watched<Outcome?>(nil)
        let task = Task.immediate(executorPreference: worker.executor) {
            let outcome: Outcome
            do {
                outcome = .part(try await ferry.source.read())
            } catch {
                outcome = .failed(error)
            }
            result.change { if $0 == nil { $0 = outcome } }
        }
        return Pending(result: result, task: task)
    }

    /// Waits for a read.
    func finish(_ pending: Pending) async -> Outcome {
        await patience.wait(for: pending.result, ifHung: .hung)
        let outcome = pending.result.value ?? .hung
        if case .hung = outcome { pending.task.cancel() }
        return outcome
    }

    func read() async -> Outcome { await finish(start()) }

    /// Everything up to the end, or what came instead of it.
    func readAll() async -> (bytes: ByteBuffer, last: Outcome) {
        var bytes = ByteBuffer()
        while true {
            let outcome = await read()
            guard case .part(.bytes(let part)) = outcome else { return (bytes, outcome) }
            bytes.writeImmutableBuffer(part)
        }
    }
}
