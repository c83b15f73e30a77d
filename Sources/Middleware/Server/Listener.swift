/// An address that a server takes connections on.
///
/// ```swift
/// Server(gateway, listeners: [.http(port: 8080), .http(host: "::1", port: 0), .unix("/run/edge.sock")])
/// ```
public struct Listener: Sendable, CustomStringConvertible {
    enum Address: Sendable {
        case host(String, port: Int)
        case unix(path: String)
    }

    let address: Address

    /// HTTP/1.1 without TLS.
    ///
    /// Each event loop has a socket of its own on the port. A port that another process or another server listens on
    /// makes ``Server/run()`` throw: it is never shared with them.
    ///
    /// - Parameters:
    ///   - host: an IPv4 or IPv6 address or a name of this machine; every IPv4 address unless given.
    ///   - port: 0 lets the system choose one; ``Server/addresses()`` tells which.
    public static func http(host: String = "0.0.0.0", port: Int) -> Listener {
        Listener(address: .host(host, port: port))
    }

    /// HTTP/1.1 on a Unix-domain socket. A socket file that is left over at that path is replaced.
    public static func unix(_ path: String) -> Listener { Listener(address: .unix(path: path)) }

    public var description: String {
        switch address {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
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
    }
}
