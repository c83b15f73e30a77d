import HTTPTypes

/// The way of requests that need more than one choice and one forward.
extension LoadBalancer {
    /// A request that belongs to a session, may be hedged, or whose tries have a limit or a field of their own.
    func handleWithExtras(_ request: consuming Request, _ context: RequestContext) async throws -> Response {
        var tries = Tries()
        if let field = parts.configuration.deadlineField { request.headers.remove(field) }
        if let sessions = parts.sessions {
            let view = parts.cluster.view(context)
            tries.session = sessions.table(of: view.snapshot, on: context.worker).takeSession(from: &request, context)
        }
        if let key = parts.key { tries.hash = key.hash(request, context) }
        tries.recording = try parts.record(&request)
        parts.budget.deposit(at: context.worker.eventNow)
        if let hedging = parts.configuration.hedging, request.method.isSafe, request.body.isReplayable {
            return try await hedge(request, hedging, tries, context)
        }
        let result = try await attempt(copy request, &tries, context)
        return try await tryAgain(request, after: result, &tries, context)
    }

    /// One try on an endpoint that was not tried before, if there is one.
    ///
    /// Throws what keeps the request from being sent at all; how the try ends is its result.
    func attempt(_ request: Request, _ tries: inout Tries, _ context: RequestContext) async throws -> TryResult {
        let choice = try choose(for: tries, context)
        tries.append(choice.state)
        return await send(request, to: choice, context)
    }

    /// One try on that endpoint.
    func send(_ request: Request, to choice: EndpointChoice, _ context: RequestContext) async -> TryResult {
        var request = request
        let isStreamed = !request.body.isReplayable
        let timeout = parts.configuration.retries.tryTimeout
        let scope = timeout.map { context.limit(to: $0) }
        if let field = parts.configuration.deadlineField { request.setDeadline(field, of: context) }
        let began = parts.measures ? context.worker.now : 0
        do {
            let response = try await parts.forwarder.forwardOnLoop(
                request, to: choice.endpoint, context: context, observer: choice.state)
            scope?.lift()
            parts.answered(
                response.status.code, isWhole: response.body.isReplayable, by: choice, since: began, context)
            return .answered(response)
        } catch {
            scope?.lift()
            guard parts.isTryTimeout(error, context) else {
                parts.failed(error, by: choice, context)
                return .failed(error)
            }
            let failure = ProxyFailure(tryOf: choice.endpoint)
            if isStreamed {
                // It may have been the client who was slow, and a client must not be able to put endpoints out.
                choice.state.end()
                parts.roster.abandon(choice)
            } else {
                parts.failed(failure, by: choice, context)
            }
            return .failed(failure)
        }
    }

    /// Further tries after one that failed or whose answer is not to be passed on, as far as the policy allows.
    func tryAgain(
        _ request: consuming Request, after result: consuming TryResult, _ tries: inout Tries, _ context: RequestContext
    ) async throws -> Response {
        var (request, result) = (request, result)
        while !parts.isFinal(result) {
            guard let wait = parts.waitBeforeNextTry(after: result, of: request, tries, context) else { break }
            if wait > .zero { try await context.sleep(for: wait) }
            // Where there is no other endpoint, or none for the session, what the last one has said stands.
            guard tries.recording?.isReplayable ?? true, parts.roster.load.retries.enter() else { break }
            defer { parts.roster.load.retries.leave() }
            guard let choice = try? choose(for: tries, context) else { break }
            tries.append(choice.state)
            if let recording = tries.recording { request.body = recording.reader() }
            result.discard()
            result = await send(copy request, to: choice, context)
        }
        return try bound(result, tries, context)
    }

    /// The endpoint for the next try, counted in: the one of the session, if the request belongs to one.
    func choose(for tries: Tries, _ context: RequestContext) throws -> EndpointChoice {
        if let sessions = parts.sessions, let session = tries.session {
            let snapshot = parts.cluster.view(context).snapshot
            let selection = snapshot.selections[parts.selection]
            let table = sessions.table(of: snapshot, on: context.worker)
            var refused = tries.tried
            // A session that a cookie keeps stays at an endpoint which stands by now; names go by who has a share.
            func isUsable(_ state: EndpointState) -> Bool {
                (selection.contains(state) || !session.isHashed && state.isAvailable)
                    && !refused.contains { $0 === state }
            }
            while case .endpoint(let state) = table.choice(for: session, isUsable: isUsable) {
                if let choice = parts.cluster.take(state) { return choice }
                refused.append(state)
            }
            if case .refused = table.choice(for: session, isUsable: { _ in false }) {
                throw SessionRefused(answer: Ferry(table.refusal(of: session)))
            }
        }
        return try parts.cluster.endpoint(
            hash: tries.hash, excluding: tries.tried, selection: parts.selection, context: context)
    }

