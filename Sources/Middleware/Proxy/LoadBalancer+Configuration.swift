public import HTTPTypes

extension LoadBalancer {
    /// How requests are balanced, beside what the cluster decides: retries, sessions, and how they are forwarded.
    public struct Configuration: Sendable {
        /// How requests are forwarded: timeouts, connections, what is said about the way they came.
        public var forwarding = Forwarder.Configuration()
        /// What is tried again.
        public var retries = RetryPolicy()
        /// Second tries of what takes long; none unless set.
        public var hedging: Hedging?
        /// Requests of one session go to one endpoint; no sessions unless set.
        public var affinity: SessionAffinity?
        /// Only endpoints that have all of these labels; all endpoints unless set.
        public var labels: [String: String] = [:]
        /// The field that tells the endpoint how many milliseconds are left until the deadline of the request, for it to
        /// give up what nobody waits for; none unless set. A request without a deadline carries none, and the client's own
        /// is never passed on.
        public var deadlineField: HTTPField.Name?

        public init() {}
    }
}

extension LoadBalancer.Configuration {
    func check(_ blueprint: inout Blueprint) {
        forwarding.check(&blueprint)
        retries.check(&blueprint)
        hedging?.check(&blueprint)
        affinity?.describe(in: &blueprint)
    }
}
