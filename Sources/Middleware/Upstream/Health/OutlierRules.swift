/// What one endpoint has done within the window.
struct OutlierSample {
    /// Its place among the members.
    let index: Int
    let window: EndpointRecord.Totals
}

/// An endpoint that is to be put out, and why.
struct OutlierFinding {
    let index: Int
    let cause: EjectionCause
    let reason: String
}

/// The rules of ``PassiveHealth`` over one window: functions of the samples alone. Each gives its findings the worst
/// first, since not all may be put out.
enum OutlierRules {
    /// The median absolute deviation of a normal distribution times this is its standard deviation.
    private static let deviationsPerMAD = 1.4826

    static func failureRates(_ samples: [OutlierSample], _ rule: PassiveHealth.FailureRate) -> [OutlierFinding] {
        samples
            .filter { $0.window.requests >= rule.minimumRequests && $0.window.failureRate >= rule.share }
            .sorted { $0.window.failureRate > $1.window.failureRate }
            .map {
                OutlierFinding(
                    index: $0.index, cause: .failureRate,
                    reason: "\(percent($0.window.failureRate)) of \($0.window.requests) requests failed")
            }
    }

    static func successRates(_ samples: [OutlierSample], _ rule: PassiveHealth.Outliers) -> [OutlierFinding] {
        let judged = samples.filter { $0.window.requests >= rule.minimumRequests }
        guard judged.count >= rule.minimumEndpoints else { return [] }
        let (middle, deviation) = spread(of: judged.map(\.window.successRate))
        return
            judged
            .filter {
                // What chance alone makes of so few requests: the standard error of a proportion.
                let error = (middle * (1 - middle) / Double($0.window.requests)).squareRoot()
                return middle - $0.window.successRate > max(rule.margin, rule.factor * max(deviation, error))
            }
            .sorted { $0.window.successRate < $1.window.successRate }
            .map {
                OutlierFinding(
                    index: $0.index, cause: .successRate,
                    reason: "\(percent($0.window.successRate)) of \($0.window.requests) requests succeeded, "
                        + "\(percent(middle)) elsewhere")
            }
    }

    static func responseTimes(_ samples: [OutlierSample], _ rule: PassiveHealth.Outliers) -> [OutlierFinding] {
        let judged = samples.compactMap { sample -> (index: Int, time: Double)? in
            guard sample.window.requests >= rule.minimumRequests, let time = sample.window.responseTime else {
                return nil
            }
            return (sample.index, time)
        }
        guard judged.count >= rule.minimumEndpoints else { return [] }
        let (middle, deviation) = spread(of: judged.map(\.time))
        return
            judged
            .filter { $0.time - middle > max(rule.margin * middle, rule.factor * deviation) }
            .sorted { $0.time > $1.time }
            .map {
                OutlierFinding(
                    index: $0.index, cause: .responseTime,
                    reason: "answers take \(milliseconds($0.time)), \(milliseconds(middle)) elsewhere")
            }
    }

    /// The median, and the standard deviation as the median absolute deviation tells it.
    static func spread(of values: [Double]) -> (median: Double, deviation: Double) {
        let middle = median(of: values)
        return (middle, median(of: values.map { abs($0 - middle) }) * deviationsPerMAD)
    }

    private static func median(of values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let half = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
    }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

    private static func milliseconds(_ nanoseconds: Double) -> String {
        "\(Int(exactly: (nanoseconds / 1e6).rounded()) ?? .max) ms"
    }
}
