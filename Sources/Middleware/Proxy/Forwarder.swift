import HTTPTypes
import NIOCore

/// Sends one request to one endpoint and gives back its answer. It knows no clusters, no retries and no fallbacks: what
/// decides about those calls it.
///
/// ```swift
/// let forwarder = Forwarder()
/// let response = try await forwarder.forward(request, to: "10.0.0.1:8080", context: context)
/// ```
///
/// The steps:
///
///     1  a connection of this event loop: an idle one, else a new one, else the queue
///     2  the head: request line, Host, end-to-end fields, what is said about the client, framing
///     3  the body, while the answer may already be coming
///     4  1xx answers pass to the client, the final head ends the wait
///     5  hop-by-hop fields go; the body streams, and its end frees the connection
///
/// Bodies stream in both directions: at most 64 KiB and one read of an answer wait in memory. A request that is
/// idempotent (RFC 9110 section 9.2.2), whose body can be sent again, and which met a connection that the endpoint was
/// just closing is sent once more on another; nothing else is ever sent twice.
///
/// It does not follow redirects, does not decompress, and does not forward upgrades, CONNECT or `Expect`, which the
/// server has met. Of 1xx answers 100 stays here, and an endpoint that sends more than 64 of them breaks the protocol.
///
/// Throws ``ProxyFailure``, which says where the exchange failed and how it is to be answered; ``DeadlineExceeded``
/// when a deadline of the context or ``Forwarder/Configuration/totalTimeout`` passed first; and `CancellationError`
/// when nobody waits for the answer any more.
public struct Forwarder: Sendable {
    /// What was configured, in one place: a forwarder is handed through every request.
    private final class Settings: Sendable {
        let configuration: Configuration
        let timeouts: ExchangeTimeouts

        init(_ configuration: Configuration) {
            self.configuration = configuration
            var timeouts = ExchangeTimeouts()
            if configuration.headTimeout > .zero { timeouts.head = configuration.headTimeout.nanoseconds }
            if configuration.idleTimeout > .zero { timeouts.idle = configuration.idleTimeout.nanoseconds }
            self.timeouts = timeouts
        }
    }

    private let settings: Settings

    /// What it was made with.
    public var configuration: Configuration { settings.configuration }

    public init(_ configuration: Configuration = Configuration()) { settings = Settings(configuration) }

    /// Forwards a request. Callable from any executor; the connection's loop does the work. (A task that is made to
    /// start on the loop without preferring its executor, with `Task.immediate`, is not one that may call this.)
    @inline(__always)
    public func forward(
        _ request: consuming Request,
        to endpoint: Endpoint,
        context: RequestContext
    ) async throws -> Response {
        guard context.worker.isCurrent else {
            // The task that forwards is not the connection's: its context watches it.
            return try await Self.onLoop(Ferry((self, request, endpoint, context))).value
        }
        return try await forwardOnLoop(request, to: endpoint, context: context, observer: nil)
    }

    /// The same for a caller on the loop.
    ///
    /// - Parameter observer: told once the answer has ended; not when this throws.
    @inline(__always)
    func forwardOnLoop(
        _ request: consuming Request,
        to endpoint: Endpoint,
        context: RequestContext,
        observer: (any ExchangeObserver)?
    ) async throws -> Response {
        if let total = settings.configuration.totalTimeout {
            return try await forward(request, to: endpoint, context: context, observer: observer, within: total)
        }
        return try await forwardWithoutLimit(request, to: endpoint, context: context, observer: observer)
    }

    /// Forwards without a limit on the whole. Inlined, as the caller is: a frame of its own would cost each request
    /// more than everything it decides.
    @inline(__always)
    private func forwardWithoutLimit(
        _ request: consuming Request,
        to endpoint: Endpoint,
        context: RequestContext,
        observer: (any ExchangeObserver)?
    ) async throws -> Response {
        try check(request, endpoint)
        context[UpstreamEndpointKey.self] = endpoint.text
        let pools = UpstreamPools.of(context)
        let pool = pools.pool(endpoint, settings.configuration.connections, of: settings)
        var isSentAgain = false
        while true {
            do {
                // 1
                let connection: UpstreamConnection
                if !isSentAgain, let idle = pool.takeIdle() {
                    connection = idle
                } else {
                    guard observer?.waitBegins() ?? true else {
                        throw UpstreamFailure(.queueFull, "as many requests of the cluster wait as may")
                    }
                    defer { observer?.waitEnds() }
                    connection = try await pool.connection(for: context)
                }
                // 2, 3
                let start = ForwarderMetric.timeToFirstByte.isRecording ? context.worker.now : 0
                send(request, to: endpoint, over: connection, pools, context)
                // 4
                if context.watchesTask { try await connection.headWatchingTask() } else { try await connection.head() }
                var response = try connection.takeAnswer(observer)
                if ForwarderMetric.timeToFirstByte.isRecording {
                    ForwarderMetric.timeToFirstByte.record(nanoseconds: context.worker.now - start)
                }
                // 5
                response.removeHopByHop()
                if settings.configuration.via.isAddedToResponses {
                    settings.configuration.via.add(to: &response.headers)
                }
                if case .stream = response.body.storage { response.body.isLive = response.isLiveStream }
                return response
            } catch let failure as UpstreamFailure {
                if failure.isStale, !isSentAgain, request.mayBeSentAgain {
                    ForwarderMetric.replays.increment()
                    isSentAgain = true
                    continue
                }
                // The end of the client is no failure of the endpoint.
                if let cause = failure.cause, cause.isCancellation { throw cause }
                let failure = ProxyFailure(failure, endpoint: endpoint.text)
                ForwarderMetric.failures.series(failure.code).increment()
                throw failure
            }
        }
    }

