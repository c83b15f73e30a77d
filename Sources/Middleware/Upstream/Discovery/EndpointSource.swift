/// Where the endpoints of a cluster come from when they change at run time.
///
/// ```swift
/// struct Inventory: EndpointSource {
///     func endpoints(_ runtime: Runtime) -> AsyncThrowingStream<[Endpoint], any Error> {
///         AsyncThrowingStream { continuation in … }
///     }
/// }
/// let users = Cluster("users", from: Inventory())
/// ```
///
/// Each set replaces the one before; endpoints that are in both keep their state and their connections. A source that
/// cannot tell any more throws: the cluster keeps the last set, says so, and asks again, waiting longer each time.
public protocol EndpointSource: Sendable {
    /// The sets, each whole, the first as soon as it is known. Ends when the last will not change any more.
    ///
    /// Called by a service of the cluster; ending its task ends the stream. Waits and sockets come from `runtime`.
    func endpoints(_ runtime: Runtime) -> AsyncThrowingStream<[Endpoint], any Error>

    /// Notes what is wrong with its configuration. Nothing unless implemented.
    func check(_ blueprint: inout Blueprint)
}

extension EndpointSource {
    public func check(_ blueprint: inout Blueprint) {}
}
