public import HTTPTypes

/// Lets so many requests in at a time; the next wait their turn, and those for whom there is no room are refused with
/// 503.
///
/// A place is held from here to the last byte of the answer's body, or until that is given up or breaks off. An answer
/// whose content is at hand, such as one that was computed, gives its place back at once; an upgraded connection holds
/// it to its end. Places are handed on in the order of arrival, from whichever event loop they come free on: there is
/// one count for all of them.
///
/// A request waits at most `wait`, and leaves the queue early when its client goes or its deadline passes. A queue is
/// for bursts: in one that never empties, everybody waits and nobody is faster. Requests that are refused say when to
/// come back (`Retry-After`).
///
/// With a key there is a limit and a queue for each of its values, kept only while they are in use. Every
/// ``ConcurrencyLimit`` counts by itself; copies of one count together.
///
/// ## Placement
/// Outside of what is scarce, inside of what refuses for less. By client address it follows `client address`.
///
/// ## Example
/// ```swift
/// ConcurrencyLimit(100)
/// ```
/// Customised, for each client apart and with a short queue:
/// ```swift
/// var configuration = ConcurrencyLimit.Configuration()
/// configuration.queue = 4
/// configuration.wait = .milliseconds(500)
/// configuration.status = .tooManyRequests
/// ConcurrencyLimit(10, by: .clientAddress, configuration)
/// ```
public struct ConcurrencyLimit: Middleware {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// How many requests of one key wait at most; 0 refuses at once. 100 unless set.
        public var queue = 100
        /// How long one waits at most. 5 seconds unless set.
        public var wait = Duration.seconds(5)
        /// The status of a refusal. 503 unless set; 429 suits a limit for each client.
        public var status = HTTPResponse.Status.serviceUnavailable
        /// What `Retry-After` says. 1 second unless set; rounded up to whole seconds.
        public var retryAfter = Duration.seconds(1)

        public init() {}
    }

    /// What requests have in common that are counted together.
    public struct Key: Sendable {
        enum Rule: Sendable {
            case everything
            case clientAddress
            case text(@Sendable (Request, RequestContext) -> String?)
        }

        let rule: Rule

        /// All requests.
        public static var everything: Key { Key(rule: .everything) }
        /// Those of one client: of one IPv4 address or one IPv6 network of 64 bits, which is what one customer gets.
        /// All clients on Unix-domain sockets count as one.
        public static var clientAddress: Key { Key(rule: .clientAddress) }
        /// Those with the same text; `nil` is not limited. Called on the loop, once for each request, and must not
        /// block.
        public static func text(_ text: @escaping @Sendable (Request, RequestContext) -> String?) -> Key {
            Key(rule: .text(text))
        }
    }

    private let limit: Int
    private let key: Key
    private let configuration: Configuration
    package let places: ConcurrencyPlaces

    /// At most `limit` requests of each key; bad values are reported by the ``blueprint``.
    public init(_ limit: Int, by key: Key = .everything, _ configuration: Configuration = Configuration()) {
        self.limit = limit
        self.key = key
        self.configuration = configuration
        places = ConcurrencyPlaces(limit: limit, queue: configuration.queue)
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("ConcurrencyLimit")
        if case .clientAddress = key.rule { blueprint.placement.follows = ["client address"] }
        blueprint.preview = { _ in .passes }
        blueprint.require(limit > 0, "lets in \(limit) requests", mend: "give 1 or more")
        blueprint.require(configuration.queue >= 0, "has a queue of \(configuration.queue)", mend: "give 0 or more")
        blueprint.require(
            configuration.queue == 0 || configuration.wait > .zero,
            "has requests wait for \(configuration.wait)",
            mend: "give more than zero, or a queue of 0"
        )
        blueprint.require(
            (400...599).contains(configuration.status.code),
            "refuses with \(configuration.status.code)",
            mend: "give a status from 400 to 599"
        )
        blueprint.require(
            configuration.retryAfter >= .zero,
            "has a retryAfter of \(configuration.retryAfter)",
            mend: "give zero or more"
        )
        return blueprint
    }

    public func handle(
        _ request: consuming Request,
        context: RequestContext,
        next: some Handler
    ) async throws -> Response {
        guard let key = value(of: request, context) else { return try await next.handle(request, context: context) }
        let place: ConcurrencyPlace
        switch places.enter(key, waiter: { ConcurrencyWait(context, in: places, key, atMost: configuration.wait) }) {
        case .entered(let entered):
            place = entered
        case .full:
            LimitMetric.refused[.queueFull].increment()
            return refusal
        case .queued(let wait):
            guard let waited = try await wait.place() else {
                LimitMetric.refused[.queueWait].increment()
                return refusal
            }
            place = waited
        }
        // Dropped with the place when the rest throws.
        var response = try await next.handle(request, context: context)
        if let upgrade = response.upgrade {
            response.upgrade = { connection, context in
                defer { place.leave() }
                try await upgrade(connection, context)
            }
        } else if response.body.isReplayable {
            place.leave()
        } else {
            let isLive = response.body.isLive
            response.body = .stream(PlacedBody(try response.body.open(), place))
            response.body.isLive = isLive
        }
        return response
    }

    private var refusal: Response {
        .unavailable(
            "too many requests at once", retryAfter: configuration.retryAfter, status: configuration.status)
    }

    private func value(of request: borrowing Request, _ context: RequestContext) -> ConcurrencyPlaces.Key? {
        switch key.rule {
        case .everything: return .everything
        case .clientAddress:
            guard let address = context.clientAddress.flatMap({ IPAddress($0) }) else { return .address(nil) }
            return .address(address.isIPv4 ? address : IPAddress(high: address.high, low: 0))
        case .text(let text): return text(copy request, context).map { .text($0) }
        }
    }
}
