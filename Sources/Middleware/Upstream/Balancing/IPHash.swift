/// Each client to the same endpoint, by its address: ``RingHash`` over ``BalancingKey/clientAddress``.
///
/// ```swift
/// Cluster("app", endpoints: ["10.0.0.1:8080", "10.0.0.2:8080"], balancing: .ipHash)
/// ```
///
/// For sessions that live in one endpoint where no cookie can be set. Many clients behind one address are one client,
/// and one that changes networks is another. Behind other proxies, what resolves the client's address stands outside,
/// else all clients are that proxy; the composition says so.
///
/// Even, steady and fast as ``RingHash`` is.
public struct IPHash: BalancingPolicy {
    private let ring: RingHash

    /// - Parameter bound: how much more than its share an endpoint may carry; any amount unless given.
    public init(bound: LoadBound? = nil) { ring = RingHash(by: .clientAddress, bound: bound) }

    public var key: BalancingKey? { ring.key }

    public func check(_ blueprint: inout Blueprint) { ring.check(&blueprint) }

    public func balancer(among candidates: [BalancingCandidate]) -> any Balancer { ring.balancer(among: candidates) }
}

extension BalancingPolicy where Self == IPHash {
    /// Each client to the same endpoint, by its address.
    public static var ipHash: IPHash { IPHash() }

    /// Each client to the same endpoint, by its address, while that has room.
    public static func ipHash(bound: LoadBound) -> IPHash { IPHash(bound: bound) }
}
