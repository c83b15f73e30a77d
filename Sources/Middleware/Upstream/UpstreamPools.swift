/// The pools of one event loop, by endpoint and settings. Touched on its loop only.
package final class UpstreamPools {
    private struct Key: Hashable {
        let address: DialAddress
        let limits: ConnectionLimits
    }

    private var pools: [Key: ConnectionPool] = [:]
    /// The pool that was asked for last: a gateway with one origin never hashes.
    private var last: (key: Key, pool: ConnectionPool)?
    private let dialer: any Dialer
    private unowned let worker: Worker

    private init(dialer: any Dialer, worker: Worker) {
        self.dialer = dialer
        self.worker = worker
    }

    /// The pools of a context's loop.
    static func of(_ context: RequestContext) -> UpstreamPools {
        let worker = context.worker
        return worker.state(UpstreamPools.self) { UpstreamPools(dialer: context.runtime.dialer, worker: worker) }
    }

    /// The pool of an endpoint.
    func pool(_ address: DialAddress, _ limits: ConnectionLimits) -> ConnectionPool {
        let key = Key(address: address, limits: limits)
        if let last, last.key == key { return last.pool }
        let pool = pools[key] ?? ConnectionPool(address, limits: limits, dialer: dialer, worker: worker)
        pools[key] = pool
        last = (key, pool)
        return pool
    }

    /// Closes every idle connection.
    package func closeIdle() {
        for pool in pools.values { pool.closeIdle() }
    }
}
