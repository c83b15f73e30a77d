/// Patterns of origins, laid out for a look-up: exact ones are found by a hash among any number of them, patterns with
/// a star are tried one by one.
package struct OriginSet: Sendable {
    /// Whether every origin is in it.
    package let isEverything: Bool
    /// The exact ones, as they are answered.
    let exact: [String]
    /// Sorted, beside the origins they belong to.
    private let hashes: [UInt64]
    private let patterns: [OriginPattern]

    package init(_ origins: [OriginPattern]) {
        var exact: [(hash: UInt64, origin: String)] = []
        var patterns: [OriginPattern] = []
        for origin in origins {
            switch origin.shape {
            case .exact(let text): exact.append((Self.hash(text.utf8.span), text))
            case .wildcard: patterns.append(origin)
            case .any, .nothing: break
            }
        }
        exact.sort { $0.hash < $1.hash }
        hashes = exact.map(\.hash)
        self.exact = exact.map(\.origin)
        self.patterns = patterns
        isEverything = origins.contains { $0.shape == .any }
    }

    /// The origin as it is answered, when it is in the set; for an exact one no text is made.
    package func find(_ origin: Span<UInt8>) -> String? {
        if let place = place(ofExact: origin) { return exact[place] }
        return isEverything || matchesPattern(origin) ? String(decoding: origin) : nil
    }

    /// Whether a pattern with a star in it has the origin.
    func matchesPattern(_ origin: Span<UInt8>) -> Bool {
        for pattern in patterns where pattern.matches(origin) { return true }
        return false
    }

    /// The place of an origin among the exact ones.
    func place(ofExact origin: Span<UInt8>) -> Int? {
        let hash = Self.hash(origin)
        var (low, high) = (0, hashes.count)
        while low < high {
            let middle = (low + high) / 2
            if hashes[middle] < hash { low = middle + 1 } else { high = middle }
        }
        while low < hashes.count, hashes[low] == hash {
            if equalIgnoringCase(origin, lowercase: exact[low].utf8.span) { return low }
            low += 1
        }
        return nil
    }

    /// Of the bytes without regard to case, eight at a time; the last eight may overlap.
    private static func hash(_ origin: Span<UInt8>) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: origin.count)
        guard origin.count >= 8 else { return hash }
        var start = 0
        while start < origin.count {
            let word = origin.word(at: min(start, origin.count - 8)) | 0x2020_2020_2020_2020
            hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash &>> 29
            start += 8
        }
        return hash
    }
}
