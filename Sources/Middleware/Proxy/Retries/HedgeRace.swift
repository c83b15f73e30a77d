import HTTPTypes

/// The tries of one request that are under way at the same time. On the loop of its context only.
///
/// Unchecked for that reason: its tasks run on the executor of that loop.
final class HedgeRace: ContextWait, @unchecked Sendable {
    /// What happened first.
    enum Event {
        /// A try has ended, the one of that number.
        case ended(Int, TryResult)
        /// The delay has passed, and nothing has ended.
        case delayed
    }

    /// A try: its task, and the 1xx answers that the client has not seen.
    private final class Runner {
        let state: EndpointState
        let context: RequestContext
        var task: Task<Void, Never>?
        var interim: [(HTTPResponse.Status, Headers)] = []

        init(_ state: EndpointState, _ context: RequestContext) {
            self.state = state
            self.context = context
        }
    }

    private let context: RequestContext
    private var runners: [Runner] = []
    private var ended: [(Int, TryResult)] = []
    private var continuation: UnsafeContinuation<Ferry<Event>, any Error>?
    private var timer: LoopTimer?
    private var isDecided = false
    private var running = 0

    init(_ context: RequestContext) { self.context = context }

    /// Whether every try has ended and been looked at.
    var isOver: Bool { running == 0 && ended.isEmpty }

    /// The endpoints of the tries, in order.
    var tried: [EndpointState] { runners.map(\.state) }

    /// Starts one more try, in a context of its own.
    func start(_ request: Request, on choice: EndpointChoice, by balancer: LoadBalancer) {
        let number = runners.count
        let fork = context.fork()
        let runner = Runner(choice.state, fork)
        runners.append(runner)
        running += 1
        fork.informational = { [unowned runner] status, headers in runner.interim.append((status, headers)) }
        let call = Ferry((balancer, request, choice, fork))
        runner.task = Task(executorPreference: context.worker.executor) { [self] in
            let (balancer, request, choice, fork) = call.value
            let result = await balancer.send(request, to: choice, fork)
            if number > 0 { balancer.parts.roster.load.retries.leave() }
            finish(number, result)
        }
    }

    private func finish(_ number: Int, _ result: TryResult) {
        running -= 1
        guard !isDecided else {
            result.discard()
            return
        }
        guard let continuation = take() else {
            ended.append((number, result))
            return
        }
        continuation.resume(returning: Ferry(.ended(number, result)))
    }

    /// Waits for what happens next.
    ///
    /// - Parameter delay: after which ``Event/delayed`` happens; `nil` for never.
    func next(within delay: Duration?) async throws -> Event {
        if !ended.isEmpty {
            let (number, result) = ended.removeFirst()
            return .ended(number, result)
        }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { begin($0, within: delay) }
        } onCancel: {
            context.worker.perform { self.interrupt(CancellationError()) }
        }.value
    }

    private func begin(_ continuation: UnsafeContinuation<Ferry<Event>, any Error>, within delay: Duration?) {
        do {
            if Task.isCancelled { throw CancellationError() }
            try context.cancellation.begin(self)
        } catch {
            continuation.resume(throwing: error)
            return
        }
        self.continuation = continuation
        guard let delay else { return }
        let timer = LoopTimer(on: context.worker.timers) { [weak self] in
            self?.take()?.resume(returning: Ferry(.delayed))
        }
        self.timer = timer
        let (end, overflow) = context.worker.now.addingReportingOverflow(delay.nanoseconds)
        timer.set(overflow ? .max : end)
    }

    func interrupt(_ error: any Error) { take()?.resume(throwing: error) }

    private func take() -> UnsafeContinuation<Ferry<Event>, any Error>? {
        guard let continuation else { return nil }
        self.continuation = nil
        timer?.invalidate()
        timer = nil
        context.cancellation.end(self)
        return continuation
    }

    /// Ends the race for that try: its 1xx answers go to the client, the other tries are given up.
    func choose(_ number: Int) {
        for (status, headers) in runners[number].interim { context.forwardInformational(status, headers) }
        // The limits that those around the balancer have set for the head are theirs to lift.
        runners[number].context.liftInherited()
        context[UpstreamEndpointKey.self] = runners[number].state.endpoint.text
        giveUp()
    }

    /// Gives up every try that is under way, and what has ended unseen.
    func giveUp() {
        isDecided = true
        for runner in runners { runner.task?.cancel() }
        for (_, late) in ended { late.discard() }
        ended = []
    }
}
