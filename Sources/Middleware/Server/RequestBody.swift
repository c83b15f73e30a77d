import NIOCore

/// The body of one request as its handler reads it. It may be read from anywhere; the connection's loop does the
/// reading.
final class RequestBody: BodySource {
    private let connection: ServerConnection
    private let exchange: Int
    private var isOver = false
    let knownLength: Int?

    init(of connection: ServerConnection, exchange: Int, length: Int?) {
        self.connection = connection
        self.exchange = exchange
        knownLength = length
    }

    deinit { if !isOver { connection.abandonBody(exchange) } }

    var isReady: Bool { connection.isBodyReady(exchange) }

    func read() async throws -> BodyPart {
        guard !isOver else { throw BodyConsumed() }
        do {
            let part = try await connection.readBody(exchange)
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
        connection.abandonBody(exchange)
    }
}
