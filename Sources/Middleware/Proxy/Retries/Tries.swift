import HTTPTypes

/// How one try ended.
enum TryResult {
    /// With the head of an answer, which may be one that is tried again.
    case answered(Response)
    /// Without.
    case failed(any Error)

    /// What the client gets when it stays at that.
    consuming func get() throws -> Response {
        switch self {
        case .answered(let response): return response
        case .failed(let error): throw error
        }
    }

    /// Lets go of an answer that is not passed on.
    func discard() { if case .answered(let response) = self { response.body.discard() } }
}

/// The tries of one request.
struct Tries {
    /// The hash of the policy's key.
    var hash: UInt64?
    /// The session that the request belongs to.
    var session: Session?
    /// What is recorded of a streamed body, for it to be sent again.
    var recording: RecordedBody?
    /// The endpoints that were tried, in order; one that was tried twice stands there twice.
    private(set) var tried: [EndpointState] = []

    /// The endpoint of the last try.
    var last: EndpointState? { tried.last }

    mutating func append(_ state: EndpointState) { tried.append(state) }

    /// Makes the endpoint of one of several tries the last one.
    mutating func settle(on state: EndpointState) {
        guard let index = tried.lastIndex(where: { $0 === state }) else { return }
        tried.append(tried.remove(at: index))
    }
}

extension LoadBalancer.Parts {
    /// Why a request is not tried again.
    enum Refusal: Error {
        /// What happened is not tried again by the policy.
        case notCovered
        case obstacle(RetryObstacle)
    }

    /// How long to wait before the next try; `nil` when there is to be none.
    func waitBeforeNextTry(
        after result: borrowing TryResult, of request: borrowing Request, _ tries: borrowing Tries,
        _ context: RequestContext
    ) -> Duration? {
        do throws(Refusal) {
            return try wait(after: result, of: request, tries, context)
        } catch {
            if case .obstacle(let obstacle) = error { BalancerMetric.retriesRefused[obstacle].increment() }
            return nil
        }
    }

    private func wait(
        after result: borrowing TryResult, of request: borrowing Request, _ tries: borrowing Tries,
        _ context: RequestContext
    ) throws(Refusal) -> Duration {
        let cause: RetryCause
        var asked: Duration?
        var mayHaveBeenSeen = true
        switch copy result {
        case .answered(let response):
            cause = .status
            asked = RetryAfter.wait(response.headers, wallClock: context.runtime.time.wallClock)
        case .failed(let error):
            guard let failure = error as? ProxyFailure, configuration.retries.covers(failure),
                let known = RetryCause(failure)
            else { throw .notCovered }
            cause = known
            mayHaveBeenSeen = !failure.isRetryable
        }
        guard retries > 0 else { throw .notCovered }
        guard tries.tried.count <= retries else { throw .obstacle(.tries) }
        if mayHaveBeenSeen {
            // RFC 9110 section 9.2.2: only these may be repeated without the client's knowing.
            guard request.method.isIdempotent else { throw .obstacle(.method) }
            guard tries.recording?.isReplayable ?? request.body.isReplayable else { throw .obstacle(.body) }
        }
        let wait = try pause(asked, tries, context)
        guard budget.withdraw(at: context.worker.eventNow) else { throw .obstacle(.budget) }
        BalancerMetric.retries[cause].increment()
        return wait
    }

    private func pause(
        _ asked: Duration?, _ tries: borrowing Tries, _ context: RequestContext
    ) throws(Refusal) -> Duration {
        let view = cluster.view(context)
        if view.snapshot.selections[selection].hasOther(than: tries.tried) { return .zero }
        if let asked {
            // RFC 9110 section 10.2.3: all endpoints are asked not to be asked before then.
            guard asked <= configuration.retries.longestRetryAfter, isInTime(asked, context) else {
                throw .obstacle(.retryAfter)
            }
            return asked
        }
        let wait = configuration.retries.backoff.wait(before: tries.tried.count, random: &view.random)
        // What is at hand is worth more than the end of a deadline.
        guard isInTime(wait, context) else { throw .obstacle(.tries) }
        return wait
    }

    private func isInTime(_ wait: Duration, _ context: RequestContext) -> Bool {
        guard let deadline = context.deadline else { return true }
        return deadline.nanoseconds - context.worker.now > wait.nanoseconds
    }
}

extension RetryCause {
    fileprivate init?(_ failure: ProxyFailure) {
        switch (failure.phase, failure.cause) {
        case (.resolve, _), (.pool, _), (.connect, _): self = .connect
        case (_, .timedOut): self = .timeout
        case (_, .closed): self = .reset
        case (_, .malformed), (_, .tooLarge): self = .malformed
        default: return nil
        }
    }
}
