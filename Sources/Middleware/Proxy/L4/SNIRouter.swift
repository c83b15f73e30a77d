import Logging
import NIOCore

/// Chooses by the server name of a TLS connection who takes it, without decrypting anything.
///
/// ```swift
/// SNIRouter {
///     SNIRoute("api.example.com") { api }
///     SNIRoute("*.example.com") { sites }
///     SNIRoute("*") { fallback }
/// }
/// ```
///
/// Whoever is chosen gets the connection from its first byte, the ClientHello included, so it is its certificate that
/// the client sees and its key that the secret is made with. The name that was asked for is in
/// ``ServerNameKey``.
///
/// The name itself wins over a wildcard, the longer wildcard over the shorter, and any of them over `*`; the order of
/// the routes makes no difference. A connection that nobody takes is closed without an answer, as is one that does not
/// begin with a ClientHello, that has one an origin might read otherwise, or that does not send it in time: at most
/// 16 KiB are waited for. `middleware_sni_refused_total` counts them by the reason.
///
/// The name is what a client says. It may ask for another host inside of the encrypted connection, so this decides where
/// bytes go and never what somebody may see.
public struct SNIRouter: ConnectionHandler {
    private let routes: [SNIRoute]
    private let timeout: Duration
    private let table: [ServerNamePattern: any ConnectionHandler]

    /// A router over those routes.
    ///
    /// - Parameter timeout: how long a client may take for its ClientHello; 5 seconds unless given.
    public init(timeout: Duration = .seconds(5), @SNIRouterBuilder _ routes: () -> [SNIRoute]) {
        self.timeout = timeout
        self.routes = routes()
        var table: [ServerNamePattern: any ConnectionHandler] = [:]
        for route in self.routes {
            for name in route.names {
                if let pattern = ServerNamePattern(name), table[pattern] == nil { table[pattern] = route.handler }
            }
        }
        self.table = table
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint(
            "SNIRouter",
            children: routes.map { ($0.names.joined(separator: ", "), $0.handler.blueprint) }
        )
        blueprint.require(timeout > .zero, "has a time-out of \(timeout)", mend: "give more than zero")
        blueprint.require(!routes.isEmpty, "has no route", mend: "give one")
        var seen: Set<ServerNamePattern> = []
        for route in routes {
            blueprint.require(!route.names.isEmpty, "has a route for no name", mend: "give one, or * for any")
            for name in route.names {
                guard let pattern = ServerNamePattern(name) else {
                    blueprint.require(
                        false, "has a route for \(name), which is no server name",
                        mend: "write example.com, *.example.com or *, without scheme, port and final dot")
                    continue
                }
                let isNew = seen.insert(pattern).inserted
                blueprint.require(isNew, "has two routes for \(name)", mend: "remove one")
            }
        }
        return blueprint
    }

    public func handle(_ connection: consuming Connection, context: RequestContext) async throws {
        var reader = TLSClientHelloReader()
        let peek = try await connection.peek(within: timeout) { received in
            let reading = reader.read(received)
            return reading == .needsMore ? nil : reading
        }
        switch peek {
        case .decided(.hello(let hello)):
            guard let handler = handler(for: hello.serverName) else {
                refuse(hello.serverName == nil ? .noName : .noRoute, context)
                return
            }
            SNIMetric.routed.increment()
            context[ServerNameKey.self] = hello.serverName
            try await handler.handle(connection, context: context)
        case .decided(.malformed(let problem)): refuse(.malformed(problem), context)
        case .decided(.needsMore), .ended: refuse(.truncated, context)
        case .timedOut: refuse(.timeout, context)
        }
    }

    /// Who takes connections for a name.
    func handler(for name: String?) -> (any ConnectionHandler)? {
        guard let name else { return table[.any] }
        if let handler = table[.exact(name)] { return handler }
        var rest = name[...]
        while let dot = rest.firstIndex(of: ".") {
            rest = rest[rest.index(after: dot)...]
            if let handler = table[.below(String(rest))] { return handler }
        }
        return table[.any]
    }

    /// Notes why the connection closes, which it does when its last owner lets go.
    private func refuse(_ reason: SNIRefusal, _ context: RequestContext) {
        SNIMetric.refused[reason].increment()
        context.logger.debug(
            "refused a connection that could not be routed by its server name",
            metadata: ["reason": "\(reason.text)", "client": "\(context.peer.remote?.description ?? "local")"]
        )
    }
}

/// The server name that the client asked for in TLS, in lower case; `nil` when it named none, and on connections that
/// no ``SNIRouter`` has seen.
public enum ServerNameKey: ContextKey {
    public static var defaultValue: String? { nil }
}
