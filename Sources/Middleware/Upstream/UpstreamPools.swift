import NIOCore

/// The pools of one event loop, by endpoint and settings. Touched on its loop only.
package final class UpstreamPools {
    private struct Key: Hashable {
        let address: DialAddress
        let limits: ConnectionLimits
    }

    private var pools: [Key: ConnectionPool] = [:]
    /// The pool that was asked for last, and by whom: a gateway with one origin neither hashes nor compares limits.
    @exclusivity(unchecked) private var last: (endpoint: Endpoint.Identity, owner: AnyObject, pool: ConnectionPool)?
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
        if let last, last.endpoint == endpoint.identity, last.owner === owner { return last.pool }
        let limits = limits()
        let key = Key(address: endpoint.address, limits: limits)
        let pool = pools[key] ?? ConnectionPool(key.address, limits: limits, dialer: dialer, in: self)
        pools[key] = pool
        last = (endpoint.identity, owner, pool)
        return pool
    }

    /// Lets go of a pool that holds nothing: endpoints come and go while a gateway runs.
    func forget(_ pool: ConnectionPool) {
        let key = Key(address: pool.address, limits: pool.limits)
        if pools[key] === pool { pools[key] = nil }
        if last?.pool === pool { last = nil }
    }

    /// For tests.
    var count: Int { pools.count }
}
