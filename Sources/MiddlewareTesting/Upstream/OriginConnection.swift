import Middleware
import NIOCore

/// One connection to a ``ScriptedUpstream``: reads requests, and runs the script for one after the other.
///
/// Unchecked because everything mutable is touched on its worker's loop only; entries from elsewhere go through
/// `perform`.
final class OriginConnection: WireHandler, @unchecked Sendable {
    let number: Int
    let worker: Worker
    let wire: MemoryWire
    private let upstream: ScriptedUpstream
    private var decoder = RequestDecoder()
    private var input = ByteBuffer()
    /// The exchange whose request is being read or whose script runs.
    private var exchange: ScriptedExchange?
    private var isScriptOver = true
    private var task: Task<Void, Never>?
    private var isClosed = false

    init(_ wire: MemoryWire, number: Int, of upstream: ScriptedUpstream, on worker: Worker) {
        self.wire = wire
        self.number = number
        self.upstream = upstream
        self.worker = worker
    }

    /// Closes, from any thread.
    func closeSoon() { worker.perform { self.wire.close() } }

    // MARK: Events

    func received(_ bytes: ByteBuffer) {
        var bytes = bytes
        input.writeBuffer(&bytes)
        decode()
    }

    func receivedAll() {}

    // A gateway has no use for half of a connection: when it sends no more, it has gone.
    func inputClosed() { wire.close() }

    func writabilityChanged() { if wire.isWritable { exchange?.resume() } }

    func closed(_ error: (any Error)?) {
        isClosed = true
        task?.cancel()
        exchange?.breakOff()
        exchange = nil
        upstream.ended(self)
    }

    // MARK: Requests

    private func decode() {
        do {
            while !isClosed, isExpectingBytes, let event = try decoder.next(from: &input) {
                switch event {
                case .head(let head): begin(head)
                case .body(var part): exchange?.append(&part)
                case .end(let trailers): exchange?.complete(trailers)
                }
                if let exchange, exchange.request.isComplete, isComplete(event) { completed(exchange) }
            }
        } catch {
            upstream.report("connection \(number): a request breaks the protocol. \(error.explanation)")
            wire.close()
        }
    }

    /// The next request waits until this one is answered.
    private var isExpectingBytes: Bool { exchange.map { !$0.request.isComplete } ?? true }

    private func isComplete(_ event: RequestEvent) -> Bool {
        switch event {
        case .head(let head): head.framing == .none
        case .body: false
        case .end: true
        }
    }

    private func begin(_ head: RequestHead) {
        let exchange = ScriptedExchange(
            ScriptedRequest(head),
            persists: head.persists,
            number: upstream.nextNumber(),
            connection: self
        )
        self.exchange = exchange
        isScriptOver = false
        if upstream.startsAtHead { run(exchange) }
    }

    private func completed(_ exchange: ScriptedExchange) {
        if upstream.startsAtHead { proceed() } else { run(exchange) }
    }

    private func run(_ exchange: ScriptedExchange) {
        upstream.record(exchange.request)
        let script = upstream.script
        task = Task(executorPreference: worker.executor) {
            do {
                try await script(exchange)
            } catch {
                if !self.isClosed { self.upstream.report("the script of request \(exchange.number) threw \(error)") }
                self.wire.close()
            }
            self.scriptEnded(exchange)
        }
    }

    private func scriptEnded(_ exchange: ScriptedExchange) {
        task = nil
        isScriptOver = true
        guard !isClosed else { return }
        if let problem = exchange.scriptEnded() {
            upstream.report(problem)
            wire.close()
        }
        proceed()
    }

    /// Goes on with the next request once both messages are complete.
    private func proceed() {
        guard let exchange, isScriptOver, exchange.isAnswered, exchange.request.isComplete else { return }
        self.exchange = nil
        if exchange.persists { decode() } else { wire.close() }
    }
}
