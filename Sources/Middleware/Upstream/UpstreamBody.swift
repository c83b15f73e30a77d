import NIOCore

/// The body of one answer. It may be read from anywhere; the connection's loop does the reading.
final class UpstreamBody: BodySource {
    private let connection: UpstreamConnection
    private let exchange: Int
    private var isOver = false
    let knownLength: Int?

    init(of connection: UpstreamConnection, exchange: Int, length: Int?) {
        self.connection = connection
        self.exchange = exchange
        knownLength = length
    }

    deinit { if !isOver { connection.abandon(exchange, CancellationError()) } }

    var isReady: Bool { connection.isReady(exchange) }

    func read() async throws -> BodyPart {
        guard !isOver else { throw BodyConsumed() }
        do {
            let part = try await connection.read(exchange)
            if case .end = part { isOver = true }
            return part
        } catch {
            isOver = true
            throw error
        }
    }

    func cancel(_ reason: any Error) {
        guard !isOver else { return }
        isOver = true
        connection.abandon(exchange, reason)
    }
}
