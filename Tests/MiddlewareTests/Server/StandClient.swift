import HTTPTypes
import MiddlewareTesting
import NIOCore

@testable import Middleware

/// The client's end of a connection of a ``ServerStand``. Unchecked because it is touched on its loop only.
final class StandClient: WireHandler, @unchecked Sendable {
    /// What the server has done with the connection.
    enum End: Sendable {
        case open
        /// It sends no more.
        case ended
        /// Both directions are over, in order.
        case closed
        case reset
    }

    /// Thrown when an answer that is waited for does not come.
    struct NoAnswer: Error, CustomStringConvertible {
        let end: End
        let text: String
        var description: String { "no whole answer (\(end)), but \(text.prefix(500).debugDescription)" }
    }

    private let wire: MemoryWire
    private let stand: ServerStand
    private weak var connection: ServerConnection?
    private let tap: Tap
    private var inbox = ByteBuffer()
    private var hasEnded = false
    private var closing: End?
    private var receivedBytes = 0
    private var sentBytes = 0

    init(_ wire: MemoryWire, on stand: ServerStand, to connection: ServerConnection, through tap: Tap) {
        self.wire = wire
        self.stand = stand
        self.connection = connection
        self.tap = tap
    }

    // MARK: Sending

    func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }

    func send(_ bytes: ByteBuffer) async throws {
        try await stand.onTurn { [self] in
            sentBytes += bytes.readableBytes
            wire.write(bytes)
            wire.flush()
        }
    }

    /// Sends no more, and still reads.
    func finishSending() async throws { try await stand.onTurn { [self] in wire.closeOutput() } }

    func close() async throws { try await stand.onTurn { [self] in wire.close() } }

    func reset() async throws { try await stand.onTurn { [self] in wire.reset() } }

    /// Stops and starts taking bytes.
    func setReading(_ isReading: Bool) async throws {
        try await stand.onTurn { [self] in wire.setReading(isReading) }
    }

    // MARK: Reading

    /// The next answer, read strictly. Throws ``NoAnswer`` when it does not come whole.
    func answer(to method: HTTPRequest.Method = .get) async throws -> StandAnswer {
        let reader = AnswerReader(answering: method)
        let patience = Patience()
        repeat {
            let isOver = try await stand.onTurn { [self] in
                let isEnd = end != .open
                let isWhole = try reader.read(&inbox, isEnd: isEnd && end != .reset)
                return isWhole || isEnd
            }
            if isOver { break }
        } while patience.lasts()
        return try await stand.onTurn { [self] in
            guard let answer = reader.answer, reader.isWhole else { throw NoAnswer(end: end, text: reader.text + text) }
            return answer
        }
    }

    /// Everything that has come and was not read, once there is nothing more to do.
    func rest() async throws -> String {
        try await stand.settle()
        return try await stand.onTurn { [self] in
            defer { inbox.clear() }
            return text
        }
    }

    /// Returns once so much has come that the text has `part`; `false` when it never does.
    func sees(_ part: String) async throws -> Bool {
        try await stand.until { [self] in text.contains(part) }
    }

    /// The bytes that have come in all.
    func receivedCount() async throws -> Int { try await stand.onTurn { [self] in receivedBytes } }

    /// The bytes that were sent and that the server has not taken.
    func unsentCount() async throws -> Int { try await stand.onTurn { [self] in sentBytes - tap.receivedBytes } }

    /// How the connection ends; `open` when it does not.
    func ending() async throws -> End {
        _ = try await stand.until { [self] in end != .open }
        return try await stand.onTurn { [self] in end }
    }

    /// What has become of the connection when there is nothing more to do.
    func state() async throws -> End {
        try await stand.settle()
        return try await stand.onTurn { [self] in end }
    }

    /// Whether the server's side of the connection lets go of itself.
    func isForgotten() async throws -> Bool { try await stand.until { [self] in connection == nil } }

    private var text: String { inbox.getString(at: inbox.readerIndex, length: inbox.readableBytes) ?? "" }

    private var end: End { closing ?? (hasEnded ? .ended : .open) }

    // MARK: Events

    func received(_ bytes: ByteBuffer) {
        var bytes = bytes
        receivedBytes += bytes.readableBytes
        inbox.writeBuffer(&bytes)
    }

    func receivedAll() {}

    func inputClosed() { hasEnded = true }

    func writabilityChanged() {}

    func closed(_ error: (any Error)?) { closing = error == nil ? .closed : .reset }
}

/// Passes the events of a wire on to a server's connection and counts the bytes. On one loop only.
final class Tap: WireHandler {
    private var connection: ServerConnection?
    private(set) var receivedBytes = 0

    init(_ connection: ServerConnection) { self.connection = connection }

    func received(_ bytes: ByteBuffer) {
        receivedBytes += bytes.readableBytes
        connection?.received(bytes)
    }

    func receivedAll() { connection?.receivedAll() }

    func inputClosed() { connection?.inputClosed() }

    func writabilityChanged() { connection?.writabilityChanged() }

    func closed(_ error: (any Error)?) {
        connection?.closed(error)
        connection = nil
    }
}

/// One answer as a client has read it.
struct StandAnswer: Sendable {
    var status: Int
    var headers: Headers
    var body = ""
    var trailers: Headers?
    /// The statuses of the 1xx answers ahead of it.
    var informational: [Int] = []

    /// Whether it says that the connection ends.
    var closes: Bool { headers[.connection] == "close" }
}

/// Reads one answer with the library's own strict decoder. Unchecked because it is used on one loop only.
private final class AnswerReader: @unchecked Sendable {
    private var decoder = ResponseDecoder()
    private var content = ByteBuffer()
    private var informational: [Int] = []
    private(set) var answer: StandAnswer?
    private(set) var isWhole = false

    init(answering method: HTTPRequest.Method) { decoder.start(answering: method, offersUpgrade: true) }

    var text: String { answer.map { "\($0)" } ?? "" }

    func read(_ bytes: inout ByteBuffer, isEnd: Bool) throws -> Bool {
        while !isWhole, let event = try decoder.next(from: &bytes) { take(event) }
        if isEnd, !isWhole, answer != nil, let event = try? decoder.close() { take(event) }
        return isWhole
    }

    private func take(_ event: ResponseEvent) {
        switch event {
        case .informational(let status, _):
            informational.append(status.code)
        case .head(let head):
            answer = StandAnswer(status: head.status.code, headers: head.headers, informational: informational)
            isWhole = head.framing == .none
        case .body(var part):
            content.writeBuffer(&part)
        case .end(let trailers):
            answer?.trailers = trailers
            answer?.body = String(buffer: content)
            isWhole = true
        }
    }
}
