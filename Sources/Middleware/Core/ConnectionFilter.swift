/// Decides who may connect, before a byte is read: for TCP connections and for UDP sessions alike.
///
/// ```swift
/// Listener.tcp(port: 5432) {
///     IPFilter(allow: ["10.0.0.0/8"])
///     ConnectionLimit(20, by: .clientAddress)
///     TCPProxy(database)
/// }
/// ```
///
/// It awaits nothing. Whoever is refused sees a reset; a datagram from him is dropped. What has to look at bytes is a
/// ``ConnectionHandler`` around another one.
///
/// One value serves every event loop at once; a call runs on the connection's loop.
public protocol ConnectionFilter: Sendable {
    /// What is inside. The type's name unless implemented.
    var blueprint: Blueprint { get }

    /// Lets a connection in with a permit, which is held until the connection ends; refuses it with `nil`.
    func admit(_ context: RequestContext) -> ConnectionPermit?
}

extension ConnectionFilter {
    public var blueprint: Blueprint { Blueprint("\(Self.self)") }
}

/// What a connection holds while it lasts. Dropping it gives back what it stands for.
public final class ConnectionPermit: Sendable {
    /// A permit that stands for nothing.
    public static let free = ConnectionPermit(onEnd: nil)

    private let onEnd: (@Sendable () -> Void)?

    private init(onEnd: (@Sendable () -> Void)?) { self.onEnd = onEnd }

    /// A permit whose end is told once, from whichever thread drops it last.
    public convenience init(_ onEnd: @escaping @Sendable () -> Void) { self.init(onEnd: onEnd) }

    deinit { onEnd?() }
}
