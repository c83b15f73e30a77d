public import NIOCore

/// The two ends of the connection that a request came over.
public struct Peer: Sendable {
    /// The address at the other end: the client, or the last proxy before us. `nil` for a Unix-domain socket and in
    /// tests that set none. Who is behind proxies that speak HTTP is ``ClientAddress``'s to say; behind one that speaks
    /// the PROXY protocol it is what that one's header says, and ``socketRemote`` is the proxy.
    public var remote: SocketAddress?
    /// The address that the connection was accepted on, or that the client reached by what a PROXY header says.
    public var local: SocketAddress?
    /// Whether the connection is encrypted by this server.
    public var isSecure: Bool
    /// What a trusted proxy in front said by the PROXY protocol; `nil` where there was no header.
    public var proxied: ProxiedConnection?

    /// A peer; nothing is known and nothing encrypted unless given.
    public init(
        remote: SocketAddress? = nil,
        local: SocketAddress? = nil,
        isSecure: Bool = false,
        proxied: ProxiedConnection? = nil
    ) {
        self.remote = remote
        self.local = local
        self.isSecure = isSecure
        self.proxied = proxied
    }

    /// The address at the other end of the socket itself, whatever a header says: for logs and for whoever must know
    /// which load balancer it was. `nil` for a Unix-domain socket.
    public var socketRemote: SocketAddress? {
        if let proxied { proxied.remote } else { remote }
    }

    /// The address that the socket itself was accepted on.
    public var socketLocal: SocketAddress? {
        if let proxied { proxied.local } else { local }
    }
}
