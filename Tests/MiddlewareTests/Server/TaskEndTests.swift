import HTTPTypes
import MiddlewareTesting
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Middleware

/// After a fault no task goes on: the objects that one would hold are gone.
@Suite("Server: ends of tasks", .timeLimit(.minutes(1)))
struct TaskEndTests {
    // MARK: The server alone

    enum Way: CaseIterable, Sendable {
        case reset, close, fin
    }

    private func leave(_ client: StandClient, by way: Way) async throws {
        switch way {
        case .reset: try await client.reset()
        case .close: try await client.close()
        case .fin: try await client.finishSending()
        }
    }

    /// A stand whose handler holds one life in its frame and one in its context.
    private func stand(
        _ lives: Lives,
        _ work: @escaping @Sendable (Ferry<Request>, RequestContext) async throws -> Void
    ) -> ServerStand {
        ServerStand(
            HandlerFunction { request, context in
                let life = lives.begin()
                defer { withExtendedLifetime(life) {} }
                context[LifeKey.self] = lives.begin()
                try await work(Ferry(request), context)
                return Response(.ok)
            }
        )
    }

    @Test("a client that leaves during a wait leaves no task, context or connection", arguments: Way.allCases)
    func waiting(way: Way) async throws {
        let lives = Lives()
        let stand = stand(lives) { _, context in try await context.sleep(for: .seconds(1000)) }
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        #expect(try await stand.until { lives.begun == 2 })
        #expect(lives.left == 2)
        try await leave(client, by: way)
        #expect(try await client.isForgotten())
        #expect(try await stand.until { lives.left == 0 }, "\(lives.left) of 2 are left")
    }

    @Test("nor does one that leaves in the middle of its body", arguments: Way.allCases)
    func uploading(way: Way) async throws {
        let lives = Lives()
        let stand = stand(lives) { request, _ in _ = try await request.value.body.collect(upTo: 1000) }
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 10") + "half")
        #expect(try await stand.until { lives.begun == 2 })
        try await stand.settle()
        #expect(lives.left == 2)
        try await leave(client, by: way)
        #expect(try await client.isForgotten())
        #expect(try await stand.until { lives.left == 0 }, "\(lives.left) of 2 are left")
    }

    @Test("nor does a body that does not come in time")
    func bodyTimeout() async throws {
        let lives = Lives()
        let stand = stand(lives) { request, _ in _ = try await request.value.body.collect(upTo: 1000) }
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 10") + "half")
        #expect(try await stand.until { lives.begun == 2 })
        try await stand.pass(.seconds(120), step: .seconds(1))
        #expect(try await client.answer(to: .post).status == 408)
        try await stand.pass(.seconds(5), step: .seconds(1))
        #expect(try await client.isForgotten())
        #expect(try await stand.until { lives.left == 0 }, "\(lives.left) of 2 are left")
    }

    @Test("nor does a deadline that passes")
    func deadline() async throws {
        let lives = Lives()
        let stand = stand(lives) { _, context in
            let scope = context.limit(to: .seconds(5))
            try await context.sleep(for: .seconds(1000))
            scope.lift()
        }
        let client = try await stand.connect()
        try await client.send(request("GET /", "Connection: close"))
        #expect(try await stand.until { lives.begun == 2 })
        try await stand.pass(.seconds(6))
        #expect(try await client.answer().status == 504)
        try await client.close()
        #expect(try await client.isForgotten())
        #expect(try await stand.until { lives.left == 0 }, "\(lives.left) of 2 are left")
    }

    @Test("nor does a server that breaks off")
    func abort() async throws {
        let lives = Lives()
        let stand = stand(lives) { request, _ in _ = try await request.value.body.collect(upTo: 1000) }
        let client = try await stand.connect()
        try await client.send(request("POST /", "Content-Length: 10") + "half")
        #expect(try await stand.until { lives.begun == 2 })
        try await stand.abort()
        #expect(try await client.isForgotten())
        #expect(try await stand.until { lives.left == 0 }, "\(lives.left) of 2 are left")
    }

    @Test("an idle connection that stays keeps neither the handler's frame nor, after a while, its context")
    func idle() async throws {
        let lives = Lives()
        let stand = stand(lives) { _, _ in }
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        #expect(try await client.answer().status == 200)
        #expect(try await stand.until { lives.begun == 2 && lives.left <= 1 })
        try await stand.pass(.seconds(1))
        #expect(try await stand.until { lives.left == 0 }, "\(lives.left) of 2 are left")
        #expect(try await client.state() == .open)
    }

    // MARK: Through a proxy

    /// What ends an exchange whose request's body is half sent.
    enum End: CaseIterable, Sendable {
        case clientResets, clientCloses, originResets, originCloses, originAnswers
        case bodyTimeout, totalTimeout
        /// The origin takes no bytes, and then the client leaves or the limit passes.
        case stalledClientResets, stalledTimeout
        /// Half of the answer has come as well.
        case clientResetsInAnswer, originResetsInAnswer, timeoutInAnswer

