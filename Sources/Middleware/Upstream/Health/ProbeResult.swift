/// What one probe of an endpoint found, and what follows from it.
package struct ProbeResult: Sendable {
    package let endpoint: Endpoint
    /// Why it failed; `nil` for one that passed.
    package let failure: String?
    /// How long it took.
    package let duration: Int64
    /// When it ended.
    package let nanoseconds: Int64
    /// What the endpoint counts as from here on.
    package let isHealthy: Bool
    /// Whether that is news: the flag of the endpoint is to be changed, and an event to be told.
    package let isChange: Bool
}
