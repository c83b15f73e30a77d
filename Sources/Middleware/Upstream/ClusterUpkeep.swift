import Logging
import ServiceLifecycle

/// What runs beside the requests of a cluster: discovery, probes, and what is due at times.
package final class ClusterUpkeep: RuntimeService {
    private let roster: ClusterRoster
    private let activeHealth: ActiveHealth?
    private let source: (any EndpointSource)?

    init(_ roster: ClusterRoster, activeHealth: ActiveHealth?, source: (any EndpointSource)?) {
        self.roster = roster
        self.activeHealth = activeHealth
        self.source = source
    }

    package func run(on runtime: Runtime) async throws {
        roster.use(runtime)
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                group.addTask { await self.discover(runtime) }
                group.addTask { await self.probe(runtime) }
                group.addTask { await self.sweep(runtime) }
            }
        }
    }

    // MARK: Discovery

    /// Waits between attempts of a source that cannot tell; it doubles up to this.
    private static let longestPause = Duration.seconds(30)

    private func discover(_ runtime: Runtime) async {
        guard let source else { return }
        var pause = Duration.seconds(1)
        var hasFailed = false
        while !Task.isCancelled {
            do {
                for try await endpoints in source.endpoints(runtime) {
                    if hasFailed { roster.announce(.sourceRecovered, "") }
                    (pause, hasFailed) = (.seconds(1), false)
                    roster.replace(with: endpoints)
                }
                return
            } catch {
                if Task.isCancelled { return }
                if !hasFailed { roster.announce(.sourceFailed, "\(error)") }
                hasFailed = true
            }
            try? await runtime.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    // MARK: Probes

    private func probe(_ runtime: Runtime) async {
        guard let activeHealth else { return }
        var running: [ObjectIdentifier: Task<Void, Never>] = [:]
        defer { for task in running.values { task.cancel() } }
        for await states in roster.memberships() {
            let present = Set(states.map { ObjectIdentifier($0) })
            for (id, task) in running where !present.contains(id) {
                task.cancel()
                running[id] = nil
            }
            for state in states where running[ObjectIdentifier(state)] == nil {
                running[ObjectIdentifier(state)] = Task { [roster] in
                    await Prober(activeHealth).run(state.endpoint, on: runtime) { result in
                        guard result.isHealthy == state.bars.contains(.probed) else { return }
                        roster.bar(
                            .probed, !result.isHealthy, state,
                            result.isHealthy ? .probedHealthy : .probedUnhealthy,
                            result.failure ?? "",
                            at: result.nanoseconds
                        )
                    }
                }
            }
        }
    }

    // MARK: What is due

    private func sweep(_ runtime: Runtime) async {
        guard roster.needsSweeps else { return }
        let pause = Duration.nanoseconds(min(1_000_000_000, roster.detection?.interval ?? .max))
        while (try? await runtime.sleep(for: pause)) != nil {
            let now = runtime.time.now.nanoseconds
            roster.sweep(at: now) { runtime.randomness.next() }
            if roster.isStartingSlowly { roster.refresh(at: now) }
        }
    }
}
