import Testing

@testable import Middleware

@Suite("OutlierRules")
struct OutlierRulesTests {
    @Test(
        "success rates are compared with the median",
        arguments: [
            ([100, 100, 67], [2]),
            ([100, 100, 91], []),
            // Two that are ill do not hide each other.
            ([100, 67, 100, 60, 100], [3, 1]),
            // The majority is right, and of two nobody is.
            ([67, 67, 100], []),
            ([67, 100], []),
            // Where all differ much, it takes more to stand out.
            ([95, 80, 65, 90, 75, 55], []),
            ([95, 80, 65, 90, 75, 0], [5]),
            ([0, 0, 0], []),
        ] as [([Int], [Int])])
    func successRates(percentages: [Int], expected: [Int]) {
        let samples = percentages.enumerated().map { index, percentage in
            OutlierSample(index: index, window: .init(requests: 100, errors: 100 - percentage))
        }
        let rule = PassiveHealth.Outliers(margin: 0.1)
        #expect(OutlierRules.successRates(samples, rule).map(\.index) == expected)
    }

    @Test("a difference that chance explains is none")
    func chance() {
        // Of 10 requests each, 8, 8 and 5 succeeded: three in ten is within three standard errors.
        let samples = [2, 2, 5].enumerated().map { OutlierSample(index: $0, window: .init(requests: 10, errors: $1)) }
        let rule = PassiveHealth.Outliers(margin: 0.1, minimumRequests: 10)
        #expect(OutlierRules.successRates(samples, rule).isEmpty)
        let many = [200, 200, 500].enumerated().map {
            OutlierSample(index: $0, window: .init(requests: 1000, errors: $1))
        }
        #expect(OutlierRules.successRates(many, rule).map(\.index) == [2])
    }

    @Test("who has too few requests is neither judged nor compared with")
    func volume() {
        let rule = PassiveHealth.Outliers(margin: 0.1)
        let samples = [(100, 0), (100, 0), (49, 49)].enumerated().map {
            OutlierSample(index: $0, window: .init(requests: $1.0, errors: $1.1))
        }
        #expect(OutlierRules.successRates(samples, rule).isEmpty)
    }

    @Test(
        "response times are compared with the median, and only slow ones stand out",
        arguments: [
            ([20, 21, 22, 400], [3]), ([20, 21, 22, 39], []), ([20, 21, 22, 1], []), ([20, 20, 20, 41], [3]),
            ([100, 200, 400, 800], []), ([20, 300, 21, 22, 400], [4, 1]),
        ] as [([Int64], [Int])])
    func responseTimes(milliseconds: [Int64], expected: [Int]) {
        let samples = milliseconds.enumerated().map { index, time in
            OutlierSample(index: index, window: .init(requests: 50, answerTime: .milliseconds(time) * 50))
        }
        let rule = PassiveHealth.Outliers(margin: 1)
        #expect(OutlierRules.responseTimes(samples, rule).map(\.index) == expected)
    }

    @Test("failures to answer have no response time")
    func averages() {
        let totals = EndpointRecord.Totals(requests: 10, transportFailures: 5, answerTime: 500)
        #expect(totals.responseTime == 100)
        #expect(EndpointRecord.Totals(requests: 10, transportFailures: 10).responseTime == nil)
    }

    @Test("the reasons carry the figures")
    func reasons() {
        let samples = [0, 0, 40].enumerated().map {
            OutlierSample(index: $0, window: .init(requests: 120, failures: $1 * 2, errors: $1, answerTime: 0))
        }
        #expect(
            OutlierRules.successRates(samples, PassiveHealth.Outliers(margin: 0.1)).map(\.reason)
                == ["67 % of 120 requests succeeded, 100 % elsewhere"])
        #expect(
            OutlierRules.failureRates(samples, PassiveHealth.FailureRate()).map(\.reason)
                == ["67 % of 120 requests failed"])
    }
}
