/// The body of a request of which a copy is made: passes on what comes, and starts the copy at its end.
///
/// Nobody but the request's own handler reads here, so that the recording goes at its pace. A copy that read along would
/// pull ahead of a slow origin and take the bytes from it that are no longer kept.
final class CopiedBody: BodySource {
    private struct Pending {
        let recorded: RecordedBody
        let copy: ShadowCopy
        let context: RequestContext
    }

    private let source: any BodySource
    /// What is to come at the end; `nil` once it came, or cannot come any more.
    private var pending: Pending?

    init(_ source: any BodySource, _ recorded: RecordedBody, _ copy: ShadowCopy, _ context: RequestContext) {
        self.source = source
        pending = Pending(recorded: recorded, copy: copy, context: context)
    }

    deinit { giveUp(.incomplete) }

    var knownLength: Int? { source.knownLength }
    var isReady: Bool { source.isReady }

    func read() async throws -> BodyPart {
        do {
            let part = try await source.read()
            if case .end = part { start() } else if pending?.recorded.isReplayable == false { giveUp(.longRequest) }
            return part
        } catch {
            giveUp(.incomplete)
            throw error
        }
    }

    func cancel(_ reason: any Error) {
        giveUp(.incomplete)
        source.cancel(reason)
    }

    private func start() {
        guard let pending else { return }
        self.pending = nil
        pending.copy.start(with: pending.recorded.reader(), pending.context)
    }

    /// Lets go of the recording, so that no more of the body is kept.
    private func giveUp(_ outcome: CopyOutcome) {
        guard pending != nil else { return }
        pending = nil
        ShapingMetric.copies[outcome].increment()
    }
}
