import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("Metrics of routers")
struct RouterMetricTests {
    @Test("each request is counted once, by the joined pattern of the route that had it")
    func counted() async throws {
        let registry = PrometheusRegistry()
        let recorder = RouteRecorder(
            requests: LabelledMetric(
                "app_requests_total",
                unit: .requests,
                labels: RouterMetric.requests.metric.labels,
                "Counts.",
                advice: "None.",
                in: registry
            ),
            requestDuration: LabelledMetric(
                "app_request_duration_seconds",
                unit: .seconds,
                labels: RouterMetric.requestDuration.metric.labels,
                "Measures.",
                advice: "None.",
                in: registry
            )
        )
        let router = Router(
            [
                Route("/users/**", fallsThrough: true) {
                    Router([Route(.get, "{id}/posts/{post}") { Named("post") }], recorder: recorder)
                },
                Route("/users/{id}") { Named("user") },
                Route("/broken") { HandlerFunction { _, _ in Response(.badGateway) } },
            ],
            recorder: recorder
        )
        let client = TestClient(router)
        for path in ["/users/7/posts/1", "/users/8/posts/2", "/users/7", "/broken", "/users/7/x", "/none"] {
            _ = try await client.get(path)
        }
        let text = registry.page
        func shows(_ line: String) -> Bool { text.split(separator: "\n").contains { $0 == line } }
        let requests = "app_requests_total"
        #expect(shows("\(requests){route=\"/users/{id}/posts/{post}\",status=\"2xx\"} 2"))
        #expect(shows("\(requests){route=\"/users/{id}\",status=\"2xx\"} 1"))
        #expect(shows("\(requests){route=\"/broken\",status=\"5xx\"} 1"))
        #expect(shows("\(requests){route=\"/users/**\",status=\"4xx\"} 1"))
        #expect(shows("\(requests){route=\"none\",status=\"4xx\"} 1"))
        let duration = "app_request_duration_seconds_count"
        #expect(shows("\(duration){route=\"/users/{id}/posts/{post}\"} 2"))
        #expect(shows("\(duration){route=\"none\"} 1"))
    }

    @Test("every handle is listed once")
    func listed() {
        let names = RouterMetric.metrics.map(\.metric.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.hasPrefix("middleware_router_") })
    }
}
