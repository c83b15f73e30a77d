import Middleware
import Testing

@Suite("LimitMetric")
struct LimitMetricTests {
    @Test("every value of a label stands at its position and has a text of its own")
    func labels() {
        #expect(LimitRefusal.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
        #expect(Set(LimitRefusal.allCases.map(\.text)).count == LimitRefusal.allCases.count)
        #expect(TimeoutPhase.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
        #expect(Set(TimeoutPhase.allCases.map(\.text)).count == TimeoutPhase.allCases.count)
    }

    @Test("every handle is listed once")
    func listed() {
        let names = LimitMetric.metrics.map(\.metric.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.hasPrefix("middleware_limits_") })
    }
}
