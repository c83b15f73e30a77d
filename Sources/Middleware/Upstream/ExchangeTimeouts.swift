/// How long the parts of an exchange may take, in nanoseconds; `.max` is no limit.
package struct ExchangeTimeouts: Sendable {
    /// From the last byte of the request to the head of the final answer.
    package var head = Int64.max
    /// Between two reads of the answer's body that bring something, and for a write that makes no progress.
    package var idle = Int64.max

    package init() {}
}
