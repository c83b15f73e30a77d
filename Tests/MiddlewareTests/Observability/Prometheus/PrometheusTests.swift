import CoreMetrics
import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Prometheus")
struct PrometheusTests {
    @Test("the page is what the format asks for")
    func page() throws {
        var configuration = PrometheusRegistry.Configuration()
        configuration.durationBuckets = [0.1, 1]
        configuration.buckets["app_sizes"] = [10, 100]
        configuration.declarations = [
            Metric("app_requests_total", .counter, unit: .requests, meaning: "Back\\slash\nand line.", advice: "None.")
        ]
        let registry = PrometheusRegistry(configuration)
        Counter(label: "app.requests-total", dimensions: [("path", "/\"a\"\n\\"), ("a b", "1")], factory: registry)
            .increment(by: 3)
        Counter(label: "app_requests_total", factory: registry).increment()
        let meter = Meter(label: "7up", factory: registry)
        meter.set(2.5)
        meter.decrement(by: 4)
        let timer = Timer(label: "app_seconds", dimensions: [("le", "x")], factory: registry)
        timer.recordMilliseconds(50)
        timer.recordMilliseconds(100)
        timer.recordSeconds(3)
        Recorder(label: "app_sizes", factory: registry).record(11)
        Gauge(label: "app_gauge", factory: registry).record(Double.infinity)
        FloatingPointCounter(label: "app_float_total", factory: registry).increment(by: 0.25)
        let expected = #"""
            # TYPE _7up gauge
            _7up -1.5
            # TYPE app_float_total counter
            app_float_total 0.25
            # TYPE app_gauge gauge
            app_gauge +Inf
            # HELP app_requests_total Back\\slash\nand line.
            # TYPE app_requests_total counter
            app_requests_total 1
            app_requests_total{a_b="1",path="/\"a\"\n\\"} 3
            # TYPE app_seconds histogram
            app_seconds_bucket{le_="x",le="0.1"} 2
            app_seconds_bucket{le_="x",le="1"} 2
            app_seconds_bucket{le_="x",le="+Inf"} 3
            app_seconds_sum{le_="x"} 3.15
            app_seconds_count{le_="x"} 3
            # TYPE app_sizes histogram
            app_sizes_bucket{le="10"} 0
            app_sizes_bucket{le="100"} 1
            app_sizes_bucket{le="+Inf"} 1
            app_sizes_sum 11
            app_sizes_count 1
            # HELP middleware_prometheus_folded_series_total Series that were recorded as other because their metric has as many as it may.
            # TYPE middleware_prometheus_folded_series_total counter
            middleware_prometheus_folded_series_total 0
            # HELP middleware_prometheus_name_conflicts_total Metrics that are not shown because their name belongs to one of another type.
            # TYPE middleware_prometheus_name_conflicts_total counter
            middleware_prometheus_name_conflicts_total 0

            """#
        #expect(registry.page == expected)
        try PrometheusChecker.check(registry.page)
    }

    @Test("the library's own metrics make a page that can be read, with help for each")
    func ownMetrics() throws {
        let registry = PrometheusRegistry()
        for metric in Metric.all where !metric.name.hasPrefix("middleware_prometheus") {
            let dimensions = metric.labels.map { ($0.name, "v") }
            switch metric.kind {
            case .counter: registry.makeCounter(label: metric.name, dimensions: dimensions).increment(by: 1)
            case .gauge: registry.makeMeter(label: metric.name, dimensions: dimensions).set(Int64(1))
            case .timer: registry.makeTimer(label: metric.name, dimensions: dimensions).recordNanoseconds(1)
            case .histogram:
                registry.makeRecorder(label: metric.name, dimensions: dimensions, aggregate: true).record(Int64(1))
            }
        }
        try PrometheusChecker.check(registry.page)
        for metric in Metric.all {
            #expect(registry.page.contains("# HELP \(metric.name) \(metric.meaning)\n"))
        }
    }

    @Test("names and labels are brought into the alphabet, whatever they were", arguments: hostile)
    func hostileNames(name: String) throws {
        let registry = PrometheusRegistry()
        Counter(label: name, dimensions: [(name, name), ("a", name), (name, "again")], factory: registry).increment()
        try PrometheusChecker.check(registry.page)
        #expect(registry.page.split(separator: "\n").count == 8)
    }

    @Test("past its limit, the series of a metric are recorded as other, and counted")
    func cardinality() throws {
        var configuration = PrometheusRegistry.Configuration()
        configuration.seriesLimit = 2
        let registry = PrometheusRegistry(configuration)
        for user in 0..<10 {
            Counter(label: "c", dimensions: [("user", "\(user)")], factory: registry).increment()
            Timer(label: "t", dimensions: [("user", "\(user)")], factory: registry).recordNanoseconds(1)
        }
        for line in [
            #"c{user="0"} 1"#, #"c{user="1"} 1"#, #"c{user="other"} 8"#, #"t_count{user="other"} 8"#,
            "middleware_prometheus_folded_series_total 16",
        ] {
            #expect(registry.page.contains("\(line)\n"))
        }
        #expect(!registry.page.contains(#"user="2""#))
        try PrometheusChecker.check(registry.page)
    }

    @Test("a value that is really called other and the overflow are one line")
    func otherByName() throws {
        var configuration = PrometheusRegistry.Configuration()
        configuration.seriesLimit = 1
        let registry = PrometheusRegistry(configuration)
        for user in ["other", "a", "b"] {
            Counter(label: "c", dimensions: [("user", user)], factory: registry).increment()
        }
        #expect(registry.page.contains("c{user=\"other\"} 3\n"))
        try PrometheusChecker.check(registry.page)
    }

    @Test("a name that is taken by another type is not shown, and counted")
    func conflict() throws {
        let registry = PrometheusRegistry()
        Counter(label: "x", factory: registry).increment()
        Timer(label: "x", factory: registry).recordNanoseconds(1)
        #expect(registry.page.contains("x 1\n"))
        #expect(registry.page.contains("middleware_prometheus_name_conflicts_total 1\n"))
        try PrometheusChecker.check(registry.page)
    }

    @Test("the same labels are the same series, in any order, until it is destroyed")
    func identity() {
        let registry = PrometheusRegistry()
        let first = Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry)
        first.increment()
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment()
        #expect(registry.page.contains("c{a=\"1\",b=\"2\"} 2\n"))
        first.destroy()
        #expect(!registry.page.contains("c{"))
        #expect(!registry.page.contains("# TYPE c "))
    }

    @Test("values that would spoil a number are left out")
    func values() {
        let registry = PrometheusRegistry()
        let counter = Counter(label: "c", factory: registry)
        counter.increment(by: -5)
        counter.increment(by: 2)
        counter.reset()
        counter.increment(by: 7)
        let recorder = Recorder(label: "r", factory: registry)
        for value in [Double.nan, .infinity, 1] { recorder.record(value) }
        #expect(registry.page.contains("c 7\n"))
        #expect(registry.page.contains("r_count 1\n"))
        #expect(registry.page.contains("r_sum 1\n"))
    }

    @Test("the handler shows the page to GET and HEAD alone")
    func handler() async throws {
        let registry = PrometheusRegistry()
        Counter(label: "c", factory: registry).increment()
        let metrics = Pipeline([], endingIn: PrometheusMetrics(registry))
        let runtime = Runtime()
        for method in [HTTPRequest.Method.get, .head] {
            let request = Request(method, "/metrics")
            let response = try await metrics.handle(request, context: RequestContext(runtime: runtime))
            #expect(response.status == .ok)
            #expect(response.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(String(buffer: try await response.body.collect(upTo: 1 << 20)) == registry.page)
        }
        let refused = try await metrics.handle(Request(.post, "/metrics"), context: RequestContext(runtime: runtime))
        #expect(refused.status == .methodNotAllowed)
        #expect(refused.headers[.allow] == "GET, HEAD")
    }

    @Test("bad values are reported and do not trap")
    func problems() throws {
        var configuration = PrometheusRegistry.Configuration()
        configuration.durationBuckets = [1, 0.5, .nan, .infinity, 1]
        configuration.valueBuckets = []
        configuration.buckets["x"] = [2, 1]
        configuration.seriesLimit = -1
        let registry = PrometheusRegistry(configuration)
        #expect(PrometheusMetrics(registry).blueprint.validate().count == 4)
        Timer(label: "t", factory: registry).recordSeconds(1)
        Recorder(label: "r", factory: registry).record(1)
        Counter(label: "c", dimensions: [("a", "b")], factory: registry).increment()
        #expect(registry.page.contains("t_bucket{le=\"0.5\"} 0\nt_bucket{le=\"1\"} 1\nt_bucket{le=\"+Inf\"} 1\n"))
        try PrometheusChecker.check(registry.page)
        #expect(PrometheusMetrics(PrometheusRegistry()).blueprint.validate().isEmpty)
    }

    private static let hostile = [
        "", "9", "a.b-c", "ä", "a\nb 1", "}{", "\"", "__reserved", "__", "le", "a:b", "\u{0}", "# HELP", "\\",
        "\u{2028}",
    ]
}
