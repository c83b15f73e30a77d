/// What the breakers of a cluster and of its endpoints hear, and what follows from it.
extension ClusterRoster {
    /// An exchange has ended and nothing is known of the endpoint.
    package func abandon(_ choice: EndpointChoice) {
        guard isLimited else { return }
        choice.state.breaker?.abandon(choice.admission)
        breaker?.abandon(choice.clusterAdmission)
    }

    func tellBreakers(_ evidence: Evidence, _ choice: EndpointChoice, at now: Int64) {
        if let change = choice.state.breaker?.record(evidence, of: choice.admission, at: now, random: draw()) {
            apply(change, of: choice.state, at: now)
        }
        if let change = breaker?.record(evidence, of: choice.clusterAdmission, at: now, random: draw()) {
            apply(change, of: nil, at: now)
        }
    }

    private func apply(_ change: CircuitBreaker.Change, of endpoint: EndpointState?, at now: Int64) {
        let (kind, isOpen, reason): (ClusterEvent.Kind, Bool, String) =
            switch change {
            case .opened(let nanoseconds, let reason): (.breakerOpened(for: .nanoseconds(nanoseconds)), true, reason)
            case .halfOpened: (.breakerHalfOpened, false, "")
            case .closed: (.breakerClosed, false, "")
            }
        // Half open, it is the breaker that lets few through; a closed one was half open before.
        if let endpoint {
            bar(.broken, isOpen, endpoint, kind, reason, at: now)
        } else {
            announce(kind, reason, at: now)
        }
    }

    /// Lets the breaker of the cluster half open once its time is over.
    func tickBreaker(at now: Int64) {
        if let change = breaker?.tick(at: now) { apply(change, of: nil, at: now) }
    }

    /// The same for all of them.
    func tickBreakers(at now: Int64) {
        for endpoint in states {
            if let change = endpoint.breaker?.tick(at: now) { apply(change, of: endpoint, at: now) }
        }
        tickBreaker(at: now)
    }
}
