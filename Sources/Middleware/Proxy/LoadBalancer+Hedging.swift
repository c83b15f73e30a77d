import HTTPTypes

/// Hedged requests: further tries of what takes long; the first answer that is to be passed on counts.
extension LoadBalancer {
    func hedge(
        _ request: consuming Request, _ hedging: Hedging, _ tries: consuming Tries, _ context: RequestContext
    ) async throws -> Response {
        let race = HedgeRace(context)
        defer { race.giveUp() }
        var tries = tries
        let request = request
        start(request, on: try choose(for: tries, context), in: race, &tries)
        var mayStart = true
        while true {
            switch try await race.next(within: mayStart ? hedging.delay : nil) {
            case .delayed:
                mayStart = hedgeOnce(request, in: race, &tries, context) && tries.tried.count < hedging.tries
            case .ended(let number, let result):
                guard parts.isFinal(result) || race.isOver else {
                    // The others may still do better.
                    result.discard()
                    continue
                }
                race.choose(number)
                if number > 0 { BalancerMetric.hedgesWon.increment() }
                tries.settle(on: race.tried[number])
                return try await tryAgain(request, after: result, &tries, context)
            }
        }
    }

    /// Starts one more try on another endpoint, if there is one and the budget allows it.
    private func hedgeOnce(
        _ request: Request, in race: HedgeRace, _ tries: inout Tries, _ context: RequestContext
    ) -> Bool {
        let view = parts.cluster.view(context)
        guard view.snapshot.selections[parts.selection].hasOther(than: tries.tried),
            parts.budget.withdraw(at: context.worker.eventNow), parts.roster.load.retries.enter()
        else { return false }
        guard let choice = try? choose(for: tries, context) else {
            parts.roster.load.retries.leave()
            return false
        }
        BalancerMetric.hedges.increment()
        start(request, on: choice, in: race, &tries)
        return true
    }

    private func start(
        _ request: Request, on choice: EndpointChoice, in race: HedgeRace, _ tries: inout Tries
    ) {
        tries.append(choice.state)
        race.start(request, on: choice, by: self)
    }
}
