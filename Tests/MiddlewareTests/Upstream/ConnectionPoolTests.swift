import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("ConnectionPool")
struct ConnectionPoolTests {
    static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// Requests that were sent at once, each on a connection of its own.
    private func busy(_ count: Int, in rig: UpstreamRig) async -> [RigExchange] {
        let exchanges = (0..<count).map { rig.get("/\($0)") }
        await rig.settle()
        return exchanges
    }

    @Test("the connection that was used last is used first")
    func lastInFirstOut() async throws {
        try await withRig { rig in
            _ = await busy(3, in: rig)
            #expect(rig.counts == [0, 3, 0] && rig.origins.count == 3)
            for index in [1, 2, 0] {
                rig.origins[index].send(Self.answer)
                await rig.settle()
            }
            #expect(rig.counts == [3, 0, 0])
            for index in [0, 2, 1] {
                _ = rig.origins[index].take()
                _ = rig.get("/again")
                await rig.settle()
                #expect(rig.origins[index].text.hasPrefix("GET /again "))
            }
            #expect(rig.counts == [0, 3, 0] && rig.origins.count == 3)
        }
    }

    @Test("an idle connection is closed when its time is over, and not before")
    func idleTimeout() async throws {
        try await withRig { rig in
            _ = await busy(2, in: rig)
            rig.origins[0].send(Self.answer)
            await rig.advance(.seconds(30))
            rig.origins[1].send(Self.answer)
            await rig.advance(.seconds(24))
            #expect(rig.counts == [2, 0, 0])
            await rig.advance(.seconds(1))
            #expect(rig.counts == [1, 0, 0] && rig.origins[0].hasEnded && !rig.origins[1].hasEnded)
            await rig.advance(.seconds(29))
            #expect(rig.counts == [1, 0, 0])
            await rig.advance(.seconds(1))
            #expect(rig.counts == [0, 0, 0] && rig.origins[1].hasEnded)
        }
    }

    @Test("a connection that is used again idles anew")
    func idleAnew() async throws {
        try await withRig { rig in
            for _ in 0..<3 {
                let exchange = await rig.sent(Request(.get, "/"))
                rig.origins[0].send(Self.answer)
                await rig.settle()
                #expect(exchange.outcome == "200 ok")
                await rig.advance(.seconds(50))
            }
            #expect(rig.counts == [1, 0, 0] && rig.origins.count == 1)
        }
    }

    @Test("no more connections are opened than allowed; who waits longest is served first")
    func limit() async throws {
        try await withRig(.quiet { $0.connections.connections = 2 }) { rig in
            let exchanges = (0..<5).map { rig.get("/\($0)") }
            await rig.settle()
            #expect(rig.counts == [0, 2, 3] && rig.origins.count == 2)
            _ = rig.origins[1].take()
            for path in ["/2", "/3", "/4"] {
                rig.origins[1].send(Self.answer)
                await rig.settle()
                #expect(rig.origins[1].take().hasPrefix("GET \(path) "))
            }
            #expect(exchanges.map(\.outcome) == ["waiting", "200 ok", "200 ok", "200 ok", "waiting"])
            #expect(rig.counts == [0, 2, 0] && rig.origins.count == 2)
        }
    }

    @Test("a connection that goes makes room for one who waits")
    func replacement() async throws {
        try await withRig(.quiet { $0.connections.connections = 1 }) { rig in
            let first = await rig.sent(Request(.get, "/1"))
            let second = await rig.sent(Request(.get, "/2"))
            #expect(rig.counts == [0, 1, 1])
            rig.origins[0].wire.reset()
            await rig.settle()
            #expect(first.outcome == "failed: responseHead.origin.closed")
            #expect(rig.origins.count == 2 && rig.origins[1].text.hasPrefix("GET /2 "))
            rig.origins[1].send(Self.answer)
            await rig.settle()
            #expect(second.outcome == "200 ok" && rig.counts == [1, 0, 0])
        }
    }

    @Test("who waits too long for a connection fails, and the others go on")
    func queueTimeout() async throws {
        try await withRig(.quiet { $0.connections.connections = 1 }) { rig in
            let first = await rig.sent(Request(.get, "/1"))
            let second = await rig.sent(Request(.get, "/2"))
            await rig.advance(.seconds(5))
            let third = await rig.sent(Request(.get, "/3"))
            await rig.advance(.milliseconds(4_999))
            #expect(second.outcome == "waiting")
            await rig.advance(.milliseconds(1))
            #expect(second.outcome == "failed: pool.gateway.timedOut" && rig.counts == [0, 1, 1])
            rig.origins[0].send(Self.answer)
            await rig.settle()
            rig.origins[0].send(Self.answer)
            await rig.settle()
            #expect(first.outcome == "200 ok" && third.outcome == "200 ok")
        }
    }

