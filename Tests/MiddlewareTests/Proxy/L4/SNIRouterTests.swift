import Middleware
import NIOCore
import Synchronization
import Testing

@Suite("SNI router")
struct SNIRouterTests {
    /// Notes the connections that it gets, and every byte of them.
    private final class Taker: ConnectionHandler {
        let name: String
        let taken = Mutex<[(serverName: String?, bytes: [UInt8])]>([])

        init(_ name: String) { self.name = name }

        func handle(_ connection: consuming Connection, context: RequestContext) async throws {
            let (inbound, outbound) = connection.halves()
            var bytes: [UInt8] = []
            while let part = try await inbound.read() { bytes += part.readableBytesView }
            let serverName = context[ServerNameKey.self]
            taken.withLock { $0.append((serverName, bytes)) }
            outbound.finish()
        }
    }

    private let bench = Bench()

    /// A client in front of a router.
    private func connect(_ router: SNIRouter) async throws -> (far: FarEnd, task: Task<Void, any Error>) {
        let bench = bench
        let (far, bytes) = try await bench.onLoop {
            let (near, far) = QueueWire.pair(on: bench.worker.eventLoop, capacity: 100_000)
            let bytes = ConnectionBytes(near, on: bench.worker, early: nil) {}
            near.handler = bytes
            return (FarEnd(far), bytes)
        }
        return (far, bench.task { try await router.handle(Connection(bytes), context: bench.context()) })
    }

    private func send(_ bytes: [UInt8], on far: FarEnd, thenEnd: Bool = true) async throws {
        try await bench.onLoop {
            far.wire.write(ByteBuffer(bytes: bytes))
            far.wire.flush()
            if thenEnd { far.wire.closeOutput() }
        }
    }

    @Test(
        "the name wins over wildcards, the longer wildcard over the shorter, and the rest is for *",
        arguments: [
            ("a.example", "a"), ("A.Example", "a"), ("b.a.example", "below a"), ("c.b.a.example", "below b"),
            ("x.c.b.a.example", "below b"), ("z.example", "below"), ("example", "rest"), ("other", "rest"),
            (nil, "rest"),
        ] as [(String?, String)])
    func choice(serverName: String?, taker: String) async throws {
        let takers = ["below b", "rest", "a", "below", "below a"].map(Taker.init)
        let router = SNIRouter {
            SNIRoute("*") { takers[1] }
            SNIRoute("*.example", "*.test") { takers[3] }
            SNIRoute("*.B.a.example") { takers[0] }
            SNIRoute("*.a.example") { takers[4] }
            SNIRoute("A.example") { takers[2] }
        }
        #expect(router.blueprint.validate() == [])
        let bytes = (serverName.map { HelloBytes(name: $0) } ?? HelloBytes([])).records() + [1, 2, 3]
        let (far, task) = try await connect(router)
        try await send(bytes, on: far)
        try await task.value
        for candidate in takers {
            let taken = candidate.taken.withLock { $0 }
            #expect(taken.count == (candidate.name == taker ? 1 : 0), "\(candidate.name)")
            for connection in taken {
                #expect(connection.bytes == bytes)
                #expect(connection.serverName == serverName?.lowercased())
            }
        }
    }

    @Test("the message may come in pieces, and nothing of the connection is lost")
    func pieces() async throws {
        let taker = Taker("a")
        let (far, task) = try await connect(SNIRouter { SNIRoute("a.example") { taker } })
        let bytes = HelloBytes(name: "a.example").records(of: 20) + [UInt8](repeating: 5, count: 3000)
        for start in stride(from: 0, to: bytes.count, by: 17) {
            try await send(Array(bytes[start..<min(bytes.count, start + 17)]), on: far, thenEnd: false)
        }
        try await send([], on: far)
        try await task.value
        #expect(taker.taken.withLock { $0.map(\.bytes) } == [bytes])
    }

    @Test(
        "who cannot be routed is closed",
        arguments: [
            HelloBytes(name: "b.example").records(), HelloBytes([]).records(), HelloBytes(name: "192.0.2.1").records(),
            Array("GET / HTTP/1.1\r\n".utf8), Array(HelloBytes(name: "a.example").records().dropLast()), [],
        ])
    func refused(bytes: [UInt8]) async throws {
        let taker = Taker("a")
        let (far, task) = try await connect(SNIRouter { SNIRoute("a.example") { taker } })
        try await send(bytes, on: far)
        try await task.value
        try await bench.settle()
        try await bench.onLoop { #expect(far.isClosed && far.text.isEmpty) }
        #expect(taker.taken.withLock { $0.isEmpty })
    }

    @Test("time is up for a client that does not say what it wants")
    func timeout() async throws {
        let taker = Taker("a")
        let router = SNIRouter(timeout: .seconds(3)) { SNIRoute("a.example") { taker } }
        let (far, task) = try await connect(router)
        try await send(Array(HelloBytes(name: "a.example").records().prefix(30)), on: far, thenEnd: false)
        try await bench.settle()
        try await bench.step(by: .milliseconds(2999))
        try await bench.onLoop { #expect(!far.isClosed) }
        try await bench.step(by: .milliseconds(1))
        try await task.value
        try await bench.settle()
        try await bench.onLoop { #expect(far.isClosed) }
    }

    @Test("time counts for the first message only")
    func laterBytes() async throws {
        let taker = Taker("a")
        let (far, task) = try await connect(SNIRouter(timeout: .seconds(3)) { SNIRoute("a.example") { taker } })
        try await send(HelloBytes(name: "a.example").records(), on: far, thenEnd: false)
        try await bench.settle()
        try await bench.step(by: .seconds(60))
        try await bench.onLoop { #expect(!far.isClosed) }
        try await send([1], on: far)
        try await task.value
        #expect(taker.taken.withLock { $0.first?.bytes.last } == 1)
    }

    @Test(
        "bad and duplicate names are problems of the composition",
        arguments: [
            (["a.example", "A.Example"], "two routes for A.Example"), (["*.a", "*.a"], "two routes for *.a"),
            (["*", "*"], "two routes for *"), ([""], "no server name"), (["a."], "a., which is no server name"),
            (["https://a"], "no server name"), (["a:443"], "no server name"), (["a.*"], "no server name"),
            (["192.0.2.1"], "no server name"), (["*."], "no server name"), (["é.example"], "no server name"),
        ] as [([String], String)])
    func problems(names: [String], part: String) {
        let router = SNIRouter { for name in names { SNIRoute(name) { Taker(name) } } }
        let problems = router.blueprint.validate()
        #expect(problems.count == 1)
        #expect(problems.first?.problem.contains(part) == true, "\(problems)")
    }

    @Test("no route, no name and no time are problems as well")
    func emptiness() {
        #expect(SNIRouter {}.blueprint.validate().map(\.problem) == ["has no route"])
        let router = SNIRouter(timeout: .zero) { SNIRoute { Taker("") } }
        let problems = router.blueprint.validate().map(\.problem)
        #expect(problems == ["has a time-out of 0.0 seconds", "has a route for no name"])
    }
}
