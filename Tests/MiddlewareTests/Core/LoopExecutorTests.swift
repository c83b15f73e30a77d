import Middleware
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite("LoopExecutor")
struct LoopExecutorTests {
    private let bench = Bench()

    /// What happened, in order.
    private final class Log: Sendable {
        private let entries = Mutex<[String]>([])
        var all: [String] { entries.withLock { $0 } }
        func note(_ entry: String) { entries.withLock { $0.append(entry) } }
    }

    @Test("a task that prefers it runs on the loop, also after it has waited elsewhere")
    func runsOnLoop() async throws {
        let bench = bench
        #expect(!bench.worker.isCurrent)
        try await bench.task {
            #expect(bench.worker.isCurrent)
            await Task.yield()
            #expect(bench.worker.isCurrent)
            await Task.detached {}.value
            #expect(bench.worker.isCurrent)
            async let child: Void = { #expect(bench.worker.isCurrent) }()
            await child
        }.value
    }

    @Test("jobs run in the order in which they became ready")
    func order() async throws {
        let (bench, log) = (bench, Log())
        let tasks = try await bench.onTurn {
            (0..<20).map { index in bench.task { log.note("\(index)") } }
        }
        for task in tasks { try await task.value }
        #expect(log.all == (0..<20).map(String.init))
    }

    @Test("what an event makes ready runs when the event has been handled, before the loop's next work")
    func afterTheEvent() async throws {
        let (bench, log) = (bench, Log())
        try await bench.onTurn {
            let executor = bench.worker.executor
            executor.beginEvent()
            executor.beginEvent()
            _ = bench.task { log.note("task") }
            bench.worker.eventLoop.execute { log.note("next turn") }
            executor.endEvent()
            log.note("inner event over")
            executor.endEvent()
            log.note("event over")
        }
        try await bench.settle()
        #expect(log.all == ["inner event over", "task", "event over", "next turn"])
    }

    @Test("outside an event, jobs wait for the next turn of the loop")
    func outsideAnEvent() async throws {
        let (bench, log) = (bench, Log())
        try await bench.onTurn {
            _ = bench.task { log.note("task") }
            log.note("caller")
        }
        try await bench.settle()
        #expect(log.all == ["caller", "task"])
    }

    @Test("a task that yields lets the loop do other work in between")
    func yields() async throws {
        let (bench, log) = (bench, Log())
        let seen = try await bench.task {
            bench.worker.eventLoop.execute { log.note("loop") }
            for _ in 0..<1000 { await Task.yield() }
            return !log.all.isEmpty
        }.value
        do {
            #expect(seen)
        }
    }

    @Test("tasks that are always ready leave the loop room for its sockets")
    func sockets() async throws {
        /// Notes that bytes have come.
        final class Notes: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            private let log: Log
            init(_ log: Log) { self.log = log }
            func channelRead(context: ChannelHandlerContext, data: NIOAny) { log.note("read") }
        }
        let (bench, log) = (bench, Log())
        let listener = try await ServerBootstrap(group: bench.worker.eventLoop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Notes(log))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(listener.localAddress)
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address).get()
        let busy = bench.task {
            for _ in 0..<1_000_000 where log.all.isEmpty && !Task.isCancelled { await Task.yield() }
        }
        try await client.writeAndFlush(ByteBuffer(string: "a"))
        try await busy.value
        #expect(log.all == ["read"])
        try await client.close()
        try await listener.close()
    }
}
