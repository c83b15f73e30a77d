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
        guard let total = configuration.totalTimeout else {
            return try await exchange(request, endpoint, context)
        }
        let scope = context.limit(to: total)
        var response = try await exchange(request, endpoint, context)
        guard case .stream = response.body.storage else {
            scope.lift()
            return response
        }
        let isLive = response.body.isLive
        response.body = .stream(ScopedBody(try response.body.open(), until: scope))
        response.body.isLive = isLive
        return response
    }

    private func exchange(
        _ request: consuming Request,
        _ endpoint: Endpoint,
        _ context: RequestContext
    ) async throws -> Response {
        try check(request, endpoint)
        context[UpstreamEndpointKey.self] = endpoint.text
        let pool = UpstreamPools.of(context).pool(endpoint.address, configuration.connections)
        do {
            do {
                return try await attempt(request, endpoint, pool.takeIdle(), pool, context)
            } catch let failure as UpstreamFailure where failure.isStale && request.mayBeSentAgain {
                ForwarderMetric.replays.increment()
                return try await attempt(request, endpoint, nil, pool, context)
            }
        } catch let failure as UpstreamFailure {
            // The end of the client is no failure of the endpoint.
            if failure.cause is CancellationError { throw CancellationError() }
            let failure = ProxyFailure(failure, endpoint: endpoint.text)
            ForwarderMetric.failures.series(failure.code).increment()
            throw failure
        }
    }

    private func check(_ request: borrowing Request, _ endpoint: Endpoint) throws {
        if let problem = endpoint.problem {
            throw ProxyFailure(.resolve, .gateway, .notFound, endpoint: endpoint.text, detail: problem)
        }
        guard request.method != .connect else {
            throw ProxyFailure(.requestHead, .client, .unsupported, endpoint: endpoint.text, detail: "CONNECT")
        }
    }

    private func attempt(
        _ request: Request,
        _ endpoint: Endpoint,
        _ idle: UpstreamConnection?,
        _ pool: ConnectionPool,
        _ context: RequestContext
    ) async throws -> Response {
        // 2. Written before a connection is taken: a loop is found without one.
        let framing = request.body.framing
        let head = try writeHead(of: request, framing, to: endpoint, context)
        // 1
        let connection: UpstreamConnection
        if let idle { connection = idle } else { connection = try await pool.connection(for: context) }
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
        // 4
        var response = try await connection.response()
        if ForwarderMetric.timeToFirstByte.isRecording {
            ForwarderMetric.timeToFirstByte.record(nanoseconds: context.worker.now - start)
        }
        // 5
        response.headers.removeHopByHop()
        configuration.via.add(to: &response.headers)
        return response
    }

    private func writeHead(
        of request: Request,
        _ framing: BodyFraming,
        to endpoint: Endpoint,
        _ context: RequestContext
    ) throws -> ByteBuffer {
        let (headers, forwarded, via) = (request.headers, configuration.forwarded, configuration.via)
        let present = KnownFields(of: headers)
        if via.isLoop(headers, having: present) {
            throw ProxyFailure(.requestHead, .client, .loop, endpoint: endpoint.text, detail: "via \(via.pseudonym)")
        }
        let facts = ForwardedHeaders.Facts(request, context: context, peerText: context.peerText)
        var replaced = forwarded.replaced(having: present, trust: facts.trust)
        replaced.formUnion(via.replacedInRequests)
        let hop = HopByHop(of: headers, having: present, also: replaced)
        var buffer = ByteBuffer()
        buffer.reserveCapacity(512)
        RequestEncoder.writeHead(
            method: request.method,
            target: request.target,
            authority: configuration.host.authority(client: request.authorityStorage, endpoint: endpoint.authority),
            headers: headers,
            framing: framing,
            skip: { hop.drops($0, in: headers) },
            extra: { buffer in
                forwarded.write(facts, for: headers, having: present, into: &buffer)
                via.write(for: headers, having: present, received: context[ProtocolKey.self], into: &buffer)
                hop.writeAcceptsTrailers(into: &buffer)
            },
            into: &buffer
        )
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
