import HTTPTypes
import NIOCore

/// What a probe sends and what it takes for an answer.
struct ProbeAsk: Sendable {
    let head: ByteBuffer
    let method: HTTPRequest.Method
    let statuses: [ClosedRange<Int>]
    /// What must be in the body; empty to read none.
    let content: [UInt8]
    let contentBytes: Int
}

/// One connection of a probe, for one exchange or none. Outside the pools, so that a probe neither waits for their
/// limits nor finds an endpoint well by a connection that was opened long ago.
///
/// Unchecked because it is touched on its worker's loop only; entries from elsewhere go through `perform`.
final class ProbeConnection: WireHandler, @unchecked Sendable {
    /// As many 1xx answers as a connection of the pools takes.
    private static let informationalLimit = UpstreamConnection.informationalLimit

    private let worker: Worker
    private let ask: ProbeAsk?
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var result: Result<Void, any Error>?
    private var attempt: TimerToken?
    private var wire: (any Wire)?
    private var decoder = ResponseDecoder()
    private var input = ByteBuffer()
    private var content: [UInt8] = []
    private var hasHead = false
    private var informationalCount = 0

    private init(on worker: Worker, asking ask: ProbeAsk?) {
        self.worker = worker
        self.ask = ask
    }

    /// Connects, asks unless `ask` is `nil`, judges and closes. Throws ``ProbeFailure``, or `CancellationError` when
    /// its task is cancelled.
    static func run(to endpoint: Endpoint, on runtime: Runtime, asking ask: ProbeAsk?) async throws {
        let workers = runtime.workers
        let connection = ProbeConnection(on: workers.worker(of: workers.group.next()), asking: ask)
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                connection.worker.perform { connection.start(continuation, runtime.dialer, endpoint.address) }
            }
        } onCancel: {
            connection.worker.perform { connection.finish(.failure(CancellationError())) }
        }
    }

    private func start(
        _ continuation: UnsafeContinuation<Void, any Error>, _ dialer: any Dialer, _ address: DialAddress
    ) {
        if let result {
            continuation.resume(with: result)
            return
        }
        self.continuation = continuation
        let attempt = dialer.dial(address, on: worker) { self.connected($0) }
        if result == nil, wire == nil { self.attempt = attempt }
    }

    private func connected(_ outcome: Result<any Wire, any Error>) -> (any WireHandler)? {
        attempt = nil
        guard result == nil else { return nil }
        switch outcome {
        case .failure(let error):
            fail("no connection: \(error)")
            return nil
        case .success(let wire):
            guard let ask else {
                finish(.success(()))
                return nil
            }
            self.wire = wire
            decoder.start(answering: ask.method)
            wire.send(ask.head)
            return self
        }
    }

    private func fail(_ reason: String) { finish(.failure(ProbeFailure(reason))) }

    private func finish(_ result: Result<Void, any Error>) {
        guard self.result == nil else { return }
        self.result = result
        attempt?.cancel()
        attempt = nil
        wire?.close()
        wire = nil
        input = ByteBuffer()
        content = []
        continuation?.resume(with: result)
        continuation = nil
    }

    // MARK: Events

    func received(_ bytes: ByteBuffer) {
        guard result == nil else { return }
        input.join(bytes)
        decode()
    }

    func receivedAll() {}

    func writabilityChanged() {}

    func inputClosed() { closed(nil) }

    func closed(_ error: (any Error)?) {
        guard result == nil else { return }
        // Content that lasts until the end of the connection is whole now (RFC 9112 section 6.3, rule 8).
        if error == nil, hasHead, (try? decoder.close()) != nil {
            judgeContent(isWhole: true)
        } else {
            fail(error.map { "the connection broke off: \($0)" } ?? "the connection was closed before the answer ended")
        }
    }

    // MARK: The answer

    private func decode() {
        do {
            while result == nil, let event = try decoder.next(from: &input) {
                switch consume event {
                case .informational:
                    informationalCount += 1
                    if informationalCount > Self.informationalLimit { fail("too many interim answers") }
                case .head(let head): judge(head)
                case .body(let part): append(part)
                case .end: judgeContent(isWhole: true)
                }
            }
        } catch {
            fail("a malformed answer: \(error.explanation)")
        }
    }

    private func judge(_ head: ResponseHead) {
        hasHead = true
        guard let ask, ask.statuses.contains(where: { $0.contains(head.status.code) }) else {
            fail("answered \(head.status.code)")
            return
        }
        if ask.content.isEmpty {
            finish(.success(()))
        } else if head.framing == .none {
            judgeContent(isWhole: true)
        }
    }

    private func append(_ part: ByteBuffer) {
        guard let ask else { return }
        content += part.readableBytesView.prefix(max(0, ask.contentBytes - content.count))
        judgeContent(isWhole: content.count >= ask.contentBytes)
    }

    private func judgeContent(isWhole: Bool) {
        guard let ask, isWhole else { return }
        if content.contains(ask.content) {
            finish(.success(()))
        } else {
            fail("the content is not what is expected")
        }
    }
}
