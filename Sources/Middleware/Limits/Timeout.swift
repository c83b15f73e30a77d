import HTTPTypes

/// Ends requests that take too long.
///
/// Three limits, each of them optional:
///
/// - `head`, from here to the head of the answer, the upload of the request's body included. Then the client gets 504.
/// - `idle`, between two parts of the answer's body, counted while somebody waits for one. Then the body breaks off,
///   which a client sees as a connection that fails and not as a short answer.
/// - `whole`, from here to the end of the answer. 504 before the head, a body that breaks off behind it.
///
/// They end what waits: every wait of the library under the request's context (pool, connect, queue, read, write,
/// sleep) throws ``DeadlineExceeded``, and so does the read of any ``BodySource``. A handler that computes, or that
/// waits for something of its own, is not ended; an answer that it gives too late is passed on. A client that reads
/// slowly is the server's to limit (`timeouts` of its configuration), so the time in which nobody asks for the next
/// part counts against `whole` alone.
///
/// An answer whose content is at hand has no body to wait for. One that is live (``Body/isLive``) never ends by itself:
/// `idle` holds for it, `whole` ends with its head. Behind an upgrade nothing holds. Limits of others stay: the nearest
/// wins.
///
/// ## Placement
/// Outside of what is limited. Inside of a ``ConcurrencyLimit`` the wait for a place does not count, outside it does.
///
/// ## Example
/// ```swift
/// Timeout()
/// ```
/// Customised, for a route whose answers are long:
/// ```swift
/// Timeout(head: .seconds(5), idle: .seconds(15), whole: .seconds(600))
/// ```
public struct Timeout: Middleware {
    private let head: Duration?
    private let idle: Duration?
    private let whole: Duration?

    /// Those limits; `nil` is none. Bad values are reported by the ``blueprint``.
    ///
    /// - Parameters:
    ///   - head: for the head of the answer; 30 seconds unless given.
    ///   - idle: between two parts of its body; 60 seconds unless given.
    ///   - whole: for the whole answer; none unless given.
    public init(head: Duration? = .seconds(30), idle: Duration? = .seconds(60), whole: Duration? = nil) {
        self.head = head
        self.idle = idle
        self.whole = whole
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("Timeout")
        blueprint.preview = { _ in .passes }
        for (name, limit) in [("head", head), ("idle", idle), ("whole", whole)] {
            guard let limit else { continue }
            blueprint.require(limit > .zero, "has \(name) of \(limit)", mend: "give more than zero, or nil for none")
        }
        blueprint.require(
            head != nil || idle != nil || whole != nil,
            "limits nothing",
            mend: "give one of head, idle and whole, or leave it out"
        )
        return blueprint
    }

    public func handle(
        _ request: consuming Request,
        context: RequestContext,
        next: some Handler
    ) async throws -> Response {
        let began = context.worker.now
        // The nearer limit alone: there is one timer for both.
        let nearest = min(head ?? .seconds(Int64.max), whole ?? .seconds(Int64.max))
        let isLimited = head != nil || whole != nil
        var scope: DeadlineScope?
        if isLimited { scope = context.limit(to: nearest) }
        var response: Response
        do {
            response = try await next.handle(request, context: context)
        } catch {
            if isLimited, error is DeadlineExceeded { count(nearest, since: began, context) }
            throw error
        }
        if isLimited, response.status == .gatewayTimeout { count(nearest, since: began, context) }
        if let scope = scope.take() { scope.lift() }
        guard !response.isUpgrade, !response.body.isReplayable, idle != nil || whole != nil else { return response }
        let isLive = response.body.isLive
        let limit = isLive ? nil : whole
        guard idle != nil || limit != nil else { return response }
        let source = try response.body.open()
        response.body = .stream(TimedBody(source, idle: idle, whole: limit, since: began, context))
        response.body.isLive = isLive
        return response
    }

    /// Counts a request that ended without an answer of its own, if the limit that ended it is one of these.
    private func count(_ nearest: Duration, since began: Int64, _ context: RequestContext) {
        guard context.worker.now - began >= nearest.nanoseconds else { return }
        LimitMetric.timeouts[nearest == head ? .head : .whole].increment()
    }
}
