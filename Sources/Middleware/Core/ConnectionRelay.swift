import NIOCore
import Synchronization

/// Two connections of one event loop that are joined: what one receives goes to the other in the same event, without a
/// task in between.
///
/// The end of one direction is passed on while the other goes on. A side that does not take what comes stops the reading
/// of the other. Unchecked because it is touched on its worker's loop only.
final class ConnectionRelay: @unchecked Sendable {
    private let one: ConnectionBytes
    private let other: ConnectionBytes
    private let idle: Int64
    private let counters: RelayCounters
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var result: Result<Void, any Error>?
    private var timer: LoopTimer?

    /// Whether both are on one loop, as a relay needs it.
    static func canJoin(_ one: ConnectionBytes, _ other: ConnectionBytes) -> Bool { one.worker === other.worker }

    init(_ one: ConnectionBytes, _ other: ConnectionBytes, idle: Duration, counting counters: RelayCounters) {
        self.one = one
        self.other = other
        self.idle = idle.nanoseconds
        self.counters = counters
    }

    /// Returns when both directions have ended; throws what has broken them off.
    func run() async throws {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                one.worker.perform { self.start(continuation) }
            }
        } onCancel: {
            one.worker.perform { self.fail(CancellationError()) }
        }
    }

    private func start(_ continuation: UnsafeContinuation<Void, any Error>) {
        self.continuation = continuation
        if result == nil, let failure = one.failure ?? other.failure { fail(failure) }
        if result == nil {
            one.join(other, by: self, counting: counters.forward)
            other.join(one, by: self, counting: counters.backward)
            // What was joined may have met a connection that is gone.
            if let failure = one.failure ?? other.failure { fail(failure) } else { sideEnded() }
        }
        guard result == nil else {
            resume()
            return
        }
        checkIdle()
    }

    /// A side sends no more.
    func sideEnded() {
        if one.inputEnded, other.inputEnded { end(.success(())) }
    }

    /// Breaks both off.
    func fail(_ error: any Error) {
        guard result == nil else { return }
        result = .failure(error)
        // Parted first: the end that a reset makes on one side must not be passed on as an orderly one.
        part()
        one.fail(error)
        other.fail(error)
        resume()
    }

    private func end(_ result: Result<Void, any Error>) {
        guard self.result == nil else { return }
        self.result = result
        part()
        resume()
    }

    private func part() {
        one.part()
        other.part()
        timer?.invalidate()
        timer = nil
    }

    private func resume() {
        guard let result, let continuation else { return }
        self.continuation = nil
        continuation.resume(with: result)
    }

    private func checkIdle() {
        let last = max(one.lastActivity.load(ordering: .relaxed), other.lastActivity.load(ordering: .relaxed))
        let (end, overflow) = last.addingReportingOverflow(idle)
        guard !overflow else { return }
        guard end > one.worker.now else {
            fail(DeadlineExceeded())
            return
        }
        let timer = self.timer ?? LoopTimer(on: one.worker.timers) { [weak self] in self?.checkIdle() }
        self.timer = timer
        timer.set(end)
    }
}

/// What counts the bytes of a relay: those that go on from the connection that it was asked of, and those that come
/// back. None unless given.
package struct RelayCounters: Sendable {
    package var forward: MetricCounter?
    package var backward: MetricCounter?

    package init(forward: MetricCounter? = nil, backward: MetricCounter? = nil) {
        self.forward = forward
        self.backward = backward
    }
}

// MARK: - Across loops

extension ConnectionRelay {
    /// Does the same for connections of two loops, by a task for each direction.
    static func copy(
        _ one: (Connection.Inbound, Connection.Outbound),
        _ other: (Connection.Inbound, Connection.Outbound),
        idle: Duration
    ) async throws {
        let watch = IdleWatch([one.0.bytes, other.0.bytes], on: one.0.bytes.worker, idle: idle)
        defer { watch.stop() }
        async let forward: Void = copy(one.0, other.1)
        async let backward: Void = copy(other.0, one.1)
        _ = try await (forward, backward)
    }

    /// Copies one direction. Whichever fails first ends both connections, so that the other direction ends as well.
    private static func copy(_ from: Connection.Inbound, _ to: Connection.Outbound) async throws {
        do {
            while let bytes = try await from.read() { try await to.write(bytes) }
            to.finish()
        } catch {
            for side in [from.bytes, to.bytes] { side.worker.perform { side.fail(error) } }
            throw error
        }
    }

    /// Fails connections among which nothing has moved for a while. Unchecked: on its worker's loop only.
    private final class IdleWatch: @unchecked Sendable {
        private let connections: [ConnectionBytes]
        private let worker: Worker
        private let idle: Int64
        private var timer: LoopTimer?

        init(_ connections: [ConnectionBytes], on worker: Worker, idle: Duration) {
            self.connections = connections
            self.worker = worker
            self.idle = idle.nanoseconds
            worker.perform { self.check() }
        }

        func stop() {
            worker.perform {
                self.timer?.invalidate()
                self.timer = nil
            }
        }

        private func check() {
            // By the clock of each connection's own loop: those of two runtimes need not have the same time.
            let silent = connections.reduce(Int64.max) { silent, connection in
                min(silent, connection.worker.now - connection.lastActivity.load(ordering: .relaxed))
            }
            guard silent < idle else {
                for connection in connections { connection.worker.perform { connection.fail(DeadlineExceeded()) } }
                return
            }
            let (end, overflow) = worker.now.addingReportingOverflow(idle - silent)
            guard !overflow else { return }
            let timer = self.timer ?? LoopTimer(on: worker.timers) { [weak self] in self?.check() }
            self.timer = timer
            timer.set(end)
        }
    }
}
