import HTTPTypes
import Logging
import Middleware
import MiddlewareTesting
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A server from its composition to its end, on real sockets.
@Suite("Server: lifecycle")
struct ServerLifecycleTests {
    private struct Unbuilt: Handler {
        var blueprint: Blueprint {
            var blueprint = Blueprint("Unbuilt", placement: Placement(requires: ["consumer"]))
            blueprint.require(false, "has no bricks", mend: "buy some")
            return blueprint
        }

        func handle(_ request: consuming Request, context: RequestContext) async throws -> Response { Response(.ok) }
    }

    /// Notes its start and its end.
    private final class Background: Service {
        let name: String
        let notes: Notes

        init(_ name: String, _ notes: Notes) {
            self.name = name
            self.notes = notes
        }

        func run() async throws {
            notes.add("+\(name)")
            try? await ServiceLifecycle.gracefulShutdown()
            notes.add("-\(name)")
        }
    }

    private struct Serviced: Handler {
        let text: String
        let services: [Background]

        var blueprint: Blueprint {
            var blueprint = Blueprint("Serviced")
            blueprint.services = services
            return blueprint
        }

        func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
            Response(.ok, body: .text(text))
        }
    }

    private let runtime = Runtime(logger: TestClient.silentLogger)

    private var quiet: Server.Configuration {
        var configuration = Server.Configuration()
        configuration.shutdownSignals = []
        configuration.drainTimeout = .seconds(5)
        return configuration
    }

    // MARK: Composition

    @Test("every problem of configuration, listeners and tree is reported at once, and nothing is bound")
    func problems() async throws {
        var configuration = quiet
        configuration.threads = -1
        configuration.backlog = 0
        configuration.limits.headBytes = 1
        configuration.limits.connections = 0
        configuration.limits.bodyBytesPerSecond = -1
        configuration.drainTimeout = .seconds(-1)
        let server = Server(
            Unbuilt(),
            listeners: [.http(host: "127.0.0.1", port: 0), .http(port: 70_000), .unix("")],
            configuration: configuration,
            runtime: runtime
        )
        let addresses = Task { try await server.addresses() }
        let error = try await #require(throws: CompositionError.self) { try await server.run() }
        let texts = error.problems.map(\.description)
        for part in [
            "-1 threads", "backlog of 0", "limits.headBytes of 1", "limits.connections of 0",
            "bodyBytesPerSecond of -1",
            "drainTimeout", "port 70000", "path of 0 bytes", "Unbuilt has no bricks: buy some",
            "Unbuilt needs consumer",
        ] {
            #expect(texts.contains { $0.contains(part) }, "\(part)")
        }
        #expect(texts.count == 10)
        await #expect(throws: CompositionError.self) { try await addresses.value }
        await #expect(throws: CompositionError.self) { try await server.addresses() }
    }

    @Test("a server without listeners does not run")
    func noListeners() async throws {
        let server = Server(pathHandler, listeners: [], configuration: quiet, runtime: runtime)
        await #expect(throws: CompositionError.self) { try await server.run() }
    }

    @Test("an address that is taken makes run throw, closes what was bound, and tells those who wait for addresses")
    func addressTaken() async throws {
        try await withServer(pathHandler) { running in
            let path = "/tmp/middleware-test-\(UInt32.random(in: 0 ... .max)).sock"
            let blocker = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).get()
            let server = Server(
                pathHandler,
                listeners: [.unix(path), .http(host: "127.0.0.1", port: blocker.localAddress?.port ?? 0)],
                configuration: quiet,
                runtime: runtime
            )
            await #expect(throws: (any Error).self) { try await server.run() }
            await #expect(throws: (any Error).self) { try await server.addresses() }
            await #expect(throws: (any Error).self) {
                try await RawClient.connect(to: SocketAddress(unixDomainSocketPath: path))
            }
            try await blocker.close().get()
            unlink(path)
        }
    }

    // MARK: Addresses

    @Test("each listener has an address of its own, in order, for as many as ask")
    func addresses() async throws {
        let path = "/tmp/middleware-test-\(UInt32.random(in: 0 ... .max)).sock"
        let server = Server(
            pathHandler,
            listeners: [.http(host: "127.0.0.1", port: 0), .unix(path), .http(host: "::1", port: 0)],
            configuration: quiet,
            runtime: runtime
        )
        let early = (0..<3).map { _ in Task { try await server.addresses() } }
        let run = Task { try await server.run() }
        let addresses = try await server.addresses()
        for task in early { #expect(try await task.value == addresses) }
        #expect(addresses.count == 3)
        #expect(addresses[0].ipAddress == "127.0.0.1" && addresses[0].port ?? 0 > 0)
        #expect(addresses[1].pathname == path)
        #expect(addresses[2].ipAddress == "::1" && addresses[2].port ?? 0 > 0)
        for address in addresses {
            let client = try await RawClient.connect(to: address)
            try await client.send(request("GET /a"))
            #expect(try await client.readResponse().body == "/a")
        }
        run.cancel()
        try await run.value
        // The ports may belong to another server by now; the path is this one's alone.
        await #expect(throws: (any Error).self) { try await RawClient.connect(to: addresses[1]) }
        unlink(path)
    }

    @Test("a socket file that is left over is replaced")
    func leftOver() async throws {
        let path = "/tmp/middleware-test-\(UInt32.random(in: 0 ... .max)).sock"
        for _ in 0..<2 {
            let server = Server(pathHandler, listeners: [.unix(path)], configuration: quiet, runtime: runtime)
            let run = Task { try await server.run() }
            let client = try await RawClient.connect(to: try await server.addresses()[0])
            try await client.send(request("GET /a"))
            #expect(try await client.readResponse().body == "/a")
            run.cancel()
            try await run.value
        }
        unlink(path)
    }

    @Test("a server without a runtime makes its own threads and ends them")
    func ownRuntime() async throws {
        var configuration = quiet
        configuration.threads = 2
        let server = Server(
            pathHandler,
            listeners: [.http(host: "127.0.0.1", port: 0)],
            configuration: configuration,
            logger: TestClient.silentLogger
        )
        let run = Task { try await server.run() }
        let address = try await server.addresses()[0]
        for _ in 0..<10 {
            let client = try await RawClient.connect(to: address)
            try await client.send(request("GET /a", "Connection: close"))
            #expect(try await client.readResponse().body == "/a")
            #expect(try await client.waitForEnd() == nil)
        }
        run.cancel()
        try await run.value
    }

    // MARK: Swaps

    @Test("a swap shows with the next request of a connection; a bad composition is refused and changes nothing")
    func replace() async throws {
        try await withServer(HandlerFunction { _, _ in Response(.ok, body: .text("old")) }) { running in
            let client = try await running.connect()
            try await client.send(request("GET /"))
            #expect(try await client.readResponse().body == "old")
            let error = try #require(throws: CompositionError.self) { try running.server.replace(Unbuilt()) }
            #expect(error.problems.count == 2)
            try await client.send(request("GET /"))
            #expect(try await client.readResponse().body == "old")
            try running.server.replace(HandlerFunction { _, _ in Response(.ok, body: .text("new")) })
            // The loop takes the new one over on its next turn, which the next request may be ahead of.
            var body = "old"
            for _ in 0..<100 where body == "old" {
                try await client.send(request("GET /"))
                body = try await client.readResponse().body
            }
            #expect(body == "new")
        }
    }

    @Test("a swap under load fails no request and drops no connection")
    func replaceUnderLoad() async throws {
        let start = HandlerFunction { _, _ in Response(.ok, body: .text("0")) }
        try await withServer(start) { running in
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        let client = try await running.connect()
                        var last = 0
                        for _ in 0..<100 {
                            try await client.send(request("GET /"))
                            let number = Int(try await client.readResponse().body) ?? -1
                            #expect(number >= last)
                            last = number
                        }
                    }
                }
                for number in 1...50 {
                    try running.server.replace(
                        HandlerFunction { _, _ in Response(.ok, body: .text("\(number)")) }
                    )
                    await Task.yield()
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("background services start and stop once; a swap keeps those that both have")
    func services() async throws {
        let notes = Notes()
        let (kept, old, new) = (Background("kept", notes), Background("old", notes), Background("new", notes))
        try await withServer(Serviced(text: "1", services: [kept, old, kept])) { running in
            #expect(await eventually { Set(notes.all) == ["+kept", "+old"] })
            try running.server.replace(Serviced(text: "2", services: [new, kept]))
            #expect(await eventually { notes.count == 4 })
            #expect(Set(notes.all.suffix(2)) == ["+new", "-old"])
            let client = try await running.connect()
            try await client.send(request("GET /", "Connection: close"))
            #expect(try await client.readResponse().body == "2")
        }
        #expect(notes.all.sorted() == ["+kept", "+new", "+old", "-kept", "-new", "-old"])
    }

    @Test("a swap before the server runs is what runs")
    func replaceBeforeRun() async throws {
        let notes = Notes()
        let server = Server(
            Serviced(text: "old", services: [Background("old", notes)]),
            listeners: [.http(host: "127.0.0.1", port: 0)],
            configuration: quiet,
            runtime: runtime
        )
        try server.replace(Serviced(text: "new", services: [Background("new", notes)]))
        #expect(notes.count == 0)
        let run = Task { try await server.run() }
        let client = try await RawClient.connect(to: try await server.addresses()[0])
        try await client.send(request("GET /", "Connection: close"))
        #expect(try await client.readResponse().body == "new")
        run.cancel()
        try await run.value
        #expect(notes.all == ["+new", "-new"])
    }

    @Test("a swap after the end starts nothing")
    func replaceAfterEnd() async throws {
        let notes = Notes()
        let server = Server(
            pathHandler, listeners: [.http(host: "127.0.0.1", port: 0)], configuration: quiet, runtime: runtime
        )
        let run = Task { try await server.run() }
        _ = try await server.addresses()
        run.cancel()
        try await run.value
        try server.replace(Serviced(text: "late", services: [Background("late", notes)]))
        let hasStarted = await eventually { notes.count > 0 }
        do {
            #expect(!hasStarted)
        }
    }

    // MARK: Drain

    @Test("a graceful shutdown of the group around it drains the server", .timeLimit(.minutes(1)))
    func gracefulShutdown() async throws {
        let gate = Gate()
        let path = "/tmp/middleware-test-\(UInt32.random(in: 0 ... .max)).sock"
        defer { unlink(path) }
        let server = Server(
            HandlerFunction { _, _ in
                await gate.pass()
                return Response(.ok, body: .text("finished"))
            },
            listeners: [.unix(path)],
            configuration: quiet,
            runtime: runtime
        )
        let group = ServiceGroup(services: [server], logger: TestClient.silentLogger)
        let run = Task { try await group.run() }
        let address = try await server.addresses()[0]
        let (busy, idle) = (try await RawClient.connect(to: address), try await RawClient.connect(to: address))
        try await idle.send(request("GET /"))
        try await busy.send(request("GET /"))
        while gate.arrived < 2 { await Task.yield() }
        await group.triggerGracefulShutdown()
        gate.open()
        for client in [busy, idle] {
            #expect(try await client.readResponse().body == "finished")
            #expect(try await client.waitForEnd() == nil)
        }
        try await run.value
        await #expect(throws: (any Error).self) { try await RawClient.connect(to: address) }
    }

    @Test("spawned work is awaited")
    func spawned() async throws {
        let (gate, notes) = (Gate(), Notes())
        let handler = HandlerFunction { _, context in
            context.spawn { _ in
                await gate.pass()
                notes.add("spawned work done")
            }
            return Response(.ok)
        }
        let server = Server(
            handler, listeners: [.http(host: "127.0.0.1", port: 0)], configuration: quiet, runtime: runtime
        )
        let run = Task {
            try await server.run()
            notes.add("run returned")
        }
        let client = try await RawClient.connect(to: try await server.addresses()[0])
        try await client.send(request("GET /", "Connection: close"))
        #expect(try await client.readResponse().status == .ok)
        try await client.close()
        run.cancel()
        for _ in 0..<1000 { await Task.yield() }
        #expect(notes.count == 0)
        gate.open()
        try await run.value
        #expect(notes.all == ["spawned work done", "run returned"])
    }

    @Test("a drain that takes too long is broken off at its deadline")
    func deadline() async throws {
        let time = ManualTime()
        let (outcomes, notes) = (Outcomes(), Notes())
        let timed = Runtime(time: time, logger: TestClient.silentLogger)
        let server = Server(
            HandlerFunction { _, context in
                outcomes.watch(context)
                notes.add("began")
                try await context.sleep(for: .seconds(1000))
                return Response(.ok)
            },
            listeners: [.http(host: "127.0.0.1", port: 0)],
            configuration: quiet,
            runtime: timed
        )
        let run = Task { try await server.run() }
        let client = try await RawClient.connect(to: try await server.addresses()[0])
        try await client.send(request("GET /"))
        while notes.count == 0 { await Task.yield() }
        run.cancel()
        // The nearest of the connection's loop, and the drain's.
        await time.waitForTimers(2)
        time.advance(by: .seconds(6))
        try await run.value
        #expect(try await client.waitForEnd() == nil)
        #expect(await eventually { outcomes.count == 1 })
        #expect(outcomes.ends == [.clientGone])
    }
}
