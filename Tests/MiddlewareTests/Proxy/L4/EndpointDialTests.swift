import Middleware
import MiddlewareTesting
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Opening a connection for a raw one, in memory and on stepped time.
@Suite("TCPProxy: connecting")
struct EndpointDialTests {
    /// Answers as it is told for each address, and counts attempts that were given up.
    private final class Stand: Dialer {
        enum Answer {
            case hanging
            case refused
            case connected
        }

        private let answers: [DialAddress: Answer]
        let givenUp = Atomic<Int>(0)
        let far = Mutex<[FarEnd]>([])

        init(_ answers: [DialAddress: Answer]) { self.answers = answers }

        func dial(
            _ address: DialAddress,
            on worker: Worker,
            completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
        ) -> TimerToken {
            switch answers[address] ?? .refused {
            case .hanging: break
            case .refused: _ = completion(.failure(ChannelError.connectTimeout(.zero)))
            case .connected:
                let (near, far) = QueueWire.pair(on: worker.eventLoop, capacity: 1 << 20)
                near.handler = completion(.success(near))
                let end = FarEnd(far)
                self.far.withLock { $0.append(end) }
            }
            return TimerToken { self.givenUp.add(1, ordering: .relaxed) }
        }
    }

    private let time = SteppedTime()

    /// A client's connection that a proxy handles with that dialer: its far end and the task.
    private func handle(
        _ proxy: TCPProxy, _ stand: Stand
    ) async throws -> (client: FarEnd, task: Task<Void, any Error>, runtime: Runtime) {
        let runtime = Runtime(
            time: time, logger: TestClient.silentLogger, randomness: SeededRandomness(seed: 1),
            group: MultiThreadedEventLoopGroup.singleton.next(), dialer: stand)
        let worker = runtime.workers.all[0]
        let (bytes, client) = try await worker.eventLoop.submit {
            let (near, far) = QueueWire.pair(on: worker.eventLoop, capacity: 1 << 20)
            let bytes = ConnectionBytes(near, on: worker, early: nil) {}
            near.handler = bytes
            return (bytes, FarEnd(far))
        }.get()
        let task = Task(executorPreference: worker.executor) {
            let context = RequestContext(runtime: runtime, worker: worker, peer: Peer(), watchesTask: true)
            try await proxy.handle(Connection(bytes), context: context)
        }
        try await settle(runtime)
        return (client, task, runtime)
    }

    private func settle(_ runtime: Runtime) async throws {
        for _ in 0..<6 { try await runtime.workers.all[0].eventLoop.submit {}.get() }
    }

    private func step(_ duration: Duration, _ runtime: Runtime) async throws {
        time.step(by: duration)
        try await settle(runtime)
    }

    @Test("an endpoint that does not answer in time is given up and reported, and the next one gets the bytes")
    func timeout() async throws {
        let stand = Stand([.host("10.0.0.1", port: 1): .hanging, .host("10.0.0.2", port: 1): .connected])
        let chooser = ScriptedChooser(["10.0.0.1:1", "10.0.0.2:1"])
        let (client, task, runtime) = try await handle(TCPProxy(choosing: chooser), stand)
        try await runtime.workers.all[0].eventLoop.submit { client.send("early") }.get()
        try await step(.seconds(4), runtime)
        #expect(chooser.evidence == [] && chooser.inFlight == [1, 0])
        try await step(.seconds(1), runtime)
        #expect(chooser.evidence == [.timedOut, .connected(nanoseconds: 0)])
        #expect(chooser.inFlight == [0, 1] && stand.givenUp.load(ordering: .relaxed) == 1)
        let far = try #require(stand.far.withLock { $0.first })
        try await settle(runtime)
        #expect(try await runtime.workers.all[0].eventLoop.submit { far.text }.get() == "early")
        try await runtime.workers.all[0].eventLoop.submit {
            client.wire.closeOutput()
            far.wire.closeOutput()
        }.get()
        try await task.value
        #expect(chooser.inFlight == [0, 0])
    }

    @Test("a client that goes while an endpoint is connected to ends the attempt, and says nothing of the endpoint")
    func cancelled() async throws {
        let stand = Stand([.host("10.0.0.1", port: 1): .hanging])
        let chooser = ScriptedChooser(["10.0.0.1:1"])
        let (_, task, runtime) = try await handle(TCPProxy(choosing: chooser), stand)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await settle(runtime)
        #expect(chooser.evidence == [] && chooser.inFlight == [0])
        #expect(stand.givenUp.load(ordering: .relaxed) == 1)
    }

    @Test("refusals that come at once are not waited for, and the last one is what is thrown")
    func refused() async throws {
        let chooser = ScriptedChooser(["10.0.0.1:1", "10.0.0.2:1"])
        let (_, task, _) = try await handle(TCPProxy(choosing: chooser), Stand([:]))
        let error = await #expect(throws: ProxyFailure.self) { try await task.value }
        #expect(error?.endpoint == "10.0.0.2:1" && error?.phase == .connect)
        #expect(chooser.evidence == [.notConnected, .notConnected])
    }

    @Test("with no other endpoint left, the one that failed is not tried again")
    func lone() async throws {
        let (_, task, _) = try await handle(TCPProxy(to: "10.0.0.1:1"), Stand([:]))
        let error = await #expect(throws: ProxyFailure.self) { try await task.value }
        #expect(error?.endpoint == "10.0.0.1:1" && error?.phase == .connect)
    }
}
