import DequeModule
import NIOCore

/// How many connections are kept to one endpoint, for each event loop.
public struct ConnectionLimits: Sendable, Hashable {
    /// The most connections, busy ones and idle ones; past it requests queue. 1024 unless set; at least 1.
    public var connections = 1024
    /// The most idle connections that are kept. 256 unless set; 0 keeps none.
    public var idleConnections = 256
    /// How long an idle connection is kept. 55 seconds unless set, below the 60 or more that most servers keep theirs,
    /// so that the gateway closes first.
    public var idleTimeout = Duration.seconds(55)
    /// The most requests in the queue; past it a request fails at once (503). 1024 unless set.
    public var queuedRequests = 1024
    /// How long a request queues. 10 seconds unless set; never less than ``connectTimeout``.
    public var queueTimeout = Duration.seconds(10)
    /// How long opening a connection may take, name look-up included. 5 seconds unless set.
    public var connectTimeout = Duration.seconds(5)
    /// The requests that one connection serves before it is closed. Unlimited unless set.
    public var requestsPerConnection = Int.max

    public init() {}
}

/// The connections of one event loop to one endpoint. Touched on its loop only.
///
/// The connection that was used last is used first, so that a falling load lets the others grow old and go.
final class ConnectionPool {
    let address: DialAddress
    let limits: ConnectionLimits
    let worker: Worker
    private let dialer: any Dialer
    private unowned let pools: UpstreamPools
    @exclusivity(unchecked) private var idle: [UpstreamConnection] = []
    @exclusivity(unchecked) private var busy = 0
    @exclusivity(unchecked) private var dialing = 0
    @exclusivity(unchecked) private var waiters = Deque<Waiter>()
    private var sweep: LoopTimer?
    private var isDialing = false
    @exclusivity(unchecked) private var isSweepScheduled = false

    init(_ address: DialAddress, limits: ConnectionLimits, dialer: any Dialer, in pools: UpstreamPools) {
        self.address = address
        self.limits = limits
        self.dialer = dialer
        self.pools = pools
        worker = pools.worker
    }

    deinit { sweep?.invalidate() }

    /// A connection that is idle right now.
    func takeIdle() -> UpstreamConnection? {
        guard let connection = idle.popLast() else { return nil }
        busy += 1
        UpstreamMetric.connectionsIdle.decrement()
        return connection
    }

    /// A new connection, or the next one that becomes free once there are as many as the limit allows.
    func connection(for context: RequestContext) async throws -> UpstreamConnection {
        // A request for which a connection is being opened, or may be, does not queue.
        let mayDial = waiters.count < dialing || busy + idle.count + dialing < max(1, limits.connections)
        guard mayDial || waiters.count - dialing < limits.queuedRequests else {
            throw UpstreamFailure(.queueFull, "\(waiters.count) requests wait for a connection")
        }
        if !mayDial { UpstreamMetric.requestsQueued.increment() }
        let waiter = Waiter(pool: self, context: context)
        return try await waiter.wait()
    }

    fileprivate func enqueue(_ waiter: Waiter) {
        waiters.append(waiter)
        UpstreamMetric.requestsWaiting.increment()
        dialIfNeeded()
    }

    private func dialIfNeeded() {
        // An attempt that fails at once comes back here: the loop below goes on with it, rather than a call within a
        // call.
        guard !isDialing else { return }
        isDialing = true
        defer { isDialing = false }
        while dialing < waiters.count, busy + idle.count + dialing < max(1, limits.connections) { dial() }
    }

    private func dial() {
        dialing += 1
        let attempt = DialAttempt(pool: self)
        attempt.start(dialer, address)
    }

    fileprivate func opened(_ wire: any Wire) -> UpstreamConnection {
        dialing -= 1
        busy += 1
        UpstreamMetric.connectionsOpened.increment()
        UpstreamMetric.connectionsActive.increment()
        let connection = UpstreamConnection(wire, in: self)
        serve(connection)
        return connection
    }

    fileprivate func failed(_ failure: UpstreamFailure) {
        dialing -= 1
        UpstreamMetric.connectFailures.increment()
        // Whoever has waited longest hears of it; the others go on with an attempt of their own.
        waiters.popFirst()?.finish(.failure(failure))
        dialIfNeeded()
        if isUnused, !isSweepScheduled { scheduleSweep() }
    }

    /// Gives a free connection to the one who has waited longest, or keeps it.
    private func serve(_ connection: UpstreamConnection) {
        while let waiter = waiters.popFirst() {
            if waiter.finish(.success(connection)) { return }
        }
        busy -= 1
        guard idle.count < limits.idleConnections else {
            UpstreamMetric.connectionsActive.decrement()
            UpstreamMetric.connectionsEvicted.increment()
            connection.retire()
            if isUnused, !isSweepScheduled { scheduleSweep() }
            return
        }
        connection.idleSince = worker.eventNow
        idle.append(connection)
        UpstreamMetric.connectionsIdle.increment()
        if !isSweepScheduled { scheduleSweep() }
    }

    /// A connection has finished its exchange and may serve another.
    func release(_ connection: UpstreamConnection) { serve(connection) }

    /// A connection is gone or will not serve again.
    func remove(_ connection: UpstreamConnection) {
        if let index = idle.lastIndex(where: { $0 === connection }) {
            idle.remove(at: index)
            UpstreamMetric.connectionsIdle.decrement()
        } else {
            busy -= 1
        }
        UpstreamMetric.connectionsActive.decrement()
        dialIfNeeded()
        if isUnused, !isSweepScheduled { scheduleSweep() }
    }

