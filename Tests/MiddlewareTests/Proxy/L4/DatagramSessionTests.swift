import Middleware
import NIOCore
import Testing

@Suite("DatagramSession")
struct DatagramSessionTests {
    /// The way to a client that does not exist. Unchecked because it is touched on its loop only.
    private final class Line: DatagramLine, @unchecked Sendable {
        private(set) var sent: [String] = []
        private(set) var drops = 0
        private(set) var ends = 0

        func write(_ bytes: ByteBuffer) { sent.append(String(buffer: bytes)) }
        func flush() {}
        func dropped() { drops += 1 }
        func ended() { ends += 1 }
    }

    private let bench = Bench()

    private func session(queue: Int = 3) async throws -> (DatagramSession, Line) {
        let (bench, line) = (bench, Line())
        var limits = DatagramLimits()
        limits.queuedDatagrams = queue
        limits.idleTimeout = .seconds(10)
        let given = limits
        let session = try await bench.onLoop {
            let session = DatagramSession(line, limits: given, on: bench.worker)
            session.start()
            return session
        }
        return (session, line)
    }

    @Test("datagrams wait in order, and those for which there is no room are dropped")
    func queue() async throws {
        let (session, line) = try await session()
        try await bench.onLoop {
            for number in 0..<5 { session.received(ByteBuffer(string: "\(number)")) }
            #expect(line.drops == 2)
        }
        for number in 0..<3 { #expect(try await session.receive().map { String(buffer: $0) } == "\(number)") }
    }

    @Test("silence ends it, and a datagram of either side starts the time anew")
    func silence() async throws {
        let (session, line) = try await session()
        try await bench.step(by: .seconds(9))
        try await bench.onLoop { session.received(ByteBuffer(string: "a")) }
        try await bench.step(by: .seconds(9))
        session.send(ByteBuffer(string: "b"))
        try await bench.settle()
        try await bench.step(by: .seconds(9))
        try await bench.onLoop { #expect(line.ends == 0 && line.sent == ["b"]) }
        try await bench.step(by: .seconds(1))
        try await bench.onLoop { #expect(line.ends == 1) }
        #expect(try await session.receive().map { String(buffer: $0) } == "a")
        #expect(try await session.receive() == nil)
        session.send(ByteBuffer(string: "late"))
        try await bench.settle()
        try await bench.onLoop { #expect(line.sent == ["b"]) }
    }

    @Test("while the server stops a second of silence is enough")
    func drain() async throws {
        let (session, line) = try await session()
        try await bench.step(by: .milliseconds(500))
        try await bench.onLoop { session.drain() }
        try await bench.onLoop { #expect(line.ends == 0) }
        try await bench.step(by: .milliseconds(500))
        try await bench.onLoop { #expect(line.ends == 1) }
    }

    @Test("cancelling the task that receives ends it")
    func cancel() async throws {
        let (bench, (session, line)) = (bench, try await session())
        let reader = bench.task { _ = try await session.receive() }
        try await bench.settle()
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        try await bench.settle()
        try await bench.onLoop { #expect(line.ends == 1) }
    }
}
