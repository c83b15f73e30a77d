import HTTPTypes
import MiddlewareTesting
import NIOCore
import NIOPosix
import Testing

@testable import Middleware

/// A gateway between clients and an origin of which both fail in every way at once: what is left behind is idle
/// connections, no more of them than are allowed.
@Suite("Leaks of a proxy", .serialized, .timeLimit(.minutes(2)))
struct LeakTests {
    /// How a client ends its side.
    enum Leaving: CaseIterable, Sendable {
        /// It waits for what the gateway does.
        case stays
        case closes
        case resets
        case closesOutput
    }

    /// One exchange, with a connection of its own.
    struct Visit: Sendable {
        var fault: FaultyOrigin.Fault
        var leaving: Leaving
        /// Whether the client stands in the middle of its request's body.
        var isUpload: Bool
        var number: Int

        static func all(from number: Int) -> [Visit] {
            var visits: [Visit] = []
            for fault in FaultyOrigin.Fault.allCases {
                for leaving in Leaving.allCases where !(fault.isEndless && leaving == .stays) {
                    for isUpload in [false, true] where !(isUpload && fault == .none) {
                        let number = number + visits.count
                        visits.append(Visit(fault: fault, leaving: leaving, isUpload: isUpload, number: number))
                    }
                }
            }
            return visits
        }

        func run(at server: RunningServer, _ origin: FaultyOrigin) async throws {
            let client = try await server.connect()
            let target = "/\(fault.rawValue)?\(number)"
            if isUpload {
                try await client.send(request("POST \(target)", "Content-Length: 10000000"))
                try? await client.send(ByteBuffer(repeating: 0x61, count: 100_000))
            } else {
                try await client.send(request("GET \(target)", "Connection: close"))
            }
            if fault.isEndless {
                #expect(await eventually { origin.hasSeen(target) }, "\(self)")
                if fault.hasHalf { _ = try await client.read(through: "half") }
            }
            switch leaving {
            case .stays: break
            case .closes: try? await client.close()
            case .resets: try? await client.reset()
            case .closesOutput: try? await client.finishSending()
            }
            _ = try? await client.waitForEnd()
            try? await client.close()
        }
    }

    /// One loop of a gateway, and the pool that it keeps for its origin.
    private struct Gateway: Sendable {
        final class Owner: Sendable {}

        let runtime: Runtime
        let configuration: Forwarder.Configuration
        let endpoint: Endpoint
        private let owner = Owner()

        init(
            to endpoint: Endpoint,
            _ configuration: Forwarder.Configuration = Forwarder.Configuration(),
            time: any TimeSource = SystemTime()
        ) {
            self.endpoint = endpoint
            self.configuration = configuration
            runtime = Runtime(
                time: time,
                logger: TestClient.silentLogger,
                group: MultiThreadedEventLoopGroup.singleton.next()
            )
        }

        var worker: Worker { runtime.workers.all[0] }

        /// Idle, busy and waiting; on the loop only.
        var counts: [Int] {
            let context = RequestContext(runtime: runtime, worker: worker, peer: Peer(), watchesTask: false)
            let pool = UpstreamPools.of(context).pool(endpoint, configuration.connections, of: owner)
            return [pool.idleCount, pool.busyCount, pool.waiterCount]
        }

        /// Lets the loop go on until something holds, which is looked at on the loop; `false` when it never does.
        func until(_ condition: @escaping @Sendable () -> Bool) async throws -> Bool {
            let patience = Patience()
            repeat {
                // A timer, because tasks that follow one another at once keep the loop from its sockets.
                if try await worker.eventLoop.scheduleTask(in: .milliseconds(1), condition).futureResult.get() {
                    return true
                }
            } while patience.lasts()
            return false
        }
    }

    private static let idleLimit = 2

