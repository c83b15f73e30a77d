import Middleware
import NIOCore
import Synchronization
import Testing

@Suite("Connection")
struct ConnectionTests {
    /// A raw connection and who is at its other end.
    private struct Line: Sendable {
        let bytes: ConnectionBytes
        let wire: QueueWire
        let far: FarEnd
        let closes: Closes
    }

    /// How often a connection said that it is over.
    private final class Closes: Sendable {
        private let value = Atomic<Int>(0)
        var count: Int { value.load(ordering: .relaxed) }
        func add() { value.add(1, ordering: .relaxed) }
    }

    private let bench = Bench()

    private func line(early: String? = nil, capacity: Int = 1000) async throws -> Line {
        let bench = bench
        return try await bench.onLoop {
            let (near, far) = QueueWire.pair(on: bench.worker.eventLoop, capacity: capacity)
            let closes = Closes()
            let bytes = ConnectionBytes(near, on: bench.worker, early: early.map { ByteBuffer(string: $0) }) {
                closes.add()
            }
            near.handler = bytes
            return Line(bytes: bytes, wire: near, far: FarEnd(far), closes: closes)
        }
    }

    private func text(_ inbound: Connection.Inbound) async throws -> String? {
        try await inbound.read().map { String(buffer: $0) }
    }

    // MARK: Two directions

    @Test("bytes come in order, those that were read before first, then the end")
    func reads() async throws {
        let line = try await line(early: "early ")
        let (inbound, outbound) = Connection(line.bytes).halves()
        try await bench.onLoop {
            line.far.send("one ")
            line.far.send("two")
            line.far.wire.closeOutput()
        }
        var seen = ""
        while let part = try await text(inbound) { seen += part }
        #expect(seen == "early one two")
        #expect(try await text(inbound) == nil)
        outbound.finish()
        try await bench.settle()
        #expect(line.closes.count == 1)
    }

    @Test("a read waits for bytes")
    func readWaits() async throws {
        let (bench, line) = (bench, try await line())
        let (inbound, outbound) = Connection(line.bytes).halves()
        let reader = bench.task { try await inbound.read().map { String(buffer: $0) } }
        try await bench.settle()
        try await bench.onLoop { line.far.send("late") }
        #expect(try await reader.value == "late")
        outbound.finish()
    }

