/// Answers a request.
///
/// Expected outcomes (304, 401, 413, 429, 502, 504) are responses, not throws. What a handler throws becomes a problem
/// report at the place where it threw (``Pipeline``); `CancellationError` alone passes.
///
/// ```swift
/// struct Hello: Handler {
///     func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
///         Response(.ok, body: .text("hello \(request.path)"))
///     }
/// }
/// ```
///
/// One value serves every request of every event loop at once, so it is `Sendable`; the call runs on the request's
/// loop.
public protocol Handler: Sendable {
    /// What is inside, for placement checks, printing and background services. The type's name unless implemented.
    var blueprint: Blueprint { get }

    /// Answers one request.
    nonisolated(nonsending) func handle(_ request: consuming Request, context: RequestContext) async throws -> Response
}

/// A handler that only chooses who answers. Head middlewares around it ask it, and call who was chosen in their own frame;
/// who calls ``Handler/handle(_:context:)`` gets answers in place of throws, ``CancellationError`` apart.
package protocol ChoosingHandler: Handler {
    /// Who answers the request. What that one throws is the caller's to answer.
    func choose(for request: borrowing Request, context: RequestContext) -> ChosenHandler
}

/// A handler behind one reference: choosing one copies no more than that, and calling it copies nothing.
package final class ChosenHandler: Sendable {
    package let handler: any Handler

    package init(_ handler: any Handler) { self.handler = handler }
}

/// Takes a raw connection: for listeners that do not speak HTTP. An upgraded HTTP exchange goes to
/// ``Response/upgrade`` instead.
///
/// ```swift
/// struct Greeting: ConnectionHandler {
///     func handle(_ connection: consuming Connection, context: RequestContext) async throws {
///         let (inbound, outbound) = connection.halves()
///         try await outbound.write(ByteBuffer(string: "hello\n"))
///         while let bytes = try await inbound.read() { try await outbound.write(bytes) }
///     }
/// }
/// Server(gateway, listeners: [.http(port: 8080), .tcp(port: 7) { Greeting() }])
/// ```
///
/// One value serves every connection of every event loop at once; a call runs on its connection's loop.
public protocol ConnectionHandler: Sendable {
    /// What is inside. The type's name unless implemented.
    var blueprint: Blueprint { get }

    /// Uses one connection, to its end. When it returns, what was written leaves and the connection closes; when it
    /// throws, the far side sees a reset. Its task is cancelled when the connection breaks off, and at the end of a drain.
    nonisolated(nonsending) func handle(_ connection: consuming Connection, context: RequestContext) async throws
}

extension Handler {
    public var blueprint: Blueprint { Blueprint("\(Self.self)") }
}

extension ConnectionHandler {
    public var blueprint: Blueprint { Blueprint("\(Self.self)") }
}

/// A handler made of a closure.
///
/// ```swift
/// HandlerFunction { request, context in Response(.ok, body: .text(request.path)) }
/// ```
public struct HandlerFunction: Handler {
    private let body: nonisolated(nonsending) @Sendable (consuming Request, RequestContext) async throws -> Response

    /// A handler that calls `body`.
    public init(
        _ body: nonisolated(nonsending) @escaping @Sendable (consuming Request, RequestContext) async throws -> Response
    ) {
        self.body = body
    }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        try await body(request, context)
    }
}
