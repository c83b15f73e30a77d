/// A time out that doubles with each repetition and is forgiven step by step with good conduct. A plain value: its
/// owner keeps it under a lock.
package struct Penalty: Sendable {
    /// What a time out is worked out from, in nanoseconds.
    package struct Terms: Sendable {
        package let base: Int64
        package let maximum: Int64
        /// How long takes back one doubling.
        package let forgivenAfter: Int64
        /// What chance adds, as a share.
        package let jitter: Double

        package init(base: Int64, maximum: Int64, forgivenAfter: Int64, jitter: Double) {
            self.base = max(1, base)
            self.maximum = max(self.base, maximum)
            self.forgivenAfter = max(1, forgivenAfter)
            self.jitter = jitter
        }
    }

    /// How often the next one is doubled.
    package private(set) var doublings = 0
    private var end = Int64.min

    package init() {}

    /// Imposes one that begins now, and says how long it takes.
    ///
    /// - Parameter random: 64 bits of chance.
    package mutating func impose(_ terms: Terms, at now: Int64, random: UInt64) -> Int64 {
        let (conduct, overflow) = now.subtractingReportingOverflow(end)
        if overflow {
            doublings = 0
        } else if conduct > 0 {
            doublings -= min(doublings, Int(clamping: conduct / terms.forgivenAfter))
        }
        // Past the maximum nothing more is counted, or good conduct would take as long as the illness did.
        let grown = terms.base.multipliedReportingOverflow(by: 1 << Int64(min(doublings, 62)))
        let duration = grown.overflow ? terms.maximum : min(grown.partialValue, terms.maximum)
        if duration < terms.maximum { doublings += 1 }
        var chance = SplitMix64(seed: random)
        let added = Double(duration) * terms.jitter * chance.fraction()
        let total = duration.addingReportingOverflow(Int64(exactly: added.rounded(.down)) ?? 0)
        let length = total.overflow ? .max : total.partialValue
        let until = now.addingReportingOverflow(length)
        end = until.overflow ? .max : until.partialValue
        return length
    }
}