    @Test("past the bound of the queue a request fails at once")
    func overflow() async throws {
        try await withRig(
            .quiet {
                $0.connections.connections = 1
                $0.connections.queuedRequests = 2
            }
        ) { rig in
            _ = await rig.sent(Request(.get, "/1"))
            let queued = [await rig.sent(Request(.get, "/2")), await rig.sent(Request(.get, "/3"))]
            let last = await rig.sent(Request(.get, "/4"))
            #expect(last.outcome == "failed: pool.gateway.full" && rig.counts == [0, 1, 2])
            queued[0].leave()
            await rig.settle()
            let another = await rig.sent(Request(.get, "/5"))
            #expect(another.outcome == "waiting" && rig.counts == [0, 1, 2])
        }
    }

    @Test("a request for which a connection may be opened does not count as queued", arguments: [0, 2])
    func burst(queue: Int) async throws {
        try await withRig(
            .quiet {
                $0.connections.connections = 4
                $0.connections.queuedRequests = queue
            }
        ) { rig in
            let exchanges = await busy(4 + queue + 1, in: rig)
            do {
                #expect(rig.counts == [0, 4, queue])
                #expect(exchanges.map(\.outcome).filter { $0 == "failed: pool.gateway.full" }.count == 1)
            }
        }
    }

    @Test("a connection that does not open in time fails its request, and comes too late afterwards")
    func connectTimeout() async throws {
        try await withRig { rig in
            rig.dialer.behaviour = .waits
            let exchange = await rig.sent(Request(.get, "/"))
            await rig.advance(.milliseconds(4_999))
            #expect(exchange.outcome == "waiting" && rig.counts == [0, 0, 1])
            await rig.advance(.milliseconds(1))
            #expect(exchange.outcome == "failed: connect.origin.timedOut")
            #expect(rig.dialer.attempts[0].isCancelled && rig.counts == [0, 0, 0])
            rig.dialer.attempts[0].accept()
            await rig.settle()
            #expect(rig.counts == [0, 0, 0])
        }
    }

    @Test("a refused connection fails the one who has waited longest; the others try on their own")
    func refused() async throws {
        try await withRig(.quiet { $0.connections.connections = 1 }) { rig in
            rig.dialer.behaviour = .waits
            let exchanges = await busy(3, in: rig)
            #expect(rig.dialer.pending.count == 1)
            rig.dialer.pending[0].fail()
            await rig.settle()
            #expect(exchanges.map(\.outcome) == ["failed: connect.origin.refused", "waiting", "waiting"])
            #expect(rig.dialer.pending.count == 1)
            rig.dialer.pending[0].accept()
            await rig.settle()
            #expect(rig.origins[0].text.hasPrefix("GET /1 ") && rig.counts == [0, 1, 1])
        }
    }

    @Test("one who gives up while a connection opens leaves it for the next", arguments: [true, false])
    func cancelledWhileDialing(watchesTask: Bool) async throws {
        try await withRig { rig in
            rig.dialer.behaviour = .waits
            let exchange = rig.send(Request(.get, "/1"), watchesTask: watchesTask)
            await rig.settle()
            if watchesTask { exchange.task?.cancel() } else { exchange.leave() }
            await rig.settle()
            #expect(exchange.outcome == "failed: CancellationError" && rig.counts == [0, 0, 0])
            rig.dialer.pending[0].accept()
            await rig.settle()
            #expect(rig.counts == [1, 0, 0])
            _ = await rig.sent(Request(.get, "/2"))
            #expect(rig.origins.count == 1 && rig.origins[0].text.hasPrefix("GET /2 "))
        }
    }

    @Test("one who gives up in the queue leaves it", arguments: [true, false])
    func cancelledWhileQueued(watchesTask: Bool) async throws {
        try await withRig(.quiet { $0.connections.connections = 1 }) { rig in
            _ = await rig.sent(Request(.get, "/1"))
            let second = rig.send(Request(.get, "/2"), watchesTask: watchesTask)
            let third = await rig.sent(Request(.get, "/3"))
            if watchesTask { second.task?.cancel() } else { second.leave() }
            await rig.settle()
            #expect(second.outcome == "failed: CancellationError" && rig.counts == [0, 1, 1])
            rig.origins[0].send(Self.answer)
            await rig.settle()
            #expect(rig.origins[0].text.contains("GET /3 ") && third.outcome == "waiting")
        }
    }

    @Test("the deadline of a context ends its wait in the queue")
    func deadline() async throws {
        try await withRig(.quiet { $0.connections.connections = 1 }) { rig in
            _ = await rig.sent(Request(.get, "/1"))
            let second = rig.send(Request(.get, "/2"), limit: .seconds(2))
            await rig.settle()
            await rig.advance(.seconds(2))
            #expect(second.outcome == "failed: DeadlineExceeded" && rig.counts == [0, 1, 0])
        }
    }

    @Test(
        "a connection that the origin closes or speaks on while it idles is gone", arguments: ["end", "reset", "bytes"])
    func closedWhileIdle(how: String) async throws {
        try await withRig { rig in
            _ = await rig.sent(Request(.get, "/"))
            rig.origins[0].send(Self.answer)
            await rig.settle()
            #expect(rig.counts == [1, 0, 0])
            switch how {
            case "end": rig.origins[0].wire.close()
            case "reset": rig.origins[0].wire.reset()
            default: rig.origins[0].send(Self.answer)
            }
            await rig.settle()
            #expect(rig.counts == [0, 0, 0] && rig.origins[0].hasEnded)
            let next = await rig.sent(Request(.get, "/next"))
            #expect(rig.origins.count == 2 && next.outcome == "waiting")
        }
    }

