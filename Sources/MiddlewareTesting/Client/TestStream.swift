public import HTTPTypes
public import Middleware
public import NIOCore

/// An answer whose body a test reads part by part, or gives up.
///
/// ```swift
/// let stream = try await client.stream(.get, "/events")
/// #expect(try await stream.read() == "data: 1\n\n")
/// stream.leave()
/// await origin.waitForClosedConnections()
/// ```
///
/// Not reading is back-pressure, as with a client that is slow. Dropping it counts as ``leave()``. Safe to use from any
/// thread, with one reader.
public final class TestStream: Sendable {
    /// The status.
    public let status: HTTPResponse.Status
    /// The fields, as the handler left them.
    public let headers: Headers
    private let exchange: TestExchange
    private let worker: Worker

    init(_ exchange: TestExchange, on worker: Worker) {
        status = exchange.response.status
        headers = exchange.response.headers
        self.exchange = exchange
        self.worker = worker
    }

    deinit { Self.leave(exchange, on: worker) }

    /// The next bytes; `nil` behind the last.
    ///
    /// Throws ``BrokenResponse`` when the body breaks off, `CancellationError` once the client has left.
    public func readBytes() async throws -> ByteBuffer? {
        try await worker.run { try await exchange.read() }
    }

    /// The next bytes as UTF-8; `nil` behind the last. Throws as ``readBytes()`` does.
    public func read() async throws -> String? { try await readBytes().map { String(buffer: $0) } }

    /// Reads to the end, and gives the whole answer, what was read before included. Throws as ``readBytes()`` does.
    public func collect() async throws -> TestResponse {
        try await worker.run { try await exchange.collect() }
    }

    /// Goes away, as a client does that closes its connection: every wait of the exchange ends with
    /// `CancellationError`. Nothing happens when the answer is complete.
    public func leave() { Self.leave(exchange, on: worker) }

    private static func leave(_ exchange: TestExchange, on worker: Worker) {
        worker.perform { exchange.leave() }
    }
}