    /// The same under a deadline that holds to the last byte of the answer.
    private func forward(
        _ request: consuming Request,
        to endpoint: Endpoint,
        context: RequestContext,
        observer: (any ExchangeObserver)?,
        within total: Duration
    ) async throws -> Response {
        let scope = context.limit(to: total)
        var response = try await forwardWithoutLimit(request, to: endpoint, context: context, observer: observer)
        guard case .stream = response.body.storage else {
            scope.lift()
            return response
        }
        let isLive = response.body.isLive
        response.body = .stream(ScopedBody(try response.body.open(), until: scope))
        response.body.isLive = isLive
        return response
    }

    private func check(_ request: borrowing Request, _ endpoint: Endpoint) throws {
        if let problem = endpoint.problem {
            throw ProxyFailure(.resolve, .gateway, .notFound, endpoint: endpoint.text, detail: problem)
        }
        guard !request.method.matches(.connect) else {
            throw ProxyFailure(.requestHead, .client, .unsupported, endpoint: endpoint.text, detail: "CONNECT")
        }
        let via = settings.configuration.via
        if via.detectsLoops, via.isLoop(request.headers, having: KnownFields(of: request.headers)) {
            throw ProxyFailure(.requestHead, .client, .loop, endpoint: endpoint.text, detail: "via \(via.pseudonym)")
        }
    }

    /// Writes the head into the loop's buffer for heads, and sends it with the body. Without a suspension, so that no
    /// waiting request holds that buffer.
    private func send(
        _ request: Request,
        to endpoint: Endpoint,
        over connection: UpstreamConnection,
        _ pools: UpstreamPools,
        _ context: RequestContext
    ) {
        let head = request.head
        let headers = head.headers
        let framing = request.body.framing
        let present = KnownFields(of: headers)
        let trust = context[PeerTrustKey.self]
        var replaced = settings.configuration.forwarded.replaced(having: present, trust: trust)
        replaced.formUnion(settings.configuration.via.replacedInRequests)
        // RFC 9110 section 10.1.1: the server has met the expectation, and nothing here waits for an endpoint's 100.
        replaced.insert(.expect)
        let hop = HopByHop(of: headers, having: present, also: replaced)
        let authority = settings.configuration.host.authority(client: head.authority, endpoint: endpoint.authority)
        let bound = 512 + headers.writtenByteBound + head.target.byteCount + 3 * authority.byteCount
        var buffer = pools.takeScratch()
        buffer.writeHead(reserving: bound) { writer in
            RequestEncoder.writeHead(
                method: head.method,
                target: head.target,
                authority: authority,
                headers: headers,
                framing: framing,
                skip: { hop.drops($0, in: headers) },
                extra: { writer in
                    settings.configuration.forwarded.write(
                        ForwardedHeaders.Facts(head, trust: trust, context: context),
                        for: headers,
                        having: present,
                        into: &writer
                    )
                    settings.configuration.via.write(
                        for: headers,
                        having: present,
                        received: context[ProtocolKey.self],
                        into: &writer
                    )
                    hop.writeAcceptsTrailers(into: &writer)
                },
                into: &writer
            )
        }
        connection.send(
            buffer,
            body: request.body,
            framing: framing,
            answering: head.method,
            timeouts: settings.timeouts,
            context: context
        )
        pools.giveBack(buffer)
    }

    /// Forwards on the loop of the context for a caller who stands elsewhere. A task of its own, since a closure that
    /// only awaits a function which stays with its caller would stay there too.
    private static func onLoop(
        _ call: Ferry<(Forwarder, Request, Endpoint, RequestContext)>
    ) async throws -> Ferry<Response> {
        let task = Task(executorPreference: call.value.3.worker.executor) {
            let (forwarder, request, endpoint, context) = call.value
            return Ferry(try await forwarder.forward(request, to: endpoint, context: context))
        }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }
}

extension Response {
    /// Takes out what concerns the connection to the endpoint alone.
    fileprivate mutating func removeHopByHop() {
        let present = KnownFields(of: headers)
        guard HopByHop.mayApply(to: present) else { return }
        headers.removeHopByHop()
    }
}

extension Response {
    /// Whether the media type is one whose content goes on for as long as there is something to say: server-sent events
    /// (WHATWG HTML section 9.2) and gRPC.
    fileprivate var isLiveStream: Bool {
        guard let type = headers[.contentType]?.lowercased() else { return false }
        return type.hasPrefix("text/event-stream") || type.hasPrefix("application/grpc")
    }
}

extension Request {
    /// Whether sending it twice does what sending it once does (RFC 9110 section 9.2.2), and is possible.
    fileprivate var mayBeSentAgain: Bool { method.isIdempotent && body.isReplayable }
}

extension HTTPRequest.Method {
    /// Whether several identical requests do what one does: RFC 9110 section 9.2.2.
    var isIdempotent: Bool {
        switch self {
        case .get, .head, .options, .trace, .put, .delete: true
        default: false
        }
    }
}

extension Body {
    /// How the body is framed towards an endpoint.
    fileprivate var framing: BodyFraming {
        switch storage {
        case .empty: .none
        case .bytes(_, .some): .chunked
        case .bytes(let bytes, nil): bytes.readableBytes > 0 ? .length(bytes.readableBytes) : .none
        case .stream: knownLength.map { $0 > 0 ? .length($0) : .none } ?? .chunked
        }
    }
}
