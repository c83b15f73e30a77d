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
/// Bodies stream in both directions: at most 64 KiB and one read of an answer wait in memory. A request that is idempotent
/// (RFC 9110 section 9.2.2), whose body can be sent again, and which met a connection that the endpoint was just closing
/// is sent once more on another; nothing else is ever sent twice.
///
/// It does not follow redirects, does not decompress, and does not forward upgrades or CONNECT.
///
/// Throws ``ProxyFailure``, which says where the exchange failed and how it is to be answered.
public struct Forwarder: Sendable {
    private let configuration: ForwarderConfiguration
    private let timeouts: ExchangeTimeouts

    public init(_ configuration: ForwarderConfiguration = ForwarderConfiguration()) {
        self.configuration = configuration
        var timeouts = ExchangeTimeouts()
        if configuration.headTimeout > .zero { timeouts.head = configuration.headTimeout.nanoseconds }
        if configuration.idleTimeout > .zero { timeouts.idle = configuration.idleTimeout.nanoseconds }
        self.timeouts = timeouts
    }

    /// Forwards a request. Callable from any executor; the connection's loop does the work.
    public func forward(
        _ request: consuming Request,
        to endpoint: Endpoint,
        context: RequestContext
    ) async throws -> Response {
        guard context.worker.isCurrent else {
            return try await Self.onLoop(Ferry((self, request, endpoint, context))).value
        }
        if let total = configuration.totalTimeout {
            return try await forward(request, to: endpoint, context: context, within: total)
        }
        try check(request, endpoint)
        context[UpstreamEndpointKey.self] = endpoint.text
        let pools = UpstreamPools.of(context)
        let pool = pools.pool(endpoint, configuration.connections)
        var isSentAgain = false
        while true {
            do {
                // 2. Written before a connection is taken: a loop is found without one.
                let framing = request.body.framing
                let head = try writeHead(of: request, framing, to: endpoint, pools, context)
                // 1
                let connection: UpstreamConnection
                if !isSentAgain, let idle = pool.takeIdle() {
                    connection = idle
                } else {
                    connection = try await pool.connection(for: context)
                }
                // 3
                let start = ForwarderMetric.timeToFirstByte.isRecording ? context.worker.now : 0
                connection.send(
                    head,
                    body: request.body,
                    framing: framing,
                    answering: request.method,
                    timeouts: timeouts,
                    context: context
                )
                pools.giveBack(head)
                // 4
                var response = try await connection.response()
                if ForwarderMetric.timeToFirstByte.isRecording {
                    ForwarderMetric.timeToFirstByte.record(nanoseconds: context.worker.now - start)
                }
                // 5
                response.removeHopByHop()
                if configuration.via.isAddedToResponses { configuration.via.add(to: &response.headers) }
                return response
            } catch let failure as UpstreamFailure {
                if failure.isStale, !isSentAgain, request.mayBeSentAgain {
                    ForwarderMetric.replays.increment()
                    isSentAgain = true
                    continue
                }
                // The end of the client is no failure of the endpoint.
                if failure.cause is CancellationError { throw CancellationError() }
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
        within total: Duration
    ) async throws -> Response {
        let scope = context.limit(to: total)
        var unlimited = configuration
        unlimited.totalTimeout = nil
        var response = try await Forwarder(unlimited).forward(request, to: endpoint, context: context)
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
        guard request.method != .connect else {
            throw ProxyFailure(.requestHead, .client, .unsupported, endpoint: endpoint.text, detail: "CONNECT")
        }
    }

    /// Writes the head into the loop's buffer for heads.
    private func writeHead(
        of request: Request,
        _ framing: BodyFraming,
        to endpoint: Endpoint,
        _ pools: UpstreamPools,
        _ context: RequestContext
    ) throws -> ByteBuffer {
        let head = request.head
        let present = KnownFields(of: head.headers)
        if configuration.via.isLoop(head.headers, having: present) {
            let detail = "via \(configuration.via.pseudonym)"
            throw ProxyFailure(.requestHead, .client, .loop, endpoint: endpoint.text, detail: detail)
        }
        let facts = ForwardedHeaders.Facts(request, context: context, peerText: context.peerText)
        let received = context[ProtocolKey.self]
        var replaced = configuration.forwarded.replaced(having: present, trust: facts.trust)
        replaced.formUnion(configuration.via.replacedInRequests)
        let hop = HopByHop(of: head.headers, having: present, also: replaced)
        let authority = configuration.host.authority(client: head.authority, endpoint: endpoint.authority)
        let bound = 512 + head.headers.writtenByteBound + head.target.byteCount + 3 * authority.byteCount
        var buffer = pools.takeScratch()
        buffer.writeHead(reserving: bound) { writer in
            RequestEncoder.writeHead(
                method: head.method,
                target: head.target,
                authority: authority,
                headers: head.headers,
                framing: framing,
                skip: { hop.drops($0, in: head.headers) },
                extra: { writer in
                    configuration.forwarded.write(facts, for: head.headers, having: present, into: &writer)
                    configuration.via.write(for: head.headers, having: present, received: received, into: &writer)
                    hop.writeAcceptsTrailers(into: &writer)
                },
                into: &writer
            )
        }
        return buffer
    }

    /// Forwards on the loop of the context for a caller who stands elsewhere.
    @concurrent
    private static func onLoop(
        _ call: Ferry<(Forwarder, Request, Endpoint, RequestContext)>
    ) async throws -> Ferry<Response> {
        let (forwarder, request, endpoint, context) = call.value
        return try await withTaskExecutorPreference(context.worker.executor) {
            Ferry(try await forwarder.forward(request, to: endpoint, context: context))
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

extension Request {
    /// Whether sending it twice does what sending it once does (RFC 9110 section 9.2.2), and is possible.
    fileprivate var mayBeSentAgain: Bool {
        switch method {
        case .get, .head, .options, .trace, .put, .delete: body.isReplayable
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
