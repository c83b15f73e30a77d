import HTTPTypes
import MiddlewareTesting
import NIOCore
import NIOPosix
import Testing

@testable import Middleware

/// What only real sockets show.
@Suite("Server: sockets", .serialized)
struct ServerSocketTests {
    private func configuration(_ change: (inout Server.Configuration) -> Void) -> Server.Configuration {
        var configuration = Server.Configuration()
        configuration.drainTimeout = .seconds(5)
        change(&configuration)
        return configuration
    }

    @Test(
        "requests of every size go through every kind of socket",
        arguments: [TestListener.loopback, .loopbackIPv6, .unix])
    func listeners(listener: TestListener) async throws {
        try await withServer(collectHandler, on: listener) { server in
            let client = try await server.connect()
            for size in [0, 1, 100_000, 3_000_000] {
                let body = String(repeating: "b", count: size)
                async let sent: Void = client.send(request("POST /", body: body))
                let response = try await client.readResponse(to: .post)
                try await sent
                #expect(response.status == .ok && response.body == body)
            }
        }
    }

    @Test("the peer of a request is its socket's, and none on a Unix-domain socket")
    func peer() async throws {
        let handler = HandlerFunction { _, context in
            Response(.ok, body: .text("\(context.peer.remote?.port ?? 0) \(context.peer.isSecure)"))
        }
        try await withServer(handler) { server in
            let client = try await server.connect()
            try await client.send(request("GET /"))
            #expect(try await client.readResponse().body == "\(client.localAddress?.port ?? -1) false")
        }
        try await withServer(handler, on: .unix) { server in
            let client = try await server.connect()
            try await client.send(request("GET /"))
            #expect(try await client.readResponse().body == "0 false")
        }
    }

