import Synchronization

/// Lets so many raw connections or UDP sessions be open at a time; further ones are refused.
///
/// A place is held to the end of the connection. There is one count for all event loops. Nobody waits: a client that is
/// refused comes again, or goes to another address.
///
/// It is not the server's own limit (`Server.Limits.connections`), which holds for all its listeners together.
///
/// ## Placement
/// In front of what takes the connections, behind what refuses for less.
///
/// ## Example
/// ```swift
/// Listener.tcp(port: 5432) {
///     ConnectionLimit(200)
///     TCPProxy(database)
/// }
/// ```
/// Customised, for each client apart:
/// ```swift
/// Listener.tcp(port: 5432) {
///     ConnectionLimit(10, by: .clientAddress)
///     TCPProxy(database)
/// }
/// ```
public struct ConnectionLimit: ConnectionFilter {
    /// What connections have in common that are counted together.
    public enum Key: Sendable, Hashable {
        /// All of them.
        case everything
        /// Those of one IPv4 address or one IPv6 network of 64 bits, which is what one customer gets. All clients on
        /// Unix-domain sockets count as one.
        case clientAddress
    }

    private let limit: Int
    private let key: Key
    private let open = OpenConnections()

    /// At most `limit` connections of each key; bad values are reported by the ``blueprint``. Copies count together.
    public init(_ limit: Int, by key: Key = .everything) {
        self.limit = limit
        self.key = key
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("ConnectionLimit")
        blueprint.require(limit > 0, "lets in \(limit) connections", mend: "give 1 or more")
        return blueprint
    }

    public func admit(_ context: RequestContext) -> ConnectionPermit? {
        let group: IPAddress? =
            switch key {
            case .everything: nil
            case .clientAddress: context.clientAddress.flatMap { IPAddress($0) }.map(Self.network)
            }
        guard open.enter(group, limit: limit) else { return nil }
        return ConnectionPermit { [open] in open.leave(group) }
    }

    /// RFC 6177: a single host is given 64 bits of IPv6.
    private static func network(of address: IPAddress) -> IPAddress {
        address.isIPv4 ? address : IPAddress(high: address.high, low: 0)
    }
}

/// How many connections are open, by whom. Kept for those that are.
private final class OpenConnections: Sendable {
    private let counts = Mutex<[IPAddress?: Int]>([:])

    func enter(_ group: IPAddress?, limit: Int) -> Bool {
        counts.withLock { counts in
            let count = counts[group, default: 0]
            guard count < limit else { return false }
            counts[group] = count + 1
            return true
        }
    }

    func leave(_ group: IPAddress?) {
        counts.withLock { counts in
            guard let count = counts[group] else { return }
            counts[group] = count > 1 ? count - 1 : nil
        }
    }
}
