/// When the next look comes: by what the answer holds for, or after failures, later and later.
package struct DNSSchedule: Sendable {
    private let floor: Duration
    private let ceiling: Duration
    private let firstRetry: Duration
    private let maximumRetry: Duration
    /// The failures in a row.
    package private(set) var failureCount = 0

    package init(_ configuration: DNSEndpoints.Configuration) {
        floor = configuration.minimumLifetime
        ceiling = configuration.maximumLifetime
        firstRetry = configuration.firstRetry
        maximumRetry = configuration.maximumRetry
    }

    /// After an answer that holds for so many seconds.
    package mutating func afterAnswer(holdingFor seconds: UInt32) -> Duration {
        failureCount = 0
        return max(floor, min(ceiling, .seconds(Int64(seconds))))
    }

    /// After a failure: between the half and the whole of a time that doubles with each in a row, so that many who
    /// met the same outage do not come back together.
    package mutating func afterFailure(_ randomness: any Randomness) -> Duration {
        var whole = firstRetry
        for _ in 0..<min(failureCount, 62) where whole < maximumRetry { whole = min(maximumRetry, whole + whole) }
        failureCount += 1
        let half = max(1, whole.nanoseconds / 2)
        return .nanoseconds(half + Int64(randomness.next(below: UInt64(half) + 1)))
    }
}