    @Test("every loop accepts on the one port")
    func loops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let runtime = Runtime(logger: TestClient.silentLogger, group: group)
        let handler = HandlerFunction { _, context in
            Response(.ok, body: .text("\(ObjectIdentifier(context.worker).hashValue)"))
        }
        try await withServer(handler, runtime: runtime) { server in
            var loops = Set<String>()
            for _ in 0..<200 where loops.count < 2 {
                let client = try await server.connect()
                try await client.send(request("GET /", "Connection: close"))
                loops.insert(try await client.readResponse().body)
            }
            #expect(loops.count == 2)
        }
        try await group.shutdownGracefully()
    }

    // MARK: Limits of connections

    @Test("a connection past the limit in all gets 503 and the end; one that ends makes room")
    func connections() async throws {
        let limited = configuration { $0.limits.connections = 2 }
        try await withServer(pathHandler, configuration: limited) { server in
            let clients = [try await server.connect(), try await server.connect()]
            for client in clients {
                try await client.send(request("GET /a"))
                #expect(try await client.readResponse().body == "/a")
            }
            let third = try await server.connect()
            let response = try await third.readResponse()
            #expect(response.status == .serviceUnavailable && response.headers[.connection] == "close")
            #expect(try await third.waitForEnd() == nil)
            try await clients[0].close()
            var admitted = false
            for _ in 0..<200 where !admitted {
                let client = try await server.connect()
                try await client.send(request("GET /b"))
                admitted = try await client.readResponse().status == .ok
            }
            #expect(admitted)
        }
    }

    @Test("a connection past the limit of its address gets 429 and the end")
    func connectionsPerAddress() async throws {
        let limited = configuration { $0.limits.connectionsPerAddress = 1 }
        try await withServer(pathHandler, configuration: limited) { server in
            let first = try await server.connect()
            try await first.send(request("GET /a"))
            #expect(try await first.readResponse().status == .ok)
            let second = try await server.connect()
            #expect(try await second.readResponse().status == .tooManyRequests)
            #expect(try await second.waitForEnd() == nil)
            try await first.send(request("GET /b"))
            #expect(try await first.readResponse().body == "/b")
        }
    }

    @Test("the census counts each address for itself, whatever the port")
    func census() throws {
        let census = ConnectionCensus(limit: 4, limitPerAddress: 2)
        let one = try SocketAddress(ipAddress: "192.0.2.1", port: 1)
        let other = try SocketAddress(ipAddress: "192.0.2.1", port: 2)
        let six = try SocketAddress(ipAddress: "2001:db8::1", port: 1)
        #expect(census.admit(one) == .admitted && census.admit(other) == .admitted)
        #expect(census.admit(one) == .addressFull && census.count == 2)
        #expect(census.admit(six) == .admitted && census.admit(nil) == .admitted)
        #expect(census.admit(nil) == .serverFull)
        census.leave(other)
        #expect(census.admit(one) == .admitted && census.admit(one) == .serverFull)
        for address in [one, one, six, nil] { census.leave(address) }
        #expect(census.count == 0)
    }

    // MARK: Ends

    @Test("a client that resets or closes ends the work for it", arguments: [true, false])
    func leaves(byReset: Bool) async throws {
        let (gate, outcomes, notes) = (Gate(), Outcomes(), Notes())
        let handler = HandlerFunction { _, context in
            outcomes.watch(context)
            notes.add("began")
            do { try await context.sleep(for: .seconds(1000)) } catch { notes.add("\(type(of: error))") }
            return Response(.ok)
        }
        try await withServer(handler) { server in
            let client = try await server.connect()
            try await client.send(request("GET /"))
            #expect(await eventually { notes.count == 1 })
            try await (byReset ? client.reset() : client.close())
            #expect(await eventually { outcomes.count == 1 })
            #expect(outcomes.ends == [.clientGone] && notes.all == ["began", "CancellationError"])
        }
        gate.open()
    }

    @Test(
        "a listener that allows it serves a client that closed its side, a large answer to the last byte"
    )
    func halfClose() async throws {
        let allowing = configuration { $0.allowsHalfClose = true }
        let part = String(repeating: "p", count: 16 << 10)
        let handler = HandlerFunction { _, _ in
            Response(
                .ok,
                body: .stream(
                    ScriptedSource(Array(repeating: .bytes(part), count: 500), knownLength: 500 * part.utf8.count)
                )
            )
        }
        try await withServer(handler, configuration: allowing) { server in
            let client = try await server.connect()
            try await client.send(request("GET /"))
            try await client.finishSending()
            #expect(try await client.readResponse().bytes.readableBytes == 500 * part.utf8.count)
            #expect(try await client.waitForEnd() == nil)
        }
    }

    @Test("by default such a client counts as gone")
    func noHalfClose() async throws {
        let outcomes = Outcomes()
        let handler = HandlerFunction { _, context in
            outcomes.watch(context)
            try await context.sleep(for: .seconds(1000))
            return Response(.ok)
        }
        try await withServer(handler) { server in
            let client = try await server.connect()
            try await client.send(request("GET /"))
            try await client.finishSending()
            #expect(try await client.readUntilClose() == "")
            #expect(await eventually { outcomes.ends == [.clientGone] })
        }
    }

    @Test("a client that sends on while it is refused reads the refusal, and is not reset before")
    func refusedWhileSending() async throws {
        let limited = configuration { $0.limits.bodyBytes = 1000 }
        try await withServer(collectHandler, configuration: limited) { server in
            let client = try await server.connect()
            try await client.send(request("POST /", "Content-Length: 3000000"))
            let part = ByteBuffer(repeating: UInt8(ascii: "b"), count: 100_000)
            for _ in 0..<30 { try? await client.send(part) }
            let response = try await client.readResponse(to: .post)
            #expect(response.status == .contentTooLarge)
        }
    }

    @Test("a client that does not read stops the source; when it reads on it gets the whole")
    func backPressure() async throws {
        let meter = MeteredSource.Meter()
        let handler = HandlerFunction { _, _ in
            Response(.ok, body: .stream(MeteredSource(meter, partBytes: 64 << 10, count: 1000)))
        }
        try await withServer(handler) { server in
            let client = try await server.connect(receiveBufferBytes: 16 << 10)
            try await client.setReading(false)
            try await client.send(request("GET /"))
            // As many reads as fill the kernel's buffers, then none.
            var last = -1
            while meter.pulls != last || last == 0 {
                last = meter.pulls
                for _ in 0..<2000 { await Task.yield() }
            }
            #expect(meter.pulls < 500)
            try await client.setReading(true)
            #expect(try await client.readResponse().bytes.readableBytes == 1000 * (64 << 10))
        }
    }

    @Test("a source that fails midway ends in a reset that the client sees")
    func failsMidway() async throws {
        let source = Gate()
        final class Failing: BodySource {
            let gate: Gate
            var reads = 0
            let knownLength: Int? = nil
            init(_ gate: Gate) { self.gate = gate }
            func read() async throws -> BodyPart {
                reads += 1
                if reads == 1 { return .bytes(ByteBuffer(string: "half")) }
                await gate.pass()
                throw HTTPError(.badGateway)
            }
            func cancel(_ reason: any Error) {}
        }
        try await withServer(HandlerFunction { _, _ in Response(.ok, body: .stream(Failing(source))) }) { server in
            let client = try await server.connect()
            try await client.send("GET / HTTP/1.0\r\n\r\n")
            #expect(try await client.read(through: "half").hasSuffix("half"))
            source.open()
            #expect(try await client.waitForEnd() != nil)
        }
    }

    // MARK: Leaks

    @Test(
        "after all kinds of ends no file descriptor and no connection is left"
    )
    func leaks() async throws {
        let handler = HandlerFunction { request, context in
            if request.path == "/sleep" { try await context.sleep(for: .seconds(1000)) }
            if request.path == "/large" {
                return Response(.ok, body: .stream(MeteredSource(.init(), partBytes: 16 << 10, count: 1000)))
            }
            return Response(.ok, body: .bytes(try await request.body.collect(upTo: 1000)))
        }
        let round: @Sendable (RunningServer) async throws -> Void = { server in
            for text in [
                request("GET /"), request("GET /sleep"), request("GET /large"), "GET / HT", "garbage\r\n\r\n", "",
                request("POST /", "Content-Length: 10"), request("GET /", "Connection: close"),
            ] {
                for way in 0..<3 {
                    let client = try await server.connect()
                    if !text.isEmpty { try await client.send(text) }
                    switch way {
                    case 0: try? await client.reset()
                    case 1: try? await client.close()
                    default:
                        try? await client.finishSending()
                        _ = try? await client.waitForEnd()
                        try? await client.close()
                    }
                }
            }
        }
        try await withServer(handler) { server in
            try await round(server)
            let inode = try #require(await settledCount(server.port) { $0 == 0 }, "connections are left")
            #expect(inode == 0)
            for _ in 0..<3 { try await round(server) }
            #expect(await settledCount(server.port) { $0 == 0 } == 0)
        }
    }

    /// The connections to a local port that a process of this machine still holds, once they are as wished.
    ///
    /// Other tests open descriptors meanwhile, so those of one port are counted, not those of the process.
    private func settledCount(_ port: Int, _ isWished: (Int) -> Bool) async -> Int? {
        for _ in 0..<500 {
            let count = OpenSockets.count(onLocalPort: port)
            if isWished(count) { return count }
            for _ in 0..<200 { await Task.yield() }
        }
        return OpenSockets.count(onLocalPort: port)
    }
}
