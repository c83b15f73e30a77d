/// An address that a server takes connections or datagrams on.
///
/// ```swift
/// Server(gateway, listeners: [.http(port: 8080), .http(host: "::1", port: 0), .unix("/run/edge.sock")])
/// ```
/// Other protocols than HTTP have a handler of their own, with filters in front of it:
/// ```swift
/// Server(gateway, listeners: [
///     .http(port: 8080, proxyProtocol: .accepted(from: ["10.0.0.0/24"])),
///     .tcp(port: 5432) {
///         IPFilter(allow: ["10.0.0.0/8"])
///         TCPProxy(database)
///     },
///     .udp(port: 53) { UDPProxy(resolvers) },
/// ])
/// ```
public struct Listener: Sendable, CustomStringConvertible {
    enum Address: Sendable {
        case host(String, port: Int)
        case unix(path: String)
    }

    /// Who takes what comes.
    enum Use: Sendable {
        /// The handler of the server.
        case http
        case connections(any ConnectionHandler)
        case datagrams(any DatagramHandler)
    }

    let address: Address
    let use: Use
    let proxyProtocol: ProxyProtocol?

    private init(_ address: Address, _ use: Use, _ proxyProtocol: ProxyProtocol? = nil) {
        self.address = address
        self.use = use
        self.proxyProtocol = proxyProtocol
    }

    /// HTTP/1.1 without TLS.
    ///
    /// Each event loop has a socket of its own on the port. A port that another process or another server listens on
    /// makes ``Server/run()`` throw: it is never shared with them.
    ///
    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address or a name of this machine; every IPv4 address unless given.
    ///   - port: 0 lets the system choose one; ``Server/addresses()`` tells which.
    ///   - proxyProtocol: whose PROXY protocol headers are taken; nobody's unless given.
    public static func http(host: String = "0.0.0.0", port: Int, proxyProtocol: ProxyProtocol? = nil) -> Listener {
        Listener(.host(host, port: port), .http, proxyProtocol)
    }

    /// HTTP/1.1 on a Unix-domain socket. A socket file that is left over at that path is replaced.
    ///
    /// - Parameters:
    ///   - path: of at most 103 bytes.
    ///   - proxyProtocol: how PROXY protocol headers are taken; not at all unless given.
    public static func unix(_ path: String, proxyProtocol: ProxyProtocol? = nil) -> Listener {
        Listener(.unix(path: path), .http, proxyProtocol)
    }

    /// Raw TCP connections, for a handler of their own. They count with the others of the server, towards the same
    /// limits, and are part of its drain: no more are accepted, those that are open may end by themselves, and at the end
    /// of the time the tasks of the rest are cancelled.
    ///
    /// - Parameters:
    ///   - host: as for HTTP.
    ///   - port: as for HTTP.
    ///   - proxyProtocol: as for HTTP.
    ///   - handler: filters, if any, and who takes the connections.
    public static func tcp(
        host: String = "0.0.0.0",
        port: Int,
        proxyProtocol: ProxyProtocol? = nil,
        @ConnectionStackBuilder<any ConnectionHandler> _ handler: () -> ConnectionStack<any ConnectionHandler>
    ) -> Listener {
        Listener(.host(host, port: port), .connections(handler()), proxyProtocol)
    }

    /// Raw connections on a Unix-domain socket; see ``tcp(host:port:proxyProtocol:_:)``.
    public static func unix(
        _ path: String,
        proxyProtocol: ProxyProtocol? = nil,
        @ConnectionStackBuilder<any ConnectionHandler> _ handler: () -> ConnectionStack<any ConnectionHandler>
    ) -> Listener {
        Listener(.unix(path: path), .connections(handler()), proxyProtocol)
    }

    /// UDP datagrams, by sessions; see ``DatagramHandler``.
    ///
    /// Each event loop has a socket of its own on the port, and the kernel gives all datagrams of one client to one of
    /// them. On a machine with several addresses, give each a listener: an answer from a socket of all addresses leaves
    /// from the one that the way back begins at, which need not be the one that was asked.
    ///
    /// - Parameters:
    ///   - host: as for HTTP.
    ///   - port: as for HTTP.
    ///   - handler: filters, if any, and who takes the sessions.
    public static func udp(
        host: String = "0.0.0.0",
        port: Int,
        @ConnectionStackBuilder<any DatagramHandler> _ handler: () -> ConnectionStack<any DatagramHandler>
    ) -> Listener {
        Listener(.host(host, port: port), .datagrams(handler()))
    }

    public var description: String {
        switch address {
        case .host(let host, let port):
            let place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            return if case .datagrams = use { "udp:\(place)" } else { place }
        case .unix(let path): return "unix:\(path)"
        }
    }

    /// What its own handler is made of; nothing for HTTP.
    var blueprint: Blueprint? {
        switch use {
        case .http: nil
        case .connections(let handler): handler.blueprint
        case .datagrams(let handler): handler.blueprint
        }
    }

    func check(_ blueprint: inout Blueprint) {
        switch address {
        case .host(let host, let port):
            blueprint.require(!host.isEmpty, "has a listener without a host", mend: "give an address")
            blueprint.require((0...65535).contains(port), "has a listener on port \(port)", mend: "give 0 to 65535")
        case .unix(let path):
            blueprint.require(
                !path.isEmpty && path.utf8.count < 104,
                "has a listener on a path of \(path.utf8.count) bytes",
                mend: "give 1 to 103 bytes"
            )
        }
        proxyProtocol?.check(&blueprint, listener: description)
        if case .datagrams(let handler) = use { handler.limits.check(&blueprint) }
    }
}
