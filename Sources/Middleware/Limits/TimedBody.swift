/// A body whose parts, and whose end, have to come in time.
///
/// It waits on behalf of its context like every wait of the library, and gives up its source when that wait is ended:
/// so the limits hold for sources that know nothing of contexts.
package final class TimedBody: BodySource, ContextWait {
    private let source: any BodySource
    private let idle: Duration?
    /// The instant by which the body has to end, in the worker's nanoseconds.
    private let end: Int64
    /// Let go of at the end, so that the server can use it again.
    private var context: RequestContext?
    private var whole: DeadlineScope?
    private var interruption: (any Error)?

    package init(
        _ source: any BodySource,
        idle: Duration?,
        whole: Duration?,
        since began: Int64,
        _ context: RequestContext
    ) {
        self.source = source
        self.idle = idle
        self.context = context
        guard let whole else {
            end = .max
            return
        }
        let (end, overflow) = began.addingReportingOverflow(whole.nanoseconds)
        self.end = overflow ? .max : end
        self.whole = context.limit(to: .nanoseconds(self.end - context.worker.now))
    }

    package var knownLength: Int? { source.knownLength }
    package var isReady: Bool { interruption != nil || source.isReady }

    package func read() async throws -> BodyPart {
        if let interruption { throw interruption }
        guard let context else { return try await source.read() }
        // Waits belong to the loop of their context.
        guard context.worker.isCurrent else { return try await finishing { try await source.read() } }
        return try await finishing { try await wait(in: context) }
    }

    package func cancel(_ reason: any Error) {
        finish()
        source.cancel(reason)
    }

    package func interrupt(_ error: any Error) {
        interruption = error
        source.cancel(error)
    }

    private func wait(in context: RequestContext) async throws -> BodyPart {
        let began = context.worker.now
        var scope: DeadlineScope?
        // Nobody waits for what is there already.
        if let idle, !source.isReady { scope = context.limit(to: idle) }
        do {
            try context.cancellation.begin(self)
            let part = try await source.read()
            context.cancellation.end(self)
            if let scope = scope.take() { scope.lift() }
            return part
        } catch {
            context.cancellation.end(self)
            let cause = interruption ?? error
            interrupt(cause)
            count(cause, since: began, context)
            throw cause
        }
    }

    private func finishing(_ body: () async throws -> BodyPart) async throws -> BodyPart {
        do {
            let part = try await body()
            if case .end = part { finish() }
            return part
        } catch {
            finish()
            throw error
        }
    }

    private func finish() {
        whole = nil
        context = nil
    }

    private func count(_ error: any Error, since began: Int64, _ context: RequestContext) {
        guard error is DeadlineExceeded else { return }
        let now = context.worker.now
        if now >= end {
            LimitMetric.timeouts[.whole].increment()
        } else if let idle, now - began >= idle.nanoseconds {
            LimitMetric.timeouts[.idle].increment()
        }
    }
}
