import Synchronization

/// The metrics of routers.
package enum RouterMetric: MetricSet {
    package static let component = "Router"
    /// More routes than this are counted together as `other`.
    private static let mostRoutes = 256

    package static let requests = LabelledMetric<MetricCounter>(
        "middleware_router_requests_total",
        unit: .requests,
        labels: [
            Metric.Label("route", bound: mostRoutes), Metric.Label("status", bound: RouteRecorder.statusClasses.count),
        ],
        "Requests by the joined pattern of their route, none where no route took them, and by the class of the status.",
        advice: "When 5xx rises for one route, look at what is behind it; 4xx of none are wrong links or scanners."
    )
    package static let requestDuration = LabelledMetric<MetricTimer>(
        "middleware_router_request_duration_seconds",
        unit: .seconds,
        labels: [Metric.Label("route", bound: mostRoutes)],
        "From the first byte of a request to the last byte of its answer, by the joined pattern of its route.",
        advice: "A route that is slow alone is slow behind it; when all are, look at this process."
    )

    /// What routers use.
    static let recorder = RouteRecorder(requests: requests, requestDuration: requestDuration)

    package static var metrics: [any DeclaredMetric] { [requests, requestDuration] }
}

extension Metric {
    static var router: any MetricSet.Type { RouterMetric.self }
}

/// Counts requests by the innermost route that had them. The outermost router does it, so that each is counted once.
package final class RouteRecorder: Sendable {
    /// RFC 9110 section 15, by the first digit; `none` for a request whose client left before an answer.
    fileprivate static let statusClasses = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]

    fileprivate let requests: LabelledMetric<MetricCounter>
    fileprivate let requestDuration: LabelledMetric<MetricTimer>
    private let unrouted = RouteSeries("none")
    private let unroutedDuration: MetricTimer

    /// Records there: by route and class of status, and by route.
    package init(requests: LabelledMetric<MetricCounter>, requestDuration: LabelledMetric<MetricTimer>) {
        self.requests = requests
        self.requestDuration = requestDuration
        unroutedDuration = requestDuration.series("none")
    }

    /// Whether anything would be recorded. Asked for each request, so by a handle that is at hand.
    var isRecording: Bool { unroutedDuration.isRecording }

    /// Whether this request is counted here: no router outside has had it.
    func begins(in context: RequestContext) -> Bool {
        guard isRecording, context.match.route == nil else { return false }
        context.onFinish { [self] context, _ in
            series(in: context).duration(self).record(nanoseconds: context.worker.now - context.beganAt)
        }
        return true
    }

    /// Counts a request by its status; `nil` when there was no answer.
    func count(_ status: Int?, in context: RequestContext) {
        let position = status.map { (100..<600).contains($0) ? $0 / 100 : 0 } ?? 0
        series(in: context).requests(self)[position].increment()
    }

    private func series(in context: RequestContext) -> RouteSeries { context[RouteEntryKey.self]?.series ?? unrouted }
}

/// The series of one route's pattern, made when there is something to record: of many routes, few may ever be asked for.
/// Safe to use from any thread.
final class RouteSeries: Sendable {
    private final class Handles: Sendable {
        let requests: [MetricCounter]
        let duration: MetricTimer

        init(_ pattern: String, _ recorder: RouteRecorder) {
            requests = RouteRecorder.statusClasses.map { recorder.requests.series(pattern, $0) }
            duration = recorder.requestDuration.series(pattern)
        }
    }

    private let pattern: String
    private let handles = AtomicLazyReference<Handles>()

    init(_ pattern: String) { self.pattern = pattern }

    fileprivate func requests(_ recorder: RouteRecorder) -> [MetricCounter] { made(recorder).requests }

    fileprivate func duration(_ recorder: RouteRecorder) -> MetricTimer { made(recorder).duration }

    private func made(_ recorder: RouteRecorder) -> Handles {
        handles.load() ?? handles.storeIfNil(Handles(pattern, recorder))
    }
}
