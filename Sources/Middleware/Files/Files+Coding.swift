extension Files {
    /// A content coding in which a file can lie ready beside itself.
    public enum Coding: String, Sendable, Hashable, CaseIterable {
        /// `br`, RFC 7932: the file with `.br` behind its name.
        case brotli
        /// `zstd`, RFC 8878: the file with `.zst` behind its name.
        case zstandard
        /// `gzip`, RFC 1952: the file with `.gz` behind its name.
        case gzip

        /// What `Content-Encoding` calls it.
        var name: String {
            switch self {
            case .brotli: "br"
            case .zstandard: "zstd"
            case .gzip: "gzip"
            }
        }

        var fileExtension: String {
            switch self {
            case .brotli: "br"
            case .zstandard: "zst"
            case .gzip: "gz"
            }
        }

        private func isNamed(_ text: String) -> Bool {
            // RFC 9110 section 8.4.1.3: the old name of gzip.
            text == name || self == .gzip && text == "x-gzip"
        }

        /// Those of the offered codings that a client prefers to none, the preferred one first; of equal weight, in the
        /// order of the offer (RFC 9110 section 12.5.3). None when the client does not say.
        static func preferred(of offered: [Coding], by lines: [String]) -> [Coding] {
            guard !lines.isEmpty else { return [] }
            let accepted = WeightedList(lines).map { ($0.value.lowercased(), $0.quality) }
            let identity = accepted.first { $0.0 == "identity" }?.1
            let others = accepted.first { $0.0 == "*" }?.1
            let weighed = offered.compactMap { coding -> (Coding, QualityValue)? in
                guard let quality = accepted.first(where: { coding.isNamed($0.0) })?.1 ?? others else { return nil }
                guard quality.isAcceptable, quality >= identity ?? quality else { return nil }
                return (coding, quality)
            }
            return weighed.enumerated()
                .sorted { ($1.element.1, $0.offset) < ($0.element.1, $1.offset) }
                .map(\.element.0)
        }
    }
}
