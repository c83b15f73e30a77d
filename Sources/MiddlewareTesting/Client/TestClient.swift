public import HTTPTypes
public import Logging
public import Middleware
import NIOCore
import NIOPosix

/// Sends requests to a handler in memory: no socket, no waiting, the production gateway untouched.
///
/// ```swift
/// let time = ManualTime()
/// let client = TestClient(gateway, time: time, origins: [
///     "10.0.0.1:8080": ScriptedUpstream { $0.reset() },
///     "10.0.0.2:8080": ScriptedUpstream { $0.answer(.ok, "fine") },
/// ])
/// let response = try await client.get("/v2/users/7", headers: [.authorization: "Bearer …"])
/// #expect(response.status == .ok && response.body == "fine")
/// ```
///
/// or around pieces alone:
///
/// ```swift
/// let client = TestClient(time: time) {
///     RequestID()
///     HandlerFunction { _, _ in Response(.ok) }
/// }
/// ```
///
/// Handlers run as under a server: on one real event loop, under its executor, with a context whose time is manual,
/// whose chance repeats itself and whose connections go to scripted origins. Pools, timeouts and limits run for real.
/// An address without a scripted origin refuses the connection.
///
/// A request's body arrives as a stream that can be opened once. A target goes through the checks and the normalisation
/// of a received one, and is refused with 400 as a server would. A throw of the handler is answered as a server does;
/// one with `CancellationError` as 503 while the client is there, and an interim status as 500. The content of the
/// answer is checked against the length that its body declares. The background services of the blueprint run for as
/// long as the client lives, so that a service belongs to one client at a time.
///
/// It neither frames nor parses the messages between client and gateway: that is what
/// ``withServer(_:on:configuration:runtime:_:)`` is for. It makes no use of ``Response/upgrade``.
///
/// Problems of the composition are collected here and thrown by the first request, so that a test reads on one line;
/// see ``validate()``. Safe to use from any thread, for any number of requests at once.
public final class TestClient: Sendable {
    /// The clock of every context.
    public let time: ManualTime
    /// The runtime of every context: for a ``RequestContext`` of one's own.
    public let runtime: Runtime
    /// The two ends of the connection that requests seem to come over.
    public let peer: Peer
    let handler: any Handler
    let worker: Worker
    private let dialer: ScriptedDialer
    private let problems: [CompositionProblem]
    private let services: BackgroundServices

    /// The client's end is 192.0.2.1:49152, the gateway's 192.0.2.254:80 (RFC 5737, addresses for documentation).
    public static var defaultPeer: Peer {
        Peer(
            remote: try? SocketAddress(ipAddress: "192.0.2.1", port: 49152),
            local: try? SocketAddress(ipAddress: "192.0.2.254", port: 80)
        )
    }

    /// A logger that keeps nothing.
    public static var silentLogger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// A client of a handler.
    ///
    /// - Parameters:
    ///   - handler: what is tested.
    ///   - time: the clock; one that nobody moves unless given.
    ///   - randomness: the source of chance; one that repeats itself unless given.
    ///   - origins: who answers at which address.
    ///   - peer: the two ends of the connection; ``defaultPeer`` unless given.
    ///   - logger: the logger of contexts; ``silentLogger`` unless given.
    public init(
        _ handler: any Handler,
        time: ManualTime = ManualTime(),
        randomness: any Randomness = SeededRandomness(),
        origins: [Endpoint: ScriptedUpstream] = [:],
        peer: Peer = TestClient.defaultPeer,
        logger: Logger = TestClient.silentLogger
    ) {
        self.handler = handler
        self.time = time
        self.peer = peer
        var addresses: [DialAddress: ScriptedUpstream] = [:]
        var own = Blueprint("TestClient")
        for (endpoint, origin) in origins {
            own.require(
                endpoint.problem == nil,
                "has an origin \(endpoint.text), which \(endpoint.problem ?? "")",
                mend: "give host:port"
            )
            own.require(addresses[endpoint.address] == nil, "has two origins at \(endpoint.address)", mend: "keep one")
            addresses[endpoint.address] = origin
        }
        dialer = ScriptedDialer(addresses)
        runtime = Runtime(
            time: time,
            logger: logger,
            randomness: randomness,
            group: MultiThreadedEventLoopGroup.singleton.next(),
            dialer: dialer
        )
        worker = runtime.workers.current
        let blueprint = handler.blueprint
        problems = own.validate() + blueprint.validate()
        services = BackgroundServices(logger: logger)
        if problems.isEmpty { services.use(blueprint.allServices, on: runtime) }
    }

    /// A client of the stages of a pipeline.
    public convenience init(
        time: ManualTime = ManualTime(),
        randomness: any Randomness = SeededRandomness(),
        origins: [Endpoint: ScriptedUpstream] = [:],
        peer: Peer = TestClient.defaultPeer,
        logger: Logger = TestClient.silentLogger,
        @PipelineBuilder _ stages: () -> Pipeline
    ) {
        self.init(stages(), time: time, randomness: randomness, origins: origins, peer: peer, logger: logger)
    }

    deinit {
        services.use([], on: runtime)
        // The gateway's pools let go of their connections when the far side closes.
        dialer.closeConnections(on: worker)
    }

