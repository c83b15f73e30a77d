public import NIOCore

/// Who sent the request, when somebody has found out: set by what resolves trusted proxies.
///
/// `nil` before that; then the other end of the connection, ``Peer/remote``, is the best that is known.
public enum ClientAddressKey: ContextKey {
    public static var defaultValue: SocketAddress? { nil }
}

extension RequestContext {
    /// The client's address: what ``ClientAddressKey`` says, else the other end of the connection; `nil` on a
    /// Unix-domain socket.
    package var clientAddress: SocketAddress? { self[ClientAddressKey.self] ?? peer.remote }
}