    @Test("after rounds of faults on both sides nothing is busy, and only idle connections are open")
    func rounds() async throws {
        try await FaultyOrigin.run { origin in
            var configuration = Forwarder.Configuration()
            configuration.connections.idleConnections = Self.idleLimit
            let gateway = Gateway(to: origin.endpoint, configuration)
            try await withServer(ReverseProxy(to: origin.endpoint, configuration), runtime: gateway.runtime) { server in
                for round in 0..<3 {
                    try await withThrowingTaskGroup { group in
                        for visit in Visit.all(from: round * 1000) {
                            group.addTask { try await visit.run(at: server, origin) }
                        }
                        try await group.waitForAll()
                    }
                    let isQuiet = try await gateway.until {
                        gateway.counts[1...] == [0, 0] && gateway.counts[0] <= Self.idleLimit
                    }
                    let counts = try await gateway.worker.eventLoop.submit { gateway.counts }.get()
                    #expect(isQuiet, "round \(round): \(counts) are idle, busy and waiting")
                    guard OpenSockets.areListed else { continue }
                    let (port, originPort) = (server.port, origin.port)
                    let isClosed = try await gateway.until {
                        OpenSockets.count(onLocalPort: port) == 0
                            && OpenSockets.count(toRemotePort: originPort) == gateway.counts[0]
                    }
                    #expect(
                        isClosed,
                        """
                        round \(round): \(OpenSockets.count(onLocalPort: port)) from clients, \
                        \(OpenSockets.count(toRemotePort: originPort)) to the origin
                        """
                    )
                }
            }
            await origin.closeConnections()
            #expect(try await gateway.until { gateway.counts == [0, 0, 0] })
        }
    }

    @Test("a server that has to break off what is in flight leaves nothing open")
    func brokenOffDrain() async throws {
        try await FaultyOrigin.run { origin in
            let (time, notes) = (ManualTime(), Notes())
            let gateway = Gateway(to: origin.endpoint, time: time)
            let faults = FaultyOrigin.Fault.allCases.filter(\.isEndless)
            let run = Task {
                let proxy = ReverseProxy(to: origin.endpoint)
                let clients = try await withServer(proxy, runtime: gateway.runtime) { server in
                    notes.add("\(server.port)")
                    var clients: [RawClient] = []
                    for fault in faults {
                        let upload = request("POST /\(fault)?post", "Content-Length: 9")
                        for head in [request("GET /\(fault)?get"), upload] {
                            let client = try await server.connect()
                            try await client.send(head)
                            clients.append(client)
                        }
                    }
                    let targets = faults.flatMap { ["/\($0)?get", "/\($0)?post"] }
                    #expect(await eventually { targets.allSatisfy { origin.hasSeen($0) } })
                    notes.add("in flight")
                    return clients
                }
                notes.add("over")
                for client in clients { _ = try await client.waitForEnd() }
            }
            #expect(await eventually { notes.count >= 2 })
            #expect(
                await eventually {
                    time.advance(by: .milliseconds(10))
                    return notes.count == 3
                }
            )
            try await run.value
            #expect(try await gateway.until { gateway.counts == [0, 0, 0] })
            guard OpenSockets.areListed, let port = Int(notes.all[0]) else { return }
            let originPort = origin.port
            let isClosed = try await gateway.until {
                OpenSockets.count(onLocalPort: port) == 0 && OpenSockets.count(toRemotePort: originPort) == 0
            }
            #expect(isClosed)
        }
    }

    @Test(
        "an origin that closes its idle connections leaves no descriptor here",
        .enabled(if: OpenSockets.areListed, "the kernel does not list sockets")
    )
    func idle() async throws {
        try await FaultyOrigin.run { origin in
            let gateway = Gateway(to: origin.endpoint)
            try await withServer(ReverseProxy(to: origin.endpoint), runtime: gateway.runtime) { server in
                let port = origin.port
                for _ in 0..<5 {
                    let client = try await server.connect()
                    try await client.send(request("GET /none"))
                    #expect(try await client.readResponse().body == "ok")
                    #expect(OpenSockets.count(toRemotePort: port) == 1)
                    #expect(OpenSockets.count(onLocalPort: server.port) >= 1)
                    await origin.closeConnections()
                    #expect(try await gateway.until { OpenSockets.count(toRemotePort: port) == 0 })
                }
            }
        }
    }

    @Test(
        "an origin that refuses leaves no descriptor here",
        .enabled(if: OpenSockets.areListed, "the kernel does not list sockets")
    )
    func refused() async throws {
        let endpoint = try await FaultyOrigin.run { $0.endpoint }
        let port = Int(endpoint.text.split(separator: ":").last ?? "") ?? 0
        let gateway = Gateway(to: endpoint)
        try await withServer(ReverseProxy(to: endpoint), runtime: gateway.runtime) { server in
            let client = try await server.connect()
            for _ in 0..<20 {
                try await client.send(request("GET /"))
                #expect(try await client.readResponse().status == .badGateway)
            }
            #expect(try await gateway.until { OpenSockets.count(toRemotePort: port) == 0 })
            #expect(try await gateway.until { gateway.counts == [0, 0, 0] })
        }
    }
}
