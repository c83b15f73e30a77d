import Logging
import Synchronization

/// Tells the changes of one cluster, in order, to its log, its observer and whoever reads the stream.
///
/// Nobody is told under the lock of the cluster, so that who is told may ask the cluster or change it.
final class ClusterEvents: Sendable {
    private struct State {
        var waiting: [ClusterEvent] = []
        var isTelling = false
        var streams: [Int: AsyncStream<ClusterEvent>.Continuation] = [:]
        var lastStream = 0
    }

    private let state = Mutex(State())
    private let observer: (any ClusterObserver)?
    private let logger: Logger

    init(observer: (any ClusterObserver)?, logger: Logger) {
        self.observer = observer
        self.logger = logger
    }

    func stream() -> AsyncStream<ClusterEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ClusterEvent.self, bufferingPolicy: .bufferingNewest(1024))
        let id = state.withLock { state in
            state.lastStream += 1
            state.streams[state.lastStream] = continuation
            return state.lastStream
        }
        continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.streams[id] = nil } }
        return stream
    }

    /// Puts events in line. Under the lock of the cluster, which gives them their order.
    func enqueue(_ events: [ClusterEvent]) { state.withLock { $0.waiting += events } }

    /// Tells what stands in line, unless somebody does already, who goes on with it. Outside every lock.
    func tell() {
        while true {
            let (events, streams) = state.withLock { state in
                guard !state.isTelling, !state.waiting.isEmpty else {
                    return ([ClusterEvent](), [AsyncStream<ClusterEvent>.Continuation]())
                }
                state.isTelling = true
                defer { state.waiting = [] }
                return (state.waiting, Array(state.streams.values))
            }
            guard !events.isEmpty else { return }
            for event in events {
                log(event)
                observer?.observe(event)
                for stream in streams { stream.yield(event) }
            }
            state.withLock { $0.isTelling = false }
        }
    }

    private func log(_ event: ClusterEvent) {
        ClusterMetric.count(event.kind)
        var metadata: Logger.Metadata = ["cluster": "\(event.cluster)", "change": "\(event.kind)"]
        if let endpoint = event.endpoint { metadata["endpoint"] = "\(endpoint.text)" }
        if !event.reason.isEmpty { metadata["reason"] = "\(event.reason)" }
        logger.log(level: event.kind.level, "a cluster changed", metadata: metadata)
    }
}

extension ClusterEvent.Kind {
    /// How loud it is said: what takes capacity away is a warning.
    fileprivate var level: Logger.Level {
        switch self {
        case .probedUnhealthy, .ejected, .breakerOpened, .panicEntered, .sourceFailed: .warning
        case .added, .removed, .draining, .resumed, .reweighted, .probedHealthy, .returned, .breakerHalfOpened,
            .breakerClosed,
            .panicLeft, .sourceRecovered:
            .info
        }
    }
}