    @Test("a connection closes behind the last request that it may serve", arguments: [1, 2, 3])
    func requestsPerConnection(count: Int) async throws {
        try await withRig(.quiet { $0.connections.requestsPerConnection = count }) { rig in
            for number in 1...(2 * count) {
                let exchange = await rig.sent(Request(.get, "/"))
                rig.origins.last?.send(Self.answer)
                await rig.settle()
                #expect(exchange.outcome == "200 ok" && rig.origins.count == (number - 1) / count + 1)
            }
            #expect(rig.origins.allSatisfy(\.hasEnded) && rig.counts == [0, 0, 0])
        }
    }

    @Test("no more idle connections are kept than allowed", arguments: [0, 1, 2])
    func idleConnections(count: Int) async throws {
        try await withRig(.quiet { $0.connections.idleConnections = count }) { rig in
            _ = await busy(3, in: rig)
            for origin in rig.origins { origin.send(Self.answer) }
            await rig.settle()
            #expect(rig.counts == [count, 0, 0] && rig.origins.filter(\.hasEnded).count == 3 - count)
        }
    }

    @Test("a pool is let go of once its endpoint was not used for the idle timeout, and made anew when it is")
    func forgetting() async throws {
        try await withRig(.quiet { $0.headTimeout = .zero }) { rig in
            _ = await busy(2, in: rig)
            rig.origins[0].send(Self.answer)
            await rig.settle()
            await rig.advance(.seconds(60))
            #expect(rig.counts == [0, 1, 0] && rig.poolCount == 1)
            rig.origins[1].wire.reset()
            await rig.settle()
            #expect(rig.poolCount == 1)
            await rig.advance(.seconds(60))
            #expect(rig.poolCount == 0)
            let exchange = await rig.sent(Request(.get, "/"))
            rig.origins.last?.send(Self.answer)
            await rig.settle()
            #expect(exchange.outcome == "200 ok" && rig.counts == [1, 0, 0] && rig.poolCount == 1)
        }
    }

    @Test("a pool that keeps no idle connections is let go of as well")
    func forgettingWithoutIdle() async throws {
        try await withRig(.quiet { $0.connections.idleConnections = 0 }) { rig in
            _ = await rig.sent(Request(.get, "/"))
            rig.origins[0].send(Self.answer)
            await rig.settle()
            #expect(rig.counts == [0, 0, 0] && rig.poolCount == 1)
            await rig.advance(.seconds(60))
            #expect(rig.poolCount == 0)
        }
    }

    @Test("a pool whose endpoint takes no connection is let go of as well")
    func forgettingRefused() async throws {
        try await withRig { rig in
            rig.dialer.behaviour = .refuses
            _ = await rig.sent(Request(.get, "/"))
            await rig.settle()
            await rig.advance(.seconds(60))
            #expect(rig.poolCount == 0)
        }
    }

    @Test("endpoints have pools of their own; two values of one text share one")
    func endpoints() async throws {
        try await withRig { rig in
            for endpoint in ["a:1", "b:1", "http://a:1", "a:1"] {
                let exchange = rig.send(Request(.get, "/"), to: Endpoint(endpoint))
                await rig.settle()
                rig.origins.last { $0.text.contains("GET") }?.send(Self.answer)
                for origin in rig.origins { _ = origin.take() }
                await rig.settle()
                #expect(exchange.outcome.hasPrefix("200 ") || exchange.outcome == "waiting")
            }
            #expect(rig.origins.count == 2)
        }
    }

    @Test("a request that is refused before it is sent takes no connection with it")
    func refusedRequest() async throws {
        try await withRig(.quiet { $0.via = Via(pseudonym: "edge") }) { rig in
            _ = await rig.sent(Request(.get, "/"))
            rig.origins[0].send(Self.answer)
            await rig.settle()
            var request = Request(.get, "/")
            request.headers = received(lines: ["Via: 1.1 edge"])
            let looped = await rig.sent(request)
            #expect(looped.outcome == "failed: requestHead.client.loop")
            #expect(rig.counts == [1, 0, 0])
            _ = await rig.sent(Request(.get, "/"))
            #expect(rig.origins.count == 1)
        }
    }

    @Test("cancelling a request whose answer is complete does not touch the one that took over its connection")
    func lateCancellation() async throws {
        try await withRig(.quiet { $0.connections.connections = 1 }) { rig in
            let first = rig.send(Request(.get, "/1"), watchesTask: true)
            await rig.settle()
            let second = await rig.sent(Request(.get, "/2"))
            rig.dialer.onWrite = { if $0.hasPrefix("GET /2 ") { first.task?.cancel() } }
            rig.origins[0].send(Self.answer)
            await rig.settle()
            #expect(second.outcome == "waiting")
            rig.origins[0].send(Self.answer)
            await rig.settle()
            #expect(second.outcome == "200 ok")
        }
    }
}