    @Test("what is not read holds the far side back")
    func readAhead() async throws {
        let (bench, line) = (bench, try await line(capacity: 1 << 20))
        let (inbound, outbound) = Connection(line.bytes).halves()
        let block = String(repeating: "x", count: 40 << 10)
        try await bench.onLoop { for _ in 0..<5 { line.far.send(block) } }
        try await bench.settle()
        try await bench.onLoop { #expect(!line.wire.isReading) }
        var seen = 0
        while seen < 5 * block.utf8.count { seen += try await inbound.read()?.readableBytes ?? 0 }
        try await bench.onLoop { #expect(line.wire.isReading) }
        outbound.finish()
    }

    @Test("a write waits while the far side does not take it")
    func writeWaits() async throws {
        let (bench, line) = (bench, try await line(capacity: 10))
        let (inbound, outbound) = Connection(line.bytes).halves()
        try await bench.onLoop { line.wire.isHeld = true }
        let written = GatedSource()
        let writer = bench.task {
            try await outbound.write(ByteBuffer(string: "0123456789"))
            written.give("done")
        }
        try await bench.settle()
        #expect(!written.isReady)
        await #expect(throws: ChannelError.self) { try await outbound.write(ByteBuffer(string: "second")) }
        try await bench.onLoop { line.wire.isHeld = false }
        try await writer.value
        try await bench.onLoop { #expect(line.far.text == "0123456789") }
        _ = inbound
    }

    @Test("after the end nothing can be written, and the far side sees the end")
    func finished() async throws {
        let line = try await line()
        let (inbound, outbound) = Connection(line.bytes).halves()
        outbound.finish()
        outbound.finish()
        await #expect(throws: (any Error).self) { try await outbound.write(ByteBuffer(string: "x")) }
        try await bench.settle()
        try await bench.onLoop { #expect(line.far.hasEnded && !line.far.isClosed) }
        _ = inbound
    }

    @Test("a reset ends a read and a write that wait, with its error")
    func resets() async throws {
        let (bench, line) = (bench, try await line(capacity: 1))
        let (inbound, outbound) = Connection(line.bytes).halves()
        try await bench.onLoop { line.wire.isHeld = true }
        let reader = bench.task { _ = try await inbound.read() }
        let writer = bench.task { try await outbound.write(ByteBuffer(string: "x")) }
        try await bench.settle()
        try await bench.onLoop { line.far.wire.reset() }
        await #expect(throws: QueueWire.Reset.self) { try await reader.value }
        await #expect(throws: (any Error).self) { try await writer.value }
        await #expect(throws: QueueWire.Reset.self) { try await inbound.read() }
        #expect(line.closes.count == 1)
    }

    @Test("cancelling the task that reads closes the connection")
    func cancels() async throws {
        let (bench, line) = (bench, try await line())
        let (inbound, outbound) = Connection(line.bytes).halves()
        let reader = bench.task { _ = try await inbound.read() }
        try await bench.settle()
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        try await bench.settle()
        try await bench.onLoop { #expect(line.far.isClosed) }
        _ = outbound
    }

    @Test("a connection that is dropped is closed")
    func dropped() async throws {
        let line = try await line()
        do { _ = Connection(line.bytes) }
        try await bench.settle()
        try await bench.onLoop { #expect(line.far.isClosed) }
        #expect(line.closes.count == 1)
        let halved = try await self.line()
        do {
            var (inbound, outbound): (Connection.Inbound?, Connection.Outbound?) = Connection(halved.bytes).halves()
            inbound = nil
            try await bench.settle()
            try await bench.onLoop { #expect(!halved.far.isClosed) }
            outbound = nil
            _ = (inbound, outbound)
        }
        try await bench.settle()
        try await bench.onLoop { #expect(halved.far.isClosed) }
    }

    // MARK: Relay

    private func relay(_ one: Line, _ other: Line) async throws -> Task<Void, any Error> {
        let (one, other) = (one.bytes, other.bytes)
        let task = bench.task { try await Connection(one).relay(with: Connection(other), idle: .seconds(10)) }
        try await bench.settle()
        return task
    }

    @Test("bytes pass both ways, and each end passes on by itself")
    func relaysBothWays() async throws {
        let (client, origin) = (try await line(early: "hello "), try await line())
        let relay = try await relay(client, origin)
        try await bench.onLoop { client.far.send("world") }
        try await bench.settle()
        try await bench.onLoop {
            #expect(origin.far.text == "hello world")
            origin.far.send("answer")
            client.far.wire.closeOutput()
        }
        try await bench.settle()
        try await bench.onLoop {
            #expect(client.far.text == "answer")
            #expect(origin.far.hasEnded && !origin.far.isClosed)
            #expect(!client.far.hasEnded)
            origin.far.send(", and more")
        }
        try await bench.settle()
        try await bench.onLoop { origin.far.wire.closeOutput() }
        try await relay.value
        try await bench.settle()
        try await bench.onLoop {
            #expect(client.far.text == "answer, and more")
            #expect(client.far.hasEnded || client.far.isClosed)
            #expect(client.far.error == nil && origin.far.error == nil)
        }
        #expect(client.closes.count == 1 && origin.closes.count == 1)
    }

    @Test("the last bytes reach a slow client that has already ended its side")
    func lastBytes() async throws {
        let (client, origin) = (try await line(), try await line())
        let relay = try await relay(client, origin)
        try await bench.onLoop {
            client.far.wire.closeOutput()
            client.wire.isHeld = true
        }
        try await bench.settle()
        try await bench.onLoop {
            origin.far.send("the answer")
            origin.far.wire.closeOutput()
        }
        try await relay.value
        try await bench.settle()
        try await bench.onLoop { client.wire.isHeld = false }
        try await bench.settle()
        try await bench.onLoop {
            #expect(client.far.text == "the answer")
        }
    }

    @Test("neither side may be silent for longer than the idle limit, and every byte starts it anew")
    func idle() async throws {
        let (client, origin) = (try await line(), try await line())
        let relay = try await relay(client, origin)
        for side in [client, origin, client] {
            try await bench.step(by: .seconds(9))
            try await bench.onLoop { side.far.send("x") }
            try await bench.settle()
        }
        try await bench.step(by: .seconds(9))
        try await bench.onLoop { #expect(!client.far.isClosed && !origin.far.isClosed) }
        try await bench.step(by: .seconds(1))
        await #expect(throws: DeadlineExceeded.self) { try await relay.value }
        try await bench.settle()
        try await bench.onLoop { #expect(client.far.isClosed && origin.far.isClosed) }
    }

    @Test("when the client fails, the relay ends and the origin is closed")
    func clientFails() async throws {
        let (client, origin) = (try await line(), try await line())
        let relay = try await relay(client, origin)
        try await bench.onLoop { client.far.wire.reset() }
        try await bench.settle()
        try await bench.onLoop { #expect(origin.far.isClosed) }
        await #expect(throws: QueueWire.Reset.self) { try await relay.value }
    }

    @Test("when the origin fails, the relay ends and the client is closed")
    func originFails() async throws {
        let (client, origin) = (try await line(), try await line())
        let relay = try await relay(client, origin)
        try await bench.onLoop { origin.far.wire.reset() }
        try await bench.settle()
        let isClosed = try await bench.onLoop { client.far.isClosed }
        #expect(isClosed)
        await #expect(throws: (any Error).self) { try await relay.value }
    }

    @Test("cancelling the relay closes both sides")
    func relayIsCancelled() async throws {
        let (client, origin) = (try await line(), try await line())
        let relay = try await relay(client, origin)
        relay.cancel()
        await #expect(throws: CancellationError.self) { try await relay.value }
        try await bench.settle()
        try await bench.onLoop { #expect(client.far.isClosed && origin.far.isClosed) }
    }
}
