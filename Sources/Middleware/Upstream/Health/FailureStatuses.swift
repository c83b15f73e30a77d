/// Statuses that are looked up for each answer: those of good answers end at one comparison.
struct FailureStatuses: Sendable {
    private let statuses: Set<Int>
    private let lowest: Int

    init(_ statuses: Set<Int>) {
        self.statuses = statuses
        lowest = statuses.min() ?? .max
    }

    @inline(__always)
    func contains(_ status: Int) -> Bool { status >= lowest && statuses.contains(status) }
}