        var stalls: Bool { self == .stalledClientResets || self == .stalledTimeout }

        var hasAnswer: Bool {
            self == .clientResetsInAnswer || self == .originResetsInAnswer || self == .timeoutInAnswer
        }
    }

    @Test("an upload that breaks off leaves no task on either side", arguments: End.allCases)
    func proxied(end: End) async throws {
        let (lives, gate, time) = (Lives(), Gate(), ManualTime())
        let read = Mutex(0)
        let origin = ScriptedUpstream(startsAtHead: true) { exchange in
            if end.stalls { exchange.setReading(false) }
            if end.hasAnswer {
                exchange.start(.ok, length: 100)
                try await exchange.send("half")
            }
            await gate.pass()
            switch end {
            case .originResets, .originResetsInAnswer: exchange.reset()
            case .originCloses: exchange.close()
            case .originAnswers: exchange.answer(.contentTooLarge, "enough")
            default: exchange.hang()
            }
        }
        let endpoint: Endpoint = "origin:80"
        let dialer = WatchedDialer(ScriptedDialer([endpoint.address: origin]))
        let runtime = Runtime(
            time: time,
            logger: TestClient.silentLogger,
            randomness: SeededRandomness(),
            group: MultiThreadedEventLoopGroup.singleton.next(),
            dialer: dialer
        )
        var configuration = Forwarder.Configuration()
        if end == .totalTimeout || end == .timeoutInAnswer { configuration.totalTimeout = .seconds(5) }
        let proxy = ReverseProxy(to: endpoint, configuration)
        let handler = HandlerFunction { request, context in
            let life = lives.begin()
            defer { withExtendedLifetime(life) {} }
            context[LifeKey.self] = lives.begin()
            var request = request
            request.body = .stream(
                HeldSource(try request.body.open(), lives.begin()) { count in
                    read.withLock { $0 += count }
                }
            )
            return try await proxy.handle(request, context: context)
        }
        try await withServer(handler, runtime: runtime) { server in
            let client = try await server.connect()
            try await client.send(request("POST /", "Content-Length: 10000000") + "half")
            await origin.waitForRequests()
            if end.stalls {
                // More than the origin's line holds, so that the upload waits for it.
                let bytes = ByteBuffer(repeating: 0x61, count: 1_000_000)
                Task { try? await client.send(bytes) }
                #expect(await eventually { read.withLock { $0 } >= 64 << 10 })
                // What reads there goes on to its wait within this turn of the loop.
                for _ in 0..<10 { try await runtime.workers.all[0].eventLoop.submit {}.get() }
            }
            if end.hasAnswer { _ = try await client.read(through: "half") }
            #expect(lives.begun == 3 && lives.left == (end.hasAnswer ? 2 : 3) && dialer.left == 1)
            gate.open()
            switch end {
            case .clientResets, .stalledClientResets, .clientResetsInAnswer: try await client.reset()
            case .clientCloses: try await client.close()
            case .bodyTimeout, .stalledTimeout: time.advance(by: .seconds(60))
            case .totalTimeout, .timeoutInAnswer: time.advance(by: .seconds(5))
            case .originResets, .originCloses, .originAnswers, .originResetsInAnswer: break
            }
            #expect(await eventually { lives.left <= 1 }, "the handler or its upload goes on: \(lives.left) of 3")
            #expect(await eventually { dialer.left == 0 }, "somebody holds the connection to the origin")
            try? await client.close()
            #expect(await eventually { lives.left == 0 }, "somebody holds the context")
        }
    }
}

/// The place of a life in a context.
private enum LifeKey: ContextKey {
    static var defaultValue: Lives.Life? { nil }
}

/// A source that holds a life for as long as somebody holds it.
private final class HeldSource: BodySource {
    private let source: any BodySource
    private let life: Lives.Life
    private let count: (Int) -> Void

    init(_ source: any BodySource, _ life: Lives.Life, count: @escaping (Int) -> Void) {
        self.source = source
        self.life = life
        self.count = count
    }

    var knownLength: Int? { source.knownLength }
    var isReady: Bool { source.isReady }

    func read() async throws -> BodyPart {
        let part = try await source.read()
        if case .bytes(let bytes) = part { count(bytes.readableBytes) }
        return part
    }

    func cancel(_ reason: any Error) { source.cancel(reason) }
}

/// A dialer that knows which of the connections that it opened somebody still holds.
private final class WatchedDialer: Dialer {
    private struct Opened: Sendable {
        weak var connection: UpstreamConnection?
    }

    private let dialer: any Dialer
    private let opened = Mutex<[Opened]>([])

    init(_ dialer: any Dialer) { self.dialer = dialer }

    /// How many are held.
    var left: Int { opened.withLock { $0.count { $0.connection != nil } } }

    func dial(
        _ address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken {
        dialer.dial(address, on: worker) { result in
            let handler = completion(result)
            if let connection = handler as? UpstreamConnection {
                self.opened.withLock { $0.append(Opened(connection: connection)) }
            }
            return handler
        }
    }
}