    /// Throws ``CompositionError`` with every problem of the composition, as every request does.
    public func validate() throws {
        guard problems.isEmpty else { throw CompositionError(problems) }
    }
}

// MARK: - Requests

extension TestClient {
    /// Sends a GET and gives the whole answer; see ``send(_:_:headers:body:)``.
    public func get(_ target: String, headers: Headers = [:]) async throws -> TestResponse {
        try await send(.get, target, headers: headers)
    }

    /// Sends a HEAD and gives the answer; see ``send(_:_:headers:body:)``.
    public func head(_ target: String, headers: Headers = [:]) async throws -> TestResponse {
        try await send(.head, target, headers: headers)
    }

    /// Sends a POST and gives the whole answer; see ``send(_:_:headers:body:)``.
    public func post(_ target: String, headers: Headers = [:], body: String = "") async throws -> TestResponse {
        try await send(.post, target, headers: headers, body: body)
    }

    /// Sends a PUT and gives the whole answer; see ``send(_:_:headers:body:)``.
    public func put(_ target: String, headers: Headers = [:], body: String = "") async throws -> TestResponse {
        try await send(.put, target, headers: headers, body: body)
    }

    /// Sends a PATCH and gives the whole answer; see ``send(_:_:headers:body:)``.
    public func patch(_ target: String, headers: Headers = [:], body: String = "") async throws -> TestResponse {
        try await send(.patch, target, headers: headers, body: body)
    }

    /// Sends a DELETE and gives the whole answer; see ``send(_:_:headers:body:)``.
    public func delete(_ target: String, headers: Headers = [:], body: String = "") async throws -> TestResponse {
        try await send(.delete, target, headers: headers, body: body)
    }

    /// Sends an OPTIONS and gives the whole answer; see ``send(_:_:headers:body:)``.
    public func options(_ target: String, headers: Headers = [:]) async throws -> TestResponse {
        try await send(.options, target, headers: headers)
    }

    /// Sends a request and gives the whole answer.
    ///
    /// Cancelling the task has the client go away: every wait of the exchange ends.
    ///
    /// Throws ``CompositionError``, ``BrokenResponse`` when the answer began and broke off, and `CancellationError`.
    ///
    /// - Parameters:
    ///   - target: path and query as they would stand in a request line.
    ///   - headers: the fields; a `Host` among them becomes the authority, which is `localhost` unless given. A
    ///     `Content-Length` is added to a body.
    ///   - body: the content.
    public func send(
        _ method: HTTPRequest.Method,
        _ target: String,
        headers: Headers = [:],
        body: String = ""
    ) async throws -> TestResponse {
        try await answer(to: try exchange(method, target, headers, body))
    }

    /// Sends a request of one's own, such as one with a ``ScriptedSource`` for its body, and gives the whole answer.
    ///
    /// An empty authority becomes `localhost`, the scheme is the peer's. Throws as ``send(_:_:headers:body:)`` does.
    public func send(_ request: consuming sending Request) async throws -> TestResponse {
        try await answer(to: try exchange(request))
    }

    /// Sends a request and gives the answer as soon as its head is there; see ``send(_:_:headers:body:)``.
    public func stream(
        _ method: HTTPRequest.Method = .get,
        _ target: String,
        headers: Headers = [:],
        body: String = ""
    ) async throws -> TestStream {
        try await stream(from: try exchange(method, target, headers, body))
    }

    /// Sends a request of one's own and gives the answer as soon as its head is there.
    public func stream(_ request: consuming sending Request) async throws -> TestStream {
        try await stream(from: try exchange(request))
    }

    private func exchange(
        _ method: HTTPRequest.Method,
        _ target: String,
        _ headers: Headers,
        _ body: String
    ) throws -> TestExchange {
        var headers = headers
        let authority = headers[.host] ?? ""
        headers.remove(HTTPField.Name.host)
        if !body.isEmpty, !headers.contains(HTTPField.Name.contentLength) {
            headers[.contentLength] = "\(body.utf8.count)"
        }
        var request = Request(method)
        var refusal: RequestTargetProblem?
        do throws(RequestTargetProblem) {
            request.target = try RequestTarget(normalising: ByteBuffer(string: target))
        } catch {
            refusal = error
        }
        request.authority = authority
        request.headers = headers
        if !body.isEmpty { request.body = .text(body) }
        return try exchange(request, refusal)
    }

    private func exchange(
        _ request: consuming sending Request,
        _ refusal: RequestTargetProblem? = nil
    ) throws -> TestExchange {
        try validate()
        if request.authority.isEmpty { request.authority = "localhost" }
        request.scheme = peer.isSecure ? "https" : "http"
        return TestExchange(self, request, refusal: refusal)
    }

    @concurrent private func answer(to exchange: TestExchange) async throws -> TestResponse {
        try await run(exchange) {
            try await exchange.start()
            return try await exchange.collect()
        }
    }

    @concurrent private func stream(from exchange: TestExchange) async throws -> TestStream {
        try await run(exchange) { try await exchange.start() }
        return TestStream(exchange, on: worker)
    }

    private func run<Result: Sendable>(
        _ exchange: TestExchange,
        _ body: @concurrent () async throws -> Result
    ) async throws -> Result {
        let worker = worker
        return try await withTaskCancellationHandler {
            try await worker.run(body)
        } onCancel: {
            worker.perform { exchange.leave() }
        }
    }
}
