import HTTPTypes
import Logging
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

/// No context is seen by two requests.
@Suite("Server: contexts")
struct ServerContextTests {
    private enum NameKey: ContextKey {
        static var defaultValue: String { "none" }
    }

    /// Contexts that a handler keeps.
    private final class Shelf: Sendable {
        private let contexts = Mutex<[Ferry<RequestContext>]>([])
        var all: [Ferry<RequestContext>] { contexts.withLock { $0 } }
        func keep(_ context: Ferry<RequestContext>) { contexts.withLock { $0.append(context) } }
    }

    @Test(
        "keys, logger, deadline, hooks and 1xx edits of a request are not those of the next", arguments: [true, false])
    func fresh(isPipelined: Bool) async throws {
        let (notes, outcomes) = (Notes(), Outcomes())
        let stand = ServerStand(
            HandlerFunction { request, context in
                let before = [
                    context[NameKey.self], context.logger[metadataKey: "name"].map { "\($0)" } ?? "none",
                    context.deadline == nil ? "none" : "limited", context[ProtocolKey.self],
                ]
                notes.add(before.joined(separator: " "))
                try await context.sendInformational(.init(code: 103), [:])
                context[NameKey.self] = request.path
                context.logger[metadataKey: "name"] = "\(request.path)"
                context.onInformational { _, _ in false }
                outcomes.watch(context)
                let scope = context.limit(to: .seconds(5))
                scope.lift()
                return Response(.ok, body: .text(context[NameKey.self]))
            }
        )
        let client = try await stand.connect()
        if isPipelined { try await client.send(String(repeating: request("GET /a"), count: 3)) }
        for _ in 0..<3 {
            if !isPipelined {
                try await client.send(request("GET /a"))
                try await stand.settle()
            }
            let answer = try await client.answer()
            #expect(answer.body == "/a" && answer.informational == [103])
        }
        try await stand.settle()
        #expect(notes.all.count == 3 && Set(notes.all).count == 1 && notes.all[0].hasPrefix("none none none "))
        #expect(outcomes.count == 3)
    }

    @Test("a deadline of one request does not end the next")
    func deadline() async throws {
        let stand = ServerStand(
            HandlerFunction { request, context in
                guard request.path == "/limited" else {
                    try await context.sleep(for: .seconds(10))
                    return Response(.ok, body: .text("slept"))
                }
                let scope = context.limit(to: .seconds(5))
                try await context.sleep(for: .seconds(6))
                scope.lift()
                return Response(.ok)
            }
        )
        let client = try await stand.connect()
        for _ in 0..<2 {
            try await client.send(request("GET /limited"))
            try await stand.pass(.seconds(6))
            #expect(try await client.answer().status == 504)
            try await client.send(request("GET /"))
            try await stand.pass(.seconds(11))
            #expect(try await client.answer().body == "slept")
        }
    }

    @Test("a context that somebody still holds is not used again: it stays as it was left")
    func held() async throws {
        let shelf = Shelf()
        let stand = ServerStand(
            HandlerFunction { request, context in
                #expect(context[NameKey.self] == "none")
                context[NameKey.self] = request.path
                if request.path != "/let-go" { shelf.keep(Ferry(context)) }
                return Response(.ok)
            }
        )
        let client = try await stand.connect()
        for path in ["/a", "/let-go", "/b", "/c"] {
            try await client.send(request("GET \(path)"))
            _ = try await client.answer()
        }
        let names = try await stand.onTurn { shelf.all.map { $0.value[NameKey.self] } }
        #expect(names == ["/a", "/b", "/c"])
        let identities = try await stand.onTurn { Set(shelf.all.map { ObjectIdentifier($0.value) }).count }
        #expect(identities == 3)
    }

    @Test("what is kept and used late reaches no later exchange")
    func lateUse() async throws {
        let (shelf, gate) = (Shelf(), Gate())
        let stand = ServerStand(
            HandlerFunction { request, context in
                if request.path == "/first" {
                    shelf.keep(Ferry(context))
                } else {
                    await gate.pass()
                }
                return Response(.ok, body: .text(request.path))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /first"))
        _ = try await client.answer()
        try await client.send(request("GET /second"))
        try await stand.settle()
        Task(executorPreference: stand.worker.executor) {
            try await shelf.all[0].value.sendInformational(.init(code: 103), [:])
            gate.open()
        }
        do {
            let answer = try await client.answer()
            #expect(answer.body == "/second" && answer.informational == [])
        }
    }

    @Test("connections have contexts of their own, with their own peers")
    func peers() async throws {
        let stand = ServerStand(
            HandlerFunction { _, context in
                await Task.yield()
                return Response(.ok, body: .text(context.peer.remote?.description ?? "none"))
            }
        )
        for last in 1...3 {
            let address = try SocketAddress(ipAddress: "192.0.2.\(last)", port: 1000 + last)
            let client = try await stand.connect(peer: Peer(remote: address))
            for _ in 0..<2 {
                try await client.send(request("GET /"))
                #expect(try await client.answer().body == address.description)
            }
        }
    }

    @Test("an idle connection gives its context back")
    func givenBack() async throws {
        final class Token: Sendable {}
        enum TokenKey: ContextKey {
            static var defaultValue: Token? { nil }
        }
        let stand = ServerStand(
            HandlerFunction { _, context in
                context[TokenKey.self] = Token()
                return Response(.ok, body: .text("\(Unmanaged.passUnretained(context).toOpaque())"))
            }
        )
        let client = try await stand.connect()
        try await client.send(request("GET /"))
        _ = try await client.answer()
        try await stand.pass(.seconds(2))
        try await client.send(request("GET /"))
        #expect(try await client.answer().status == 200)
        try await client.close()
        #expect(try await client.isForgotten())
    }

    @Test("when the exchange began is when its first byte came")
    func began() async throws {
        let stand = ServerStand(
            HandlerFunction { _, context in
                let waited = context.began.duration(to: context.runtime.time.now)
                return Response(.ok, body: .text("\(waited)"))
            }
        )
        let client = try await stand.connect()
        for _ in 0..<2 {
            try await stand.pass(.seconds(3))
            try await client.send(request("GET /"))
            #expect(try await client.answer().body == "\(Duration.zero)")
        }
    }
}
