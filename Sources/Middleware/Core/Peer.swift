public import NIOCore

/// The two ends of the connection that a request came over.
public struct Peer: Sendable {
    /// The address at the other end of the socket: the client, or the last proxy before us. `nil` for a Unix-domain
    /// socket and in tests that set none. Who is behind trusted proxies is ``ClientAddress``'s to say.
    public var remote: SocketAddress?
    /// The address that the connection was accepted on.
    public var local: SocketAddress?
    /// Whether the connection is encrypted by this server.
    public var isSecure: Bool

    public init(remote: SocketAddress? = nil, local: SocketAddress? = nil, isSecure: Bool = false) {
        self.remote = remote
        self.local = local
        self.isSecure = isSecure
    }
}
