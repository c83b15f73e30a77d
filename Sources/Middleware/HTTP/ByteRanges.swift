/// The ranges that a `Range: bytes=…` asks for, RFC 9110 section 14.1.2.
///
/// ```swift
/// ByteRanges("bytes=0-9, -5", atMost: 16)?.selection(of: 100)      // .ranges([0..<10, 95..<100])
/// ```
package struct ByteRanges: Sendable, Hashable {
    /// What comes of the ranges for a representation of a certain length.
    package enum Selection: Sendable, Hashable {
        /// These, at least one, none of them empty, in the order in which they were asked for. Ranges that overlap or
        /// touch have become one, and then all are in the order of their positions.
        case ranges([Range<Int>])
        /// The field asks for nothing that could be sent as a range: the whole is to be sent.
        case whole
        /// 416.
        case unsatisfiable
    }

    private enum Specifier: Sendable, Hashable {
        case from(Int, through: Int)
        case last(Int)
    }

    private var specifiers: [Specifier] = []

    /// Reads the value of the field. `nil` when it is to be ignored: another unit, malformed, or more than `limit`
    /// ranges (RFC 9110 sections 14.2 and 17.15).
    package init?(_ value: String, atMost limit: Int) { self.init(bytes: value.utf8.span, atMost: limit) }

    package init?(bytes: Span<UInt8>, atMost limit: Int) {
        let unit: StaticString = "bytes="
        guard bytes.count > unit.utf8CodeUnitCount else { return nil }
        let isBytes = unit.withUTF8Buffer {
            equalIgnoringCase(bytes.extracting(0..<$0.count), lowercase: $0.span)
        }
        guard isBytes else { return nil }
        let set = bytes.extracting(unit.utf8CodeUnitCount..<bytes.count)
        var reader = FieldListReader()
        while let member = reader.next(in: set) {
            guard specifiers.count < limit, let specifier = Self.read(set.extracting(member)) else { return nil }
            specifiers.append(specifier)
        }
        guard !specifiers.isEmpty else { return nil }
    }

    /// What is to be sent of a representation of that many bytes.
    package func selection(of length: Int) -> Selection {
        var ranges: [Range<Int>] = []
        var isWhole = false
        for specifier in specifiers {
            switch specifier {
            case .from(let first, let last):
                if first < length { ranges.append(first..<min(last, length - 1) + 1) }
            case .last(let count):
                if count > 0, length > 0 { ranges.append(max(0, length - count)..<length) }
                // All of nothing is asked for, and no Content-Range can say so.
                if count > 0, length == 0 { isWhole = true }
            }
        }
        guard !ranges.isEmpty else { return isWhole ? .whole : .unsatisfiable }
        return .ranges(Self.joined(ranges))
    }

    /// `Content-Range` of a part, RFC 9110 section 14.4.
    package static func contentRange(_ range: Range<Int>, of length: Int) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
    }

    /// `Content-Range` of a 416.
    package static func contentRange(ofNothingOf length: Int) -> String { "bytes */\(length)" }

    private static func read(_ bytes: Span<UInt8>) -> Specifier? {
        var dash = 0
        while dash < bytes.count, bytes[dash] != UInt8(ascii: "-") { dash += 1 }
        guard dash < bytes.count else { return nil }
        let (before, behind) = (bytes.extracting(0..<dash), bytes.extracting((dash + 1)..<bytes.count))
        guard !before.isEmpty else { return position(behind).map { .last($0) } }
        guard let first = position(before) else { return nil }
        guard !behind.isEmpty else { return .from(first, through: .max - 1) }
        // RFC 9110 section 14.1.1: a last position in front of the first makes it invalid.
        guard let last = position(behind), last >= first else { return nil }
        return .from(first, through: last)
    }

    /// `1*DIGIT`. What no representation can have counts as the largest that one could.
    private static func position(_ bytes: Span<UInt8>) -> Int? {
        guard !bytes.isEmpty else { return nil }
        for index in bytes.indices where bytes[index] &- 0x30 >= 10 { return nil }
        return min(FieldGrammar.decimal(bytes) ?? .max, .max - 1)
    }

    /// RFC 9110 section 15.3.7.2: what overlaps is sent once.
    private static func joined(_ ranges: [Range<Int>]) -> [Range<Int>] {
        guard ranges.count > 1 else { return ranges }
        var joined: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined.count == ranges.count ? ranges : joined
    }
}

/// How several ranges of a representation are sent as one body, RFC 9110 section 14.6.
package struct MultipartByteRanges: Sendable, Hashable {
    /// A range, and what stands in front of it.
    package struct Part: Sendable, Hashable {
        package let head: [UInt8]
        package let range: Range<Int>
    }

    package let parts: [Part]
    /// What stands behind the last.
    package let end: [UInt8]
    /// The media type of the whole.
    package let contentType: String

    /// - Parameters:
    ///   - length: of the representation.
    ///   - contentType: of the representation.
    ///   - boundary: letters and digits that nobody can foresee, at most 70.
    package init(_ ranges: [Range<Int>], of length: Int, contentType: String?, boundary: String) {
        let type = contentType.map { "Content-Type: \($0)\r\n" } ?? ""
        parts = ranges.enumerated().map { index, range in
            let start = index == 0 ? "" : "\r\n"
            let field = ByteRanges.contentRange(range, of: length)
            return Part(
                head: Array("\(start)--\(boundary)\r\n\(type)Content-Range: \(field)\r\n\r\n".utf8), range: range)
        }
        end = Array("\r\n--\(boundary)--\r\n".utf8)
        self.contentType = "multipart/byteranges; boundary=\(boundary)"
    }

    /// The number of bytes in all.
    package var byteCount: Int { parts.reduce(end.count) { $0 + $1.head.count + $1.range.count } }
}