    /// The answer for the client, with what it is to know of its session.
    func bound(_ result: consuming TryResult, _ tries: Tries, _ context: RequestContext) throws -> Response {
        var response = try result.get()
        if let sessions = parts.sessions, let session = tries.session, let state = tries.last {
            let table = sessions.table(of: parts.cluster.view(context).snapshot, on: context.worker)
            table.bind(&response, of: session, to: state)
        }
        return response
    }
}

/// A session whose endpoint cannot be chosen, and that must go to no other.
struct SessionRefused: Error {
    let answer: Ferry<Response>
}

extension LoadBalancer.Parts {
    /// Records a streamed body that may have to be sent again.
    func record(_ request: inout Request) throws -> RecordedBody? {
        guard case .stream = request.body.storage, retries > 0, request.method.isIdempotent, !request.body.isLive else {
            return nil
        }
        let recording = try RecordedBody(recording: request.body, upTo: configuration.retries.recordedBytes)
        request.body = recording.reader()
        return recording
    }

    /// Whether a result needs no look at the policy.
    func isFinal(_ result: borrowing TryResult) -> Bool {
        if case .answered(let response) = copy result { return !statuses.contains(response.status.code) }
        return false
    }

    /// The head of an answer has come.
    @inline(__always)
    func answered(
        _ status: Int, isWhole: Bool, by choice: EndpointChoice, since began: Int64, _ context: RequestContext
    ) {
        var taken: Int64 = 0
        let now: Int64
        if measures {
            now = context.worker.now
            taken = now - began
            if readsResponseTime { choice.state.responseTime.observe(taken, at: now) }
        } else {
            now = context.worker.eventNow
        }
        roster.report(.answered(status: status, nanoseconds: taken), of: choice, isWhole: isWhole, at: now)
    }

    /// A try has ended without an answer.
    func failed(_ error: any Error, by choice: EndpointChoice, _ context: RequestContext) {
        choice.state.end()
        if let failure = error as? ProxyFailure, let evidence = Evidence(failure) {
            roster.report(evidence, of: choice, at: context.worker.eventNow)
        } else {
            roster.abandon(choice)
        }
    }

    /// Whether an error is the end of a try's own time, and not of the request's.
    func isTryTimeout(_ error: any Error, _ context: RequestContext) -> Bool {
        guard configuration.retries.tryTimeout != nil, error is DeadlineExceeded else { return false }
        guard let deadline = context.deadline else { return true }
        return deadline.nanoseconds > context.worker.now
    }
}

extension ProxyFailure {
    /// A try took longer than it may.
    fileprivate init(tryOf endpoint: Endpoint) {
        self.init(.responseHead, .origin, .timedOut, endpoint: endpoint.text, detail: "the try took too long")
    }
}

extension Evidence {
    /// What a failure says of the endpoint; `nil` when it says nothing.
    init?(_ failure: ProxyFailure) {
        switch (failure.phase, failure.side, failure.cause) {
        case (_, .client, _), (_, _, .full), (_, _, .unavailable), (_, _, .cancelled), (_, _, .loop),
            (_, _, .unsupported),
            (.pool, _, _):
            return nil
        case (.resolve, _, _), (.connect, _, _): self = failure.cause == .timedOut ? .timedOut : .notConnected
        case (_, .gateway, _): return nil
        case (_, _, .timedOut): self = .timedOut
        case (_, _, .malformed), (_, _, .tooLarge): self = .malformed
        default: self = .brokeOff
        }
    }
}

extension HTTPRequest.Method {
    /// Whether it asks for nothing to change: RFC 9110 section 9.2.1.
    fileprivate var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        default: false
        }
    }
}

extension Request {
    /// Tells the endpoint how much time is left.
    fileprivate mutating func setDeadline(_ field: HTTPField.Name, of context: RequestContext) {
        guard let deadline = context.deadline else { return }
        let left = max(0, (deadline.nanoseconds - context.worker.now) / 1_000_000)
        headers[field] = "\(left)"
    }
}
