import Logging
import NIOCore

/// One connection of a listener that does not speak HTTP: a task that runs the listener's handler on it.
///
/// Unchecked because it is touched on its worker's loop only.
final class RawConnection: ServedConnection, @unchecked Sendable {
    private let server: ServerWorker
    private let worker: Worker
    private let peer: Peer
    private let handler: any ConnectionHandler
    private let wire: any Wire
    private var bytes: ConnectionBytes?
    private var task: Task<Void, Never>?
    private var isTaskOver = false
    private var isClosed = false

    init(_ wire: any Wire, server: ServerWorker, peer: Peer, handler: any ConnectionHandler) {
        self.wire = wire
        self.server = server
        self.peer = peer
        self.handler = handler
        worker = server.worker
    }

    /// Starts the handler; what is returned takes the events of the wire.
    func start() -> ConnectionBytes {
        let bytes = ConnectionBytes(wire, on: worker, early: nil) { [weak self] in self?.closed() }
        self.bytes = bytes
        server.add(self)
        task = Task(executorPreference: worker.executor) { await self.run(bytes) }
        return bytes
    }

    private func run(_ bytes: ConnectionBytes) async {
        let context = RequestContext(
            runtime: server.runtime, worker: worker, peer: peer, watchesTask: true)
        do {
            try await handler.handle(Connection(bytes), context: context)
        } catch {
            bytes.reset()
            log(error, context)
        }
        isTaskOver = true
        endIfOver()
    }

    private func log(_ error: any Error, _ context: RequestContext) {
        // What any client can cause, any number of times, is no warning.
        let isOrdinary =
            error is IOError || error is ChannelError || error is any AnsweringError || error is DeadlineExceeded
            || error.isCancellation
        context.logger.log(
            level: isOrdinary ? .debug : .warning,
            "a connection was broken off",
            metadata: ["error": "\(error)", "client": "\(peer.remote?.description ?? "local")"]
        )
    }

    private func closed() {
        isClosed = true
        if bytes?.failure != nil { task?.cancel() }
        endIfOver()
    }

    private func endIfOver() {
        guard isTaskOver, isClosed else { return }
        bytes = nil
        task = nil
        server.remove(self)
    }

    /// What is open may end by itself.
    func drain() {}

    func abort() {
        task?.cancel()
        bytes?.reset()
    }
}
