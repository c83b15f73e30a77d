import CoreMetrics
import Foundation
import Middleware
import Testing

@Suite("Metric")
struct MetricTests {
    @Test("the page of metrics says what the declarations say")
    func documentation() throws {
        let file = SourceTree.root.appending(path: "Documentation/Metrics.md")
        let written = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { line in
            line.hasPrefix("## ") || line.hasPrefix("| `")
        }
        let declared = Metric.sets.flatMap { set in
            ["## \(set.component)"] + set.metrics.map { Self.row(of: $0.metric) }
        }
        let missing = declared.filter { !written.contains(Substring($0)) }
        let extra = written.filter { !declared.contains(String($0)) }
        #expect(missing.isEmpty, "missing in Documentation/Metrics.md:\n\(missing.joined(separator: "\n"))")
        #expect(extra.isEmpty, "declared nowhere:\n\(extra.joined(separator: "\n"))")
        #expect(written.map(String.init) == declared)
    }

    @Test("every set that a source declares is among those of the library, and lists all its handles")
    func completeness() {
        var sets: Set<String> = []
        var handles = 0
        for file in SourceTree.package.library {
            for declaration in file.declarations where declaration.keyword == "enum" {
                if declaration.inherited.contains("MetricSet") { sets.insert(declaration.name) }
            }
            guard file.path.hasSuffix("Metric.swift"), !file.path.hasSuffix("Core/Metric.swift") else { continue }
            handles += file.lines.count { $0.contains("static let") && $0.contains(" = ") && $0.hasSuffix("(") }
        }
        #expect(sets == Set(Metric.sets.map { "\($0)" }))
        #expect(handles == Metric.all.count)
    }

    @Test("names follow the conventions", arguments: Metric.all)
    func names(metric: Metric) {
        #expect(metric.name.hasPrefix("middleware_"))
        #expect(metric.name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") })
        #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter))
        #expect(metric.name.hasSuffix("_seconds") == (metric.kind == .timer))
        #expect((metric.unit == .seconds) == (metric.kind == .timer))
        #expect(metric.labels.allSatisfy { $0.bound > 0 && $0.bound <= 256 })
        #expect(metric.meaning.hasSuffix(".") && metric.advice.hasSuffix("."))
        #expect(!metric.meaning.contains("\n") && !metric.advice.contains("|"))
    }

    @Test("no two metrics share a name")
    func uniqueness() {
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count)
    }

    @Test("a handle asks its factory once, when it is used")
    func laziness() {
        let registry = PrometheusRegistry()
        let handle = MetricCounter("edge_total", unit: .requests, "Counts.", advice: "None.", in: registry)
        #expect(!registry.page.contains("edge_total"))
        handle.increment()
        handle.increment(by: 2)
        #expect(registry.page.contains("edge_total 3\n"))
    }

    @Test("a handle without a factory that records is silent")
    func silence() {
        let none = NOOPMetricsHandler.instance
        let timer = MetricTimer("edge_seconds", unit: .seconds, "Times.", advice: "None.", in: none)
        #expect(!timer.isRecording)
        timer.record(.seconds(1))
        MetricGauge("edge_now", unit: .requests, "Counts.", advice: "None.", in: none).decrement()
        MetricHistogram("edge_sizes", unit: .bytes, "Sizes.", advice: "None.", in: none).record(1)
    }

    @Test("a family has a series for each value, and no value is lost")
    func family() {
        let registry = PrometheusRegistry()
        let family = MetricFamily<Decision, MetricCounter>(
            "edge_total", unit: .requests, "Counts.", advice: "None.", in: registry)
        family[.allowed].increment(by: 4)
        family[.refused].increment()
        family[.misplaced].increment(by: 2)
        #expect(family.metric.labels == [Metric.Label("decision", bound: 3)])
        for line in [#"{decision="allowed"} 4"#, #"{decision="refused"} 1"#, #"{decision="other"} 2"#] {
            #expect(registry.page.contains("edge_total\(line)\n"))
        }
    }

    @Test("labels whose values come up later are bounded")
    func labelled() {
        let registry = PrometheusRegistry()
        let metric = LabelledMetric<MetricCounter>(
            "edge_total", unit: .requests, labels: [.init("code", bound: 2)], "Counts.", advice: "None.", in: registry)
        for code in ["a", "b", "c", "d", "a"] { metric.series(code).increment() }
        metric.series("a", "b").increment()
        for line in [#"{code="a"} 2"#, #"{code="b"} 1"#, #"{code="other"} 3"#] {
            #expect(registry.page.contains("edge_total\(line)\n"))
        }
        #expect(!registry.page.contains(#"code="c""#))
    }

    @Test("handles can be used from many threads at once")
    func threads() async {
        let registry = PrometheusRegistry()
        let counter = MetricCounter("edge_total", unit: .requests, "Counts.", advice: "None.", in: registry)
        let gauge = MetricGauge("edge_now", unit: .requests, "Counts.", advice: "None.", in: registry)
        let timer = MetricTimer("edge_seconds", unit: .seconds, "Times.", advice: "None.", in: registry)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        counter.increment()
                        gauge.increment(by: 2)
                        gauge.decrement()
                        timer.record(.milliseconds(1))
                    }
                }
            }
        }
        for line in ["edge_total 8000", "edge_now 8000", "edge_seconds_count 8000"] {
            #expect(registry.page.contains("\(line)\n"))
        }
    }

    @Test(
        "a status has its class",
        arguments: [(99, "none"), (101, "1xx"), (200, "2xx"), (308, "3xx"), (499, "4xx"), (599, "5xx"), (600, "none")])
    func statusClass(code: Int, text: String) {
        #expect(StatusClass(code: code).text == text)
    }

    @Test("a broken rule is named in snake case, and every rule stands at its position")
    func rules() {
        #expect(WireProblem.Rule.bareLineFeed.text == "bare_line_feed")
        #expect(WireProblem.Rule.transferEncodingInHTTP10.text.hasPrefix("transfer_encoding_in_http"))
        #expect(WireProblem.Rule.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
        #expect(Set(WireProblem.Rule.allCases.map(\.text)).count == WireProblem.Rule.allCases.count)
        #expect(ConnectionRefusal.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
        #expect(ConnectionTimeout.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
        #expect(DroppedLine.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
    }

    private static func row(of metric: Metric) -> String {
        let labels = metric.labels.map { "`\($0.name)` (\($0.bound))" }.joined(separator: ", ")
        return "| `\(metric.name)` | \(metric.kind) | \(metric.unit.name) | \(labels.isEmpty ? "–" : labels) | "
            + "\(metric.meaning) | \(metric.advice) |"
    }
}

/// A label for the tests, one of whose values does not know its place.
private enum Decision: MetricLabelValue {
    case allowed
    case refused
    case misplaced

    static let labelName = "decision"

    var text: String { self == .allowed ? "allowed" : "refused" }

    var position: Int {
        switch self {
        case .allowed: 0
        case .refused: 1
        case .misplaced: 7
        }
    }
}
