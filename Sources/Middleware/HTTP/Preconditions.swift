package import HTTPTypes

/// What a request demands of the representation that it is to get: `If-Match`, `If-None-Match`, `If-Modified-Since`,
/// `If-Unmodified-Since` and `If-Range` (RFC 9110 section 13).
///
/// ```swift
/// switch Preconditions(of: request.headers)?.verdict(for: request.method, on: validators, now: now) {
/// case .notModified: …
/// ```
///
/// What is malformed demands nothing, apart from `If-Match`, which then matches nothing. It knows neither files nor
/// caches.
package struct Preconditions: Sendable {
    /// What tells one state of a representation from another.
    package struct Validators: Sendable, Hashable {
        /// Its tag, if it has one.
        package var tag: EntityTag?
        /// When it was last modified, if that is known.
        package var lastModified: HTTPDate?
        /// Whether `lastModified` is so long past that no later state can get the same date. It does not tell how many
        /// states there were within that second. Only a client knows whether it got its own after the second was over,
        /// and it must not put the date into `If-Range` otherwise (RFC 9110 sections 8.8.2.2 and 13.1.5).
        package var isDateStrong: Bool

        package init(tag: EntityTag? = nil, lastModified: HTTPDate? = nil, isDateStrong: Bool = false) {
            self.tag = tag
            self.lastModified = lastModified
            self.isDateStrong = isDateStrong
        }
    }

    /// How the request is to be answered.
    package enum Verdict: Sendable, Hashable {
        /// As if there were no preconditions.
        case proceed
        /// 304: the client has it.
        case notModified
        /// 412.
        case failed
    }

    private let headers: Headers

    /// The preconditions among the fields; `nil` when there are none, which is the rule and costs a look at each name.
    package init?(of headers: Headers) {
        let isThere = headers.entries.contains { entry in
            guard entry.nameLength >= 8 else { return false }
            return headers.withName(of: entry) { $0[0] | 0x20 == UInt8(ascii: "i") && $0[2] == UInt8(ascii: "-") }
        }
        guard isThere else { return nil }
        self.headers = headers
    }

    /// The verdict, in the order of RFC 9110 section 13.2.2. `validators` are `nil` when there is no representation.
    package func verdict(
        for method: HTTPRequest.Method, on validators: Validators?, now: HTTPDate
    ) -> Verdict {
        let isReading = method.matches(.get) || method.matches(.head)
        if headers.contains(.ifMatch) {
            // Section 13.1.1, by strong comparison.
            guard matches(.ifMatch, validators, by: { $0.matchesStrongly($1) }) else { return .failed }
        } else if let date = date(.ifUnmodifiedSince, now), let lastModified = validators?.lastModified {
            // Section 13.1.4.
            if lastModified > date { return .failed }
        }
        if headers.contains(.ifNoneMatch) {
            // Section 13.1.2, by weak comparison.
            if matches(.ifNoneMatch, validators, by: { $0.matchesWeakly($1) }) {
                return isReading ? .notModified : .failed
            }
        } else if isReading, let date = date(.ifModifiedSince, now), let lastModified = validators?.lastModified {
            // Section 13.1.3.
            if lastModified <= date { return .notModified }
        }
        return .proceed
    }

    /// Whether a `Range` holds: without `If-Range` always, with it when the client has a part of this very
    /// representation (RFC 9110 section 13.1.5).
    package func admitsRange(of validators: Validators, now: HTTPDate) -> Bool {
        let values = headers[values: .ifRange]
        guard let value = values.first else { return true }
        guard values.count == 1 else { return false }
        if let tag = EntityTag(value) { return validators.tag?.matchesStrongly(tag) ?? false }
        guard validators.isDateStrong, let date = HTTPDate(value, now: now) else { return false }
        return date == validators.lastModified
    }

    private func matches(
        _ name: HTTPField.Name, _ validators: Validators?, by comparison: (EntityTag, EntityTag) -> Bool
    ) -> Bool {
        guard let validators else { return false }
        let list = EntityTagList(headers[values: name])
        guard !list.isAny else { return true }
        guard let own = validators.tag else { return false }
        return list.tags.contains { comparison(own, $0) }
    }

    /// The date of a field; `nil` when it is none, or more than one.
    private func date(_ name: HTTPField.Name, _ now: HTTPDate) -> HTTPDate? {
        let values = headers[values: name]
        return values.count == 1 ? HTTPDate(values[0], now: now) : nil
    }
}
