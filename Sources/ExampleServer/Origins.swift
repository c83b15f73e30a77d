import HTTPTypes
import Logging
import Middleware
import NIOCore

/// The origins of the demo: each a server of this library, on a loopback port that the system chooses.
struct Origins {
    /// A little JSON.
    let hello: Endpoint
    /// What was sent, as it comes.
    let echo: Endpoint
    /// A part every second.
    let ticks: Endpoint
    /// An answer after a second, or after as many as `?seconds=` says.
    let slow: Endpoint
    /// 500, whatever is asked.
    let broken: Endpoint
    /// Three that do the same and say which of them they are; `/healthz` asks how they do.
    let team: [Endpoint]

    /// Starts all of them as tasks of the group, which end when they are cancelled.
    static func start(in group: inout ThrowingTaskGroup<Void, any Error>) async throws -> Origins {
        Origins(
            hello: try await start(HandlerFunction(hello), in: &group),
            echo: try await start(HandlerFunction(echo), in: &group),
            ticks: try await start(HandlerFunction(ticks), in: &group),
            slow: try await start(HandlerFunction(slow), in: &group),
            broken: try await start(HandlerFunction(broken), in: &group),
            team: [
                try await start(HandlerFunction { _, _ in Response(.ok, body: .text("one\n")) }, in: &group),
                try await start(HandlerFunction { _, _ in Response(.ok, body: .text("two\n")) }, in: &group),
                try await start(HandlerFunction { _, _ in Response(.ok, body: .text("three\n")) }, in: &group),
            ]
        )
    }

    private static func start(
        _ handler: some Handler,
        in group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws -> Endpoint {
        var configuration = Server.Configuration()
        configuration.threads = 1
        configuration.shutdownSignals = []
        configuration.drainTimeout = .zero
        var logger = Logger(label: "origin")
        logger.logLevel = .error
        let server = Server(
            handler,
            listeners: [.http(host: "127.0.0.1", port: 0)],
            configuration: configuration,
            logger: logger
        )
        group.addTask { try await server.run() }
        let port = try await server.addresses().first?.port ?? 0
        return Endpoint("127.0.0.1:\(port)")
    }
}

extension Origins {
    private static func hello(_ request: consuming Request, _ context: RequestContext) async throws -> Response {
        var response = Response(.ok, body: .text("{\"message\":\"hello from the origin\"}\n"))
        response.headers[.contentType] = "application/json"
        return response
    }

    private static func echo(_ request: consuming Request, _ context: RequestContext) async throws -> Response {
        var response = Response(.ok, body: request.body)
        response.headers[.contentType] = request.headers[.contentType] ?? "application/octet-stream"
        return response
    }

    private static func ticks(_ request: consuming Request, _ context: RequestContext) async throws -> Response {
        var response = Response(.ok, body: .stream(Ticks(in: context)))
        response.body.isLive = true
        response.headers[.contentType] = "text/event-stream"
        return response
    }

    private static func slow(_ request: consuming Request, _ context: RequestContext) async throws -> Response {
        let item = request.target.queryItems.first { $0.name == "seconds" }
        let seconds = item?.value.flatMap { Int($0) } ?? 1
        try await context.sleep(for: .seconds(min(max(0, seconds), 60)))
        return Response(.ok, body: .text("that took \(seconds) s\n"))
    }

    private static func broken(_ request: consuming Request, _ context: RequestContext) async throws -> Response {
        Response(.internalServerError, problem: "this origin is broken, on purpose")
    }
}

/// A server-sent event every second, a hundred of them.
private final class Ticks: BodySource {
    private let context: RequestContext
    private var sent = 0
    private var isOver = false

    let knownLength: Int? = nil

    init(in context: RequestContext) { self.context = context }

    func read() async throws -> BodyPart {
        if sent > 0, !isOver { try await context.sleep(for: .seconds(1)) }
        guard !isOver else { throw BodyConsumed() }
        guard sent < 100 else {
            isOver = true
            return .end(trailers: nil)
        }
        sent += 1
        return .bytes(ByteBuffer(string: "data: tick \(sent)\n\n"))
    }

    func cancel(_ reason: any Error) { isOver = true }
}
