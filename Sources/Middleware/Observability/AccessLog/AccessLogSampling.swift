extension AccessLog {
    /// Which exchanges have a line.
    ///
    /// ```swift
    /// configuration.sampling = .share(0.01)                        // one in a hundred, and every failure
    /// configuration.sampling = .share(0.01, alwaysFrom: 400)
    /// ```
    public struct Sampling: Sendable, Hashable {
        /// The share of exchanges that have a line, from 0 to 1.
        public var share: Double
        /// The status from which on every exchange has a line; `nil` to sample these as well. An exchange that did not
        /// complete, or has no status, counts as such a one.
        public var alwaysFrom: Int?

        /// Every exchange.
        public static var everything: Sampling { Sampling(share: 1, alwaysFrom: nil) }

        /// That share, and every failure: statuses from `alwaysFrom` on and exchanges that did not complete.
        public static func share(_ share: Double, alwaysFrom: Int? = 500) -> Sampling {
            Sampling(share: share, alwaysFrom: alwaysFrom)
        }

        /// What 64 bits of chance must stay below; `nil` when every exchange has a line, which a share that is no share
        /// means too, since a line too many does less harm.
        var threshold: UInt64? {
            guard share >= 0, share < 1 else { return nil }
            return UInt64(share * 0x1p64)
        }

        func alwaysKeeps(status: Int?, end: Outcome.End) -> Bool {
            guard let alwaysFrom else { return false }
            guard let status, case .complete = end else { return true }
            return status >= alwaysFrom
        }

        func check(_ blueprint: inout Blueprint) {
            blueprint.require(
                share >= 0 && share <= 1,
                "logs a share of \(share)",
                mend: "give a share from 0 to 1"
            )
        }
    }
}
