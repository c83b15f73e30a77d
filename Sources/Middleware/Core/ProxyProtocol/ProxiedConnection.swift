public import NIOCore

/// A connection that came by way of a proxy that speaks the PROXY protocol.
public final class ProxiedConnection: Sendable {
    /// What the proxy said.
    public let header: ProxyHeader
    /// The proxy's own address; `nil` for a Unix-domain socket.
    public let remote: SocketAddress?
    /// The address that the proxy connected to.
    public let local: SocketAddress?

    /// What came over a socket between those addresses.
    public init(_ header: ProxyHeader, remote: SocketAddress?, local: SocketAddress?) {
        self.header = header
        self.remote = remote
        self.local = local
    }
}

extension Peer {
    /// The same connection as a header describes it.
    package func proxied(by header: ProxyHeader) -> Peer {
        var peer = self
        peer.proxied = ProxiedConnection(header, remote: remote, local: local)
        switch header.endpoints {
        case .local, .unknown:
            break
        case .internet(let source, let destination, _):
            peer.remote = source
            peer.local = destination
        case .unix(_, let destination, _):
            peer.remote = nil
            peer.local =
                destination.isEmpty
                ? nil : try? SocketAddress(unixDomainSocketPath: String(decoding: destination, as: UTF8.self))
        }
        return peer
    }
}
