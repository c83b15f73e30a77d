import HTTPTypes
import Middleware
import NIOCore

/// One exchange of a ``TestClient``: does for a handler what a server's connection does.
///
/// Unchecked because everything mutable is touched on the client's loop only, apart from its creation.
final class TestExchange: @unchecked Sendable {
    private let client: TestClient
    /// The request until it is handed over: nothing here keeps its body.
    private var request: Request?
    private let method: HTTPRequest.Method
    private var context: RequestContext?
    private var source: (any BodySource)?
    private var receivedBytes = 0
    private var hasLeft = false
    private var isOver = false
    private(set) var response = TestResponse(.ok)

    private let refusal: RequestTargetProblem?

    /// - Parameter refusal: why a server refuses the request before a handler sees it.
    init(_ client: TestClient, _ request: consuming sending Request, refusal: RequestTargetProblem?) {
        self.client = client
        self.refusal = refusal
        method = request.method
        self.request = request
    }

    // MARK: On the loop

    /// Has the handler answer. Throws `CancellationError` when the client left first.
    func start() async throws {
        guard var request else { return }
        self.request = nil
        if let refusal {
            response.status = .badRequest
            response.outcome.end = .refused
            try take(Response(.badRequest, problem: refusal.description).body)
            return
        }
        let context = RequestContext(
            runtime: client.runtime,
            worker: client.worker,
            peer: client.peer,
            watchesTask: true
        )
        self.context = context
        if hasLeft { context.cancellation.fail(CancellationError()) }
        context.informational = { [weak self] status, headers in
            self?.response.informational.append(TestResponse.Informational(status, headers))
        }
        try count(&request)
        var answer: Response
        do {
            answer = try await client.handler.handle(request, context: context)
        } catch is CancellationError {
            guard !hasLeft, !Task.isCancelled else {
                finish(.clientGone)
                throw CancellationError()
            }
            answer = Response(answering: HTTPError(.serviceUnavailable), context: context)
        } catch {
            answer = Response(answering: error, context: context)
        }
        if answer.status.code < 200, !answer.isUpgrade {
            answer.body.discard()
            answer = Response(.internalServerError)
        }
        guard !isOver else {
            answer.body.discard()
            throw CancellationError()
        }
        response.status = answer.status
        response.headers = answer.headers
        response.outcome.firstByteAt = client.worker.now
        try take(answer.body)
    }

    /// The next bytes of the answer, `nil` behind the last.
    func read() async throws -> ByteBuffer? {
        while let source {
            do {
                switch try await source.read() {
                case .bytes(let bytes):
                    guard bytes.readableBytes > 0 else { continue }
                    response.outcome.bytesSent += bytes.readableBytes
                    response.bytes.writeImmutableBuffer(bytes)
                    try checkLength(of: source, isEnd: false)
                    return bytes
                case .end(let trailers):
                    try checkLength(of: source, isEnd: true)
                    response.trailers = trailers
                    response.outcome.trailers = trailers
                    self.source = nil
                    finish(.complete)
                }
            } catch {
                throw broken(by: error)
            }
        }
        if hasLeft { throw CancellationError() }
        return nil
    }

    /// The whole answer.
    func collect() async throws -> TestResponse {
        while try await read() != nil {}
        return response
    }

    /// The client goes away.
    func leave() {
        guard !isOver else { return }
        hasLeft = true
        guard let context else { return }
        context.cancellation.fail(CancellationError())
        let source = source
        self.source = nil
        source?.cancel(CancellationError())
        finish(.clientGone)
    }

    private func take(_ body: Body) throws {
        // RFC 9110 sections 9.3.2, 15.3.5 and 15.4.5: these have no content, whatever body there is.
        guard method != .head, response.status.code >= 200, ![204, 304].contains(response.status.code) else {
            body.discard()
            finish(.complete)
            return
        }
        do {
            source = try body.open()
        } catch {
            throw broken(by: error)
        }
    }

    private var declaredLength: Int?

    private func checkLength(of source: any BodySource, isEnd: Bool) throws {
        guard let declared = declaredLength ?? source.knownLength else { return }
        declaredLength = declared
        let actual = response.outcome.bytesSent
        guard actual > declared || (isEnd && actual < declared) else { return }
        throw BodyLengthMismatch(declared: declared, actual: actual)
    }

    private func broken(by error: any Error) -> any Error {
        let source = source
        self.source = nil
        source?.cancel(error)
        finish(Outcome.End(brokenBy: error))
        return hasLeft ? CancellationError() : BrokenResponse(response, cause: error)
    }

    /// A body comes as a stream, as it does from a connection: it can be opened once.
    private func count(_ request: inout Request) throws {
        guard !request.body.isEmpty else { return }
        let isLive = request.body.isLive
        request.body = .stream(CountedSource(try request.body.open()) { [weak self] in self?.receivedBytes += $0 })
        request.body.isLive = isLive
    }

    private func finish(_ end: Outcome.End) {
        guard !isOver, let context else { return }
        isOver = true
        response.outcome.end = end
        response.outcome.bytesReceived = receivedBytes
        response.outcome.lastByteAt = client.worker.now
        self.context = nil
        context.finish(response.outcome)
    }
}

/// Counts what is read of a request's body.
private final class CountedSource: BodySource {
    private let upstream: any BodySource
    private let count: (Int) -> Void

    init(_ upstream: any BodySource, count: @escaping (Int) -> Void) {
        self.upstream = upstream
        self.count = count
    }

    deinit { upstream.cancel(CancellationError()) }

    var knownLength: Int? { upstream.knownLength }
    var isReady: Bool { upstream.isReady }

    func read() async throws -> BodyPart {
        let part = try await upstream.read()
        if case .bytes(let bytes) = part { count(bytes.readableBytes) }
        return part
    }

    func cancel(_ reason: any Error) { upstream.cancel(reason) }
}
