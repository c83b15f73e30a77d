import Logging
import Middleware
import MiddlewareTesting
import NIOCore
import ServiceLifecycle
import Synchronization
import Testing

@Suite("Raw connections", .timeLimit(.minutes(2)))
struct RawConnectionTests {
    private func tcp(_ handler: some ConnectionHandler) -> Listener { .tcp(host: "127.0.0.1", port: 0) { handler } }

    @Test("a handler gets the connection and its peer; what it wrote leaves when it returns")
    func serves() async throws {
        let handler = ConnectionFunction { connection, context in
            let (_, outbound) = connection.halves()
            try await outbound.write(ByteBuffer(string: "\(context.peer.remote?.port ?? 0)"))
        }
        try await ServingListeners.with([tcp(handler)]) { server in
            let client = try await server.connect()
            #expect(try await client.readUntilClose() == "\(client.localAddress?.port ?? -1)")
            #expect(try await client.waitForEnd() == nil)
        }
    }

    @Test("a handler that throws resets the connection, and one that resets does too")
    func throwing() async throws {
        struct Bad: Error {}
        let handlers = [
            ConnectionFunction { connection, _ in
                _ = connection.halves()
                throw Bad()
            },
            ConnectionFunction { connection, _ in connection.reset() },
        ]
        try await ServingListeners.with(handlers.map { tcp($0) }) { server in
            for index in handlers.indices { #expect(await server.resets(index)) }
        }
    }

    @Test("a client that breaks off cancels the handler's task")
    func clientGone() async throws {
        let told = Told<Bool>()
        let handler = ConnectionFunction { connection, context in
            let (inbound, outbound) = connection.halves()
            try await outbound.write(ByteBuffer(string: "x"))
            do {
                try await context.sleep(for: .seconds(1000))
            } catch {
                told.tell(Task.isCancelled)
            }
            _ = (inbound, outbound)
        }
        try await ServingListeners.with([tcp(handler)]) { server in
            let client = try await server.connect()
            #expect(try await client.read(1) == "x")
            try await client.reset()
            #expect(await told.next)
        }
    }

    @Test("a drain waits for connections that are open, and takes no new ones")
    func drains() async throws {
        try await ServingListeners.with([tcp(ConnectionFunction.echo)], drainTimeout: .seconds(60)) { server in
            let client = try await server.connect()
            try await client.send("before")
            #expect(try await client.read(6) == "before")
            server.stop()
            // The listening socket closes early in the drain.
            while let another = try? await server.connect() { try? await another.close() }
            try await client.send("after")
            #expect(try await client.read(5) == "after")
            try await client.finishSending()
            #expect(try await client.waitForEnd() == nil)
            try await server.wait()
        }
    }

    @Test("the end of a drain cancels what is left")
    func aborts() async throws {
        let told = Told<Bool>()
        let handler = ConnectionFunction { connection, context in
            let (inbound, outbound) = connection.halves()
            try await outbound.write(ByteBuffer(string: "x"))
            do { _ = try await inbound.read() } catch { told.tell(Task.isCancelled) }
        }
        try await ServingListeners.with([tcp(handler)]) { server in
            let client = try await server.connect()
            #expect(try await client.read(1) == "x")
            server.stop()
            #expect(await told.next)
            #expect(try await client.waitForEnd() != nil)
            try await server.wait()
        }
    }

    @Test("the server's limits of connections hold, with a reset")
    func limits() async throws {
        try await ServingListeners.with([tcp(ConnectionFunction.echo)], connections: 1) { server in
            let first = try await server.connect()
            try await first.send("x")
            #expect(try await first.read(1) == "x")
            #expect(await server.resets())
        }
    }

    @Test("filters decide in order, by the client's address and by how many are open")
    func filters() async throws {
        try await ServingListeners.with([
            .tcp(host: "127.0.0.1", port: 0) {
                IPFilter(deny: ["127.0.0.1"])
                ConnectionFunction.echo
            },
            .tcp(host: "127.0.0.1", port: 0) {
                IPFilter(allow: ["127.0.0.0/8"])
                ConnectionLimit(1, by: .clientAddress)
                ConnectionFunction.echo
            },
        ]) { server in
            #expect(await server.resets(0))
            let first = try await server.connect(1)
            try await first.send("x")
            #expect(try await first.read(1) == "x")
            #expect(await server.resets(1))
            try await first.finishSending()
            #expect(try await first.waitForEnd() == nil)
            // The place comes back with the end of the handler, which the client does not see.
            while true {
                guard let next = try? await server.connect(1) else { continue }
                try? await next.send("y")
                if (try? await next.read(1)) == "y" { break }
            }
        }
    }

    @Test("a PROXY protocol header gives the handler its peer")
    func proxied() async throws {
        let handler = ConnectionFunction { connection, context in
            let (inbound, outbound) = connection.halves()
            let bytes = try await inbound.read() ?? ByteBuffer()
            let client = context.peer.remote?.ipAddress ?? "-"
            try await outbound.write(ByteBuffer(string: "\(client) \(String(buffer: bytes))"))
        }
        let listener = Listener.tcp(
            host: "127.0.0.1", port: 0, proxyProtocol: .accepted(from: ["127.0.0.0/8"])
        ) { handler }
        try await ServingListeners.with([listener]) { server in
            let client = try await server.connect()
            try await client.send("PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r\ndata")
            #expect(try await client.readUntilClose() == "192.0.2.7 data")
        }
    }

    @Test("bad values of a listener's handler are reported, and its services run")
    func blueprint() async throws {
        final class Beside: Service {
            let told = Told<Void>()
            func run() async throws {
                told.tell(())
                try await gracefulShutdown()
            }
        }
        struct Part: ConnectionHandler {
            var service: Beside?
            var isSound = true
            var blueprint: Blueprint {
                var blueprint = Blueprint("Part")
                blueprint.require(isSound, "is unsound", mend: "mend it")
                if let service { blueprint.services = [service] }
                return blueprint
            }
            func handle(_ connection: consuming Connection, context: RequestContext) async throws {}
        }
        let error = await #expect(throws: CompositionError.self) {
            try await ServingListeners.with([
                .tcp(host: "127.0.0.1", port: 0) {
                    ConnectionLimit(0)
                    Part(isSound: false)
                }
            ]) { _ in }
        }
        #expect(error?.problems.map(\.problem) == ["lets in 0 connections", "is unsound"])
        let service = Beside()
        try await ServingListeners.with([tcp(Part(service: service))]) { _ in await service.told.next }
    }
}
