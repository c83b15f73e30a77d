/// How requests are forwarded: timeouts, connections, and what is said about the way they came.
public struct ForwarderConfiguration: Sendable {
    /// The connections to each endpoint.
    public var connections = ConnectionLimits()
    /// From the last byte of a request to the head of its answer; then 504. 60 seconds unless set; zero or less is no limit.
    public var headTimeout = Duration.seconds(60)
    /// Between two reads of an answer's body that bring something, and for an endpoint to take any of a request's body; then
    /// the exchange is broken off. 60 seconds unless set; zero or less is no limit.
    public var idleTimeout = Duration.seconds(60)
    /// For the whole exchange, to the last byte of the answer's body. No limit unless set, because a download may take as
    /// long as it takes.
    public var totalTimeout: Duration?
    /// What the endpoint reads as `Host`.
    public var host = HostPolicy.preserve
    /// What the endpoint is told about the client.
    public var forwarded = ForwardedHeaders()
    /// What `Via` says.
    public var via = Via()

    public init() {}
}