    fileprivate func abandon(_ waiter: Waiter) {
        if let index = waiters.firstIndex(where: { $0 === waiter }) { waiters.remove(at: index) }
    }

    private func scheduleSweep() {
        isSweepScheduled = true
        let sweep = self.sweep ?? LoopTimer(on: worker.timers) { [unowned self] in evict() }
        self.sweep = sweep
        let (end, overflow) = (idle.first?.idleSince ?? worker.eventNow).addingReportingOverflow(
            limits.idleTimeout.nanoseconds)
        if overflow { sweep.clear() } else { sweep.set(end) }
    }

    /// Nothing is left of it, now or for good.
    private var isUnused: Bool { idle.isEmpty && busy == 0 && dialing == 0 && waiters.isEmpty }

    private func evict() {
        isSweepScheduled = false
        let now = worker.eventNow
        let timeout = limits.idleTimeout.nanoseconds
        // The oldest stand first.
        let keep = idle.firstIndex { now - $0.idleSince < timeout } ?? idle.count
        let evicted = idle[..<keep]
        idle.removeFirst(keep)
        for connection in evicted {
            UpstreamMetric.connectionsEvicted.increment()
            UpstreamMetric.connectionsIdle.decrement()
            UpstreamMetric.connectionsActive.decrement()
            connection.retire()
        }
        // Here and not with the last connection: an endpoint whose connections serve one request each is still in use.
        if isUnused { pools.forget(self) } else if !idle.isEmpty { scheduleSweep() }
    }

    // For tests.
    var idleCount: Int { idle.count }
    var busyCount: Int { busy }
    var waiterCount: Int { waiters.count }
}

/// One request that waits for a connection. Unchecked because it is touched on its worker's loop only.
private final class Waiter: ContextWait, @unchecked Sendable {
    private let pool: ConnectionPool
    private let context: RequestContext
    private var continuation: UnsafeContinuation<UpstreamConnection, any Error>?
    private var timer: LoopTimer?

    init(pool: ConnectionPool, context: RequestContext) {
        self.pool = pool
        self.context = context
    }

    func wait() async throws -> UpstreamConnection {
        guard context.watchesTask else { return try await suspend() }
        return try await withTaskCancellationHandler {
            try await suspend()
        } onCancel: {
            pool.worker.perform { self.interrupt(CancellationError()) }
        }
    }

    private func suspend() async throws -> UpstreamConnection {
        try context.cancellation.begin(self)
        return try await withUnsafeThrowingContinuation { continuation in
            guard !(context.watchesTask && Task.isCancelled) else {
                context.cancellation.end(self)
                continuation.resume(throwing: Cancelled.error)
                return
            }
            self.continuation = continuation
            let timer = LoopTimer(on: pool.worker.timers) { [weak self] in
                self?.interrupt(UpstreamFailure(.queueTimeout, "no connection came free"))
            }
            self.timer = timer
            // Opening a connection has a limit of its own, which the queue's must not undercut.
            let wait = max(pool.limits.queueTimeout, pool.limits.connectTimeout).nanoseconds
            let (end, overflow) = pool.worker.eventNow.addingReportingOverflow(wait)
            timer.set(overflow ? .max : end)
            pool.enqueue(self)
        }
    }

    func interrupt(_ error: any Error) {
        guard continuation != nil else { return }
        pool.abandon(self)
        finish(.failure(error))
    }

    /// Ends the wait; `false` when it had ended before.
    @discardableResult
    func finish(_ result: Result<UpstreamConnection, any Error>) -> Bool {
        guard let continuation else { return false }
        self.continuation = nil
        timer?.invalidate()
        timer = nil
        context.cancellation.end(self)
        UpstreamMetric.requestsWaiting.decrement()
        continuation.resume(with: result)
        return true
    }
}

/// One attempt to open a connection. Touched on its loop only.
private final class DialAttempt {
    private let pool: ConnectionPool
    private var token: TimerToken?
    private var timer: LoopTimer?
    private var isOver = false
    private var began: Int64 = 0

    init(pool: ConnectionPool) { self.pool = pool }

    func start(_ dialer: any Dialer, _ address: DialAddress) {
        began = pool.worker.eventNow
        let timer = LoopTimer(on: pool.worker.timers) { self.timedOut() }
        let (end, overflow) = pool.worker.eventNow.addingReportingOverflow(pool.limits.connectTimeout.nanoseconds)
        timer.set(overflow ? .max : end)
        self.timer = timer
        token = dialer.dial(address, on: pool.worker) { self.finished($0) }
    }

    private func timedOut() {
        guard !isOver else { return }
        end()
        token?.cancel()
        pool.failed(UpstreamFailure(.connectTimeout, "\(pool.address) did not take the connection in time"))
    }

    private func finished(_ result: Result<any Wire, any Error>) -> (any WireHandler)? {
        guard !isOver else { return nil }
        end()
        switch result {
        case .success(let wire):
            UpstreamMetric.connectDuration.record(nanoseconds: pool.worker.eventNow - began)
            return pool.opened(wire)
        case .failure(let error):
            pool.failed(UpstreamFailure(.connect, "\(pool.address): \(error)", cause: error))
            return nil
        }
    }

    private func end() {
        isOver = true
        // The timer's action holds the attempt.
        timer?.invalidate()
        timer = nil
    }
}
