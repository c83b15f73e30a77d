import HTTPTypes

/// `Retry-After`: RFC 9110 section 10.2.3.
enum RetryAfter {
    /// What an answer asks to wait; `nil` without the field or with one that cannot be read.
    ///
    /// - Parameter wallClock: the time since 1970, for a date.
    static func wait(_ headers: borrowing Headers, wallClock: Duration) -> Duration? {
        guard let text = headers[.retryAfter] else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // More digits than a number holds are more than anybody waits.
            return .seconds(min(Int64(text) ?? .max, 1 << 32))
        }
        guard let date = HTTPDate(text, now: HTTPDate(wallClock)) else { return nil }
        return max(.zero, .seconds(date.secondsSince1970) - wallClock)
    }
}
