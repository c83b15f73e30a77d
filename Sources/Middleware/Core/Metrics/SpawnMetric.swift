/// The metrics of ``RequestContext/spawn(_:)``.
package enum SpawnMetric: MetricSet {
    package static let component = "Spawned work"

    package static let running = MetricGauge(
        "middleware_spawn_running_tasks",
        unit: .tasks,
        "Pieces of work that outlive their request and are running now.",
        advice: "A number that only grows is work that never ends: give it a deadline."
    )
    package static let refused = MetricCounter(
        "middleware_spawn_refused_total",
        unit: .tasks,
        "Pieces of work that were not started because too many were running on their event loop.",
        advice: "Spawn less, or make the work shorter; what was refused was not done."
    )

    package static var metrics: [any DeclaredMetric] { [running, refused] }
}

extension Metric {
    static var spawn: any MetricSet.Type { SpawnMetric.self }
}
