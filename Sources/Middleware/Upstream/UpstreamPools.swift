import NIOCore

/// The pools of one event loop, by endpoint and settings. Touched on its loop only.
package final class UpstreamPools {
    private struct Key: Hashable {
        let address: DialAddress
        let limits: ConnectionLimits
    }

    private final class Recent {
        let endpoint: Endpoint
        let owner: AnyObject
        let pool: ConnectionPool

        init(_ endpoint: Endpoint, _ owner: AnyObject, _ pool: ConnectionPool) {
            self.endpoint = endpoint
            self.owner = owner
            self.pool = pool
        }
    }

    private var pools: [Key: ConnectionPool] = [:]
    /// Pools that were asked for lately, and by whom: a request to one of a few origins neither hashes nor compares
    /// limits. A place holds its endpoint, so that no other comes to lie at the same address.
    @exclusivity(unchecked) private var recent = [Recent?](repeating: nil, count: 64 + places)
    /// The places in which an endpoint may lie.
    private static let places = 4
    @exclusivity(unchecked) private var scratch: ByteBuffer?
    private let dialer: any Dialer
    unowned let worker: Worker

    private init(dialer: any Dialer, worker: Worker) {
        self.dialer = dialer
        self.worker = worker
    }

    /// The pools of a context's loop.
    static func of(_ context: RequestContext) -> UpstreamPools {
        let worker = context.worker
        return worker.state(UpstreamPools.self) { UpstreamPools(dialer: context.runtime.dialer, worker: worker) }
    }

    /// The loop's buffer for heads, empty. One that a wire still holds is replaced by a new one.
    func takeScratch() -> ByteBuffer {
        var buffer = scratch.take() ?? ByteBuffer()
        buffer.clear(minimumCapacity: 512)
        return buffer
    }

    /// Gives the buffer back once the wire has it.
    func giveBack(_ buffer: ByteBuffer) { scratch = buffer }

    /// The pool of an endpoint.
    ///
    /// - Parameter owner: Whose limits these are: one that always asks with the same.
    func pool(
        _ endpoint: Endpoint, _ limits: @autoclosure () -> ConnectionLimits, of owner: AnyObject
    ) -> ConnectionPool {
        let first = Self.place(of: endpoint)
        for place in first..<first + Self.places {
            if let recent = recent[place], recent.endpoint.identity == endpoint.identity, recent.owner === owner {
                return recent.pool
            }
        }
        let limits = limits()
        let key = Key(address: endpoint.address, limits: limits)
        let pool = pools[key] ?? ConnectionPool(key.address, limits: limits, dialer: dialer, in: self)
        pools[key] = pool
        let free = (first..<first + Self.places).first { recent[$0] == nil }
        recent[free ?? first] = Recent(endpoint, owner, pool)
        return pool
    }

    /// The first of the places of an endpoint. Spread by Fibonacci hashing (Knuth, "The Art of Computer Programming", 6.4),
    /// since objects of one size lie at equal distances.
    private static func place(of endpoint: Endpoint) -> Int {
        let address = UInt64(UInt(bitPattern: endpoint.identity)) >> 4
        return Int(truncatingIfNeeded: (address &* 0x9E37_79B9_7F4A_7C15) >> 58)
    }

    /// Lets go of a pool that holds nothing: endpoints come and go while a gateway runs.
    func forget(_ pool: ConnectionPool) {
        let key = Key(address: pool.address, limits: pool.limits)
        if pools[key] === pool { pools[key] = nil }
        for place in recent.indices where recent[place]?.pool === pool { recent[place] = nil }
    }

    /// For tests.
    var count: Int { pools.count }
}
