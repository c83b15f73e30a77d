package import Logging
package import ServiceLifecycle
import Synchronization

/// The background services of the handlers that a server uses. Each runs in a group of its own, so that a swap of the
/// handler ends those that the new one does not have, and starts only those that it adds.
package final class BackgroundServices: Sendable {
    private struct Running {
        let identity: ObjectIdentifier?
        let group: ServiceGroup
        let task: Task<Void, Never>
    }

    private let running = Mutex<[Running]>([])
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// Runs these from now on, on that runtime, and ends the others.
    package func use(_ services: [any Service], on runtime: Runtime) {
        running.withLock { running in
            let wanted = services.map { Self.identity($0) }
            var kept: [Running] = []
            for old in running {
                if let identity = old.identity, wanted.contains(identity) {
                    kept.append(old)
                } else {
                    end(old)
                }
            }
            for (service, identity) in zip(services, wanted) {
                if let identity, kept.contains(where: { $0.identity == identity }) { continue }
                kept.append(start(service, identity, runtime))
            }
            running = kept
        }
    }

    /// Ends all of them and waits; those that have not ended after `timeout` are cancelled.
    func stop(within timeout: Duration, by time: any TimeSource) async {
        let ending = running.withLock { running in
            defer { running = [] }
            return running
        }
        for service in ending { end(service) }
        let timer = time.schedule(at: time.now.advanced(by: timeout)) {
            for service in ending { service.task.cancel() }
        }
        for service in ending { await service.task.value }
        timer.cancel()
    }

    private func start(_ service: any Service, _ identity: ObjectIdentifier?, _ runtime: Runtime) -> Running {
        let logger = logger
        let placed = (service as? any RuntimeService).map { PlacedService(service: $0, runtime: runtime) }
        let group = ServiceGroup(services: [placed ?? service], logger: logger)
        let task = Task {
            do {
                try await group.run()
            } catch {
                logger.error(
                    "a background service failed",
                    metadata: ["service": "\(type(of: service))", "error": "\(error)"]
                )
            }
        }
        return Running(identity: identity, group: group, task: task)
    }

    private func end(_ service: Running) {
        let group = service.group
        Task { await group.triggerGracefulShutdown() }
    }

    private static func identity(_ service: any Service) -> ObjectIdentifier? {
        type(of: service) is AnyClass ? ObjectIdentifier(service as AnyObject) : nil
    }
}

/// A service on the runtime of its server.
private struct PlacedService: Service {
    let service: any RuntimeService
    let runtime: Runtime

    func run() async throws { try await service.run(on: runtime) }
}
