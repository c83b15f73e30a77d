import HTTPTypes

/// Where the sessions of one cluster belong, for one set of its endpoints.
///
/// Every token that a cookie may hold is worked out here beforehand: a request costs the look-up of 16 bytes and no
/// hashing. (A look-up takes a time that depends on what is looked up, but on its hash under a key of this process, so that
/// nobody finds a token by the clock.) Making one costs a hash for each new endpoint and key.
///
/// It holds all endpoints of the cluster, those that take nothing new included: a session whose endpoint is sick is
/// another thing than one whose endpoint is gone.
package final class SessionTable: Sendable {
    /// The endpoint that a cookie names.
    private struct Ticket: Sendable {
        let position: Int
        /// Whether the key that it was signed with is the one that signs.
        let isCurrent: Bool
    }

    /// Where a request may go, as far as its session is concerned.
    package enum Choice {
        /// There.
        case endpoint(EndpointState)
        /// Wherever the policy says.
        case any
        /// Nowhere: ``SessionTable/refusal(of:)`` is the answer; after a first try, that try's.
        case refused
    }

    private let affinity: SessionAffinity
    private let candidates: [BalancingCandidate]
    private let seeds: [UInt64]
    private let tickets: [SessionToken: Ticket]
    /// One for each key, by endpoint.
    private let tokens: [ObjectIdentifier: [SessionToken]]
    private let cookieName: [UInt8]

    /// The table of a cluster with that name.
    ///
    /// - Parameters:
    ///   - candidates: all of its endpoints, with the weights of their configuration, on which the endpoint of a name
    ///     depends: those of slow start would move sessions with each of its steps.
    ///   - previous: the table before, whose tokens are taken over.
    package init(
        _ affinity: SessionAffinity,
        cluster: String,
        _ candidates: [BalancingCandidate],
        replacing previous: SessionTable? = nil
    ) {
        self.affinity = affinity
        self.candidates = candidates
        guard case .cookie(let cookie, let keys) = affinity.rule else {
            seeds = candidates.map { StableHash.hash($0.state.endpoint.text) }
            (tickets, tokens, cookieName) = ([:], [:], [])
            return
        }
        var (tickets, tokens) = ([SessionToken: Ticket](), [ObjectIdentifier: [SessionToken]]())
        for (position, candidate) in candidates.enumerated() {
            let state = ObjectIdentifier(candidate.state)
            let own =
                previous?.tokens[state]
                ?? keys.map { SessionToken(of: candidate.state.endpoint, in: cluster, key: $0) }
            tokens[state] = own
            for (number, token) in own.enumerated() where tickets[token] == nil {
                tickets[token] = Ticket(position: position, isCurrent: number == 0)
            }
        }
        (self.tickets, self.tokens) = (tickets, tokens)
        seeds = []
        cookieName = Array(cookie.name.utf8)
    }

    /// The session of a request, whose cookie is taken out of it. Once for each request, before the first try.
    package func takeSession(from request: inout Request, _ context: RequestContext) -> Session {
        switch affinity.rule {
        case .key(let key):
            guard let hash = key.hash(request, context) else { return Session() }
            return Session(home: home(of: hash) { _ in true }, isNamed: true, hash: hash)
        case .cookie:
            var session = Session()
            session.isEncrypted = request.scheme == "https"
            let ticket = request.headers.firstCookie(named: cookieName) { value -> Ticket? in
                session.isNamed = true
                return SessionToken(value).flatMap { tickets[$0] }
            }
            guard session.isNamed else { return session }
            request.headers.removeCookies(named: cookieName)
            if let ticket {
                session.home = candidates[ticket.position].state
                session.isCurrent = ticket.isCurrent
            }
            return session
        }
    }

    /// Where a request of that session goes.
    ///
    /// A session whose name is hashed has a second endpoint that is as steady as its first, and a third. It is asked for
    /// again with each try.
    ///
    /// - Parameter isUsable: whether an endpoint may be chosen now and has not been tried.
    package func choice(for session: Session, isUsable: (EndpointState) -> Bool) -> Choice {
        guard session.isNamed else { return .any }
        if let home = session.home, isUsable(home) { return .endpoint(home) }
        guard affinity.whenGone == .redistribute else { return .refused }
        guard let hash = session.hash, let next = home(of: hash, isUsable) else { return .any }
        return .endpoint(next)
    }

    /// Has an answer that came from an endpoint say so, unless the request said it.
    package func bind(_ response: inout Response, of session: Session, to state: EndpointState) {
        let isHome = session.home === state
        SessionMetric.requests[isHome ? .kept : session.isNamed ? .moved : .started].increment()
        guard case .cookie(let cookie, _) = affinity.rule, !(isHome && session.isCurrent),
            let token = tokens[ObjectIdentifier(state)]?.first
        else { return }
        response.setCookie(cookie.line(token.text, isEncrypted: session.isEncrypted))
    }

    /// The answer to a request whose endpoint cannot be chosen and that must go to no other.
    package func refusal(of session: Session) -> Response {
        SessionMetric.requests[.refused].increment()
        var response = Response(
            HTTPError(.serviceUnavailable, "the session cannot be continued now", headers: [.retryAfter: "1"]))
        if session.home == nil, case .cookie(let cookie, _) = affinity.rule {
            response.setCookie(cookie.line(endingWhenEncrypted: session.isEncrypted))
        }
        return response
    }

    private func home(of hash: UInt64, _ isUsable: (EndpointState) -> Bool) -> EndpointState? {
        let winner = HighestRandomWeight.winner(of: hash, among: seeds) { index in
            isUsable(candidates[index].state) ? candidates[index].weight : 0
        }
        return winner.map { candidates[$0].state }
    }
}

/// The session that a request belongs to.
package struct Session {
    /// The endpoint of the session, whether or not it may be chosen now; `nil` when there is none, or none any more.
    package fileprivate(set) var home: EndpointState?
    /// Whether the request says which session it belongs to, be it one that nobody knows.
    package fileprivate(set) var isNamed = false
    /// What its name comes to, where that decides.
    fileprivate var hash: UInt64?
    /// Whether its name decides where it goes, and not a cookie.
    var isHashed: Bool { hash != nil }
    fileprivate var isCurrent = false
    fileprivate var isEncrypted = false

    package init() {}

    fileprivate init(home: EndpointState?, isNamed: Bool, hash: UInt64) {
        (self.home, self.isNamed, self.hash) = (home, isNamed, hash)
    }
}
