/// Why a received request target is answered with 400.
package enum RequestTargetProblem: Error, Hashable, Sendable, CaseIterable {
    /// It begins with something other than `/`, and is not `*`.
    case notOriginForm
    /// A control, a space or a `#`.
    case illegalByte
    /// A `%` in the path that two hexadecimal digits do not follow.
    case malformedEscape
    /// `%00` in the path.
    case nullEscape
    /// Dot segments that climb above the root.
    case aboveRoot
    /// A segment that is a dot segment to some and not to others, such as `..;x` or `..%2F`.
    case ambiguousDotSegment
}

extension RequestTargetProblem: CustomStringConvertible {
    /// For the log and the answer; holds nothing of the target.
    package var description: String {
        switch self {
        case .notOriginForm: "the request target does not begin with a slash"
        case .illegalByte: "the request target holds a byte that must be percent-encoded"
        case .malformedEscape: "the path holds a malformed percent-encoding"
        case .nullEscape: "the path holds an encoded NUL"
        case .aboveRoot: "the path climbs above the root"
        case .ambiguousDotSegment: "the path holds an ambiguous dot segment"
        }
    }
}

extension RequestTarget {
    /// What one pass over a received target finds.
    package enum Scan: Equatable, Sendable {
        /// It is in normal form; where its `?` is.
        case normal(queryStart: Int?)
        /// It has to be normalised, or refused.
        case irregular
    }

    /// Whether a target, in origin form or `*`, is in normal form and can be forwarded as it is.
    package static func isNormal(_ bytes: Span<UInt8>) -> Bool { scan(bytes) != .irregular }

    /// One pass, on every request: nothing is copied, and a byte that is not special costs a look into two words.
    package static func scan(_ bytes: Span<UInt8>) -> Scan {
        guard !bytes.isEmpty, bytes[0] == UInt8(ascii: "/") else {
            return bytes.count == 1 && bytes[0] == UInt8(ascii: "*") ? .normal(queryStart: nil) : .irregular
        }
        let plain = ByteSet.pathButDot
        var index = 1
        while index < bytes.count {
            let byte = bytes[index]
            if plain.contains(byte) {
                index += 1
                continue
            }
            switch byte {
            case UInt8(ascii: "."):
                if beginsPiece(bytes, at: index), isDotPiece(bytes, at: index) { return .irregular }
                index += 1
            case UInt8(ascii: "%"):
                guard isNormalEscape(bytes, at: index) else { return .irregular }
                index += 3
            case UInt8(ascii: "?"):
                return isNormalQuery(bytes, from: index + 1) ? .normal(queryStart: index) : .irregular
            default:
                return .irregular
            }
        }
        return .normal(queryStart: nil)
    }

    private static func isNormalQuery(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        for index in start..<bytes.count where TargetNormaliser.queryByte(bytes[index]) != .legal { return false }
        return true
    }

    private static func isNormalEscape(_ bytes: Span<UInt8>, at index: Int) -> Bool {
        guard let byte = PercentEncoding.escape(in: bytes, at: index), byte != 0 else { return false }
        let isUpperCase = bytes[index + 1] < 0x61 && bytes[index + 2] < 0x61
        return isUpperCase && !ByteSet.unreserved.contains(byte)
    }

    /// Whether a piece of a path begins at `index`: behind `/`, `%2F` or `%5C`.
    private static func beginsPiece(_ bytes: Span<UInt8>, at index: Int) -> Bool {
        bytes[index - 1] == UInt8(ascii: "/") || (index >= 3 && isEncodedSeparator(bytes, at: index - 3))
    }

    /// Whether the dot at `index`, which begins a piece, makes it `.` or `..` to anybody who takes `;`, `%2F` or `%5C`
    /// for the end of a piece.
    fileprivate static func isDotPiece(_ bytes: Span<UInt8>, at index: Int) -> Bool {
        var end = index + 1
        if end < bytes.count, bytes[end] == UInt8(ascii: ".") { end += 1 }
        guard end < bytes.count else { return true }
        switch bytes[end] {
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: ";"): return true
        default: return isEncodedSeparator(bytes, at: end)
        }
    }

    /// Whether `%2F` or `%5C` stands at `index`, in the normal form's upper case.
    fileprivate static func isEncodedSeparator(_ bytes: Span<UInt8>, at index: Int) -> Bool {
        guard bytes.count - index >= 3, bytes[index] == UInt8(ascii: "%") else { return false }
        return switch (bytes[index + 1], bytes[index + 2]) {
        case (UInt8(ascii: "2"), UInt8(ascii: "F")), (UInt8(ascii: "5"), UInt8(ascii: "C")): true
        default: false
        }
    }
}

/// Writes the normal form of a target that is not in it.
struct TargetNormaliser {
    /// What is to be done with a byte of a query.
    enum Treatment { case legal, encoded, refused }

    private(set) var output: [UInt8] = []
    /// Whether what cannot stand is mended; else it is refused.
    private let mends: Bool

    init(mends: Bool) { self.mends = mends }

    /// The normal form of a received target, and where its `?` is.
    static func normalise(
        _ bytes: Span<UInt8>
    ) throws(RequestTargetProblem) -> (output: [UInt8], queryStart: Int?) {
        var end = 0
        while end < bytes.count, bytes[end] != UInt8(ascii: "?") { end += 1 }
        var normaliser = TargetNormaliser(mends: false)
        normaliser.output.reserveCapacity(bytes.count)
        try normaliser.appendPath(bytes.extracting(0..<end))
        guard end < bytes.count else { return (normaliser.output, nil) }
        let queryStart = normaliser.output.count
        try normaliser.appendQuery(bytes.extracting((end + 1)..<bytes.count))
        return (normaliser.output, queryStart)
    }

    static func queryByte(_ byte: UInt8) -> Treatment {
        if byte >= 0x80 { return .encoded }
        return byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "#") ? .refused : .legal
    }

    /// A path from text. Nothing is refused.
    mutating func mendPath(_ path: Span<UInt8>) { try? appendPath(path) }

    /// A query from text. Nothing is refused.
    mutating func mendQuery(_ query: Span<UInt8>) { try? appendQuery(query) }

    private mutating func appendPath(_ path: Span<UInt8>) throws(RequestTargetProblem) {
        var index = 0
        if !path.isEmpty {
            if path[0] == UInt8(ascii: "/") {
                index = 1
            } else if !mends {
                throw .notOriginForm
            }
        }
        output.append(UInt8(ascii: "/"))
        while true {
            let segment = output.count
            while index < path.count, path[index] != UInt8(ascii: "/") {
                index += try appendByte(of: path, at: index)
            }
            let isLast = index == path.count
            try finish(segment: segment, isLast: isLast)
            if isLast { return }
            index += 1
        }
    }

    /// Appends what stands at `index` of a segment, and says how many bytes that was.
    private mutating func appendByte(of path: Span<UInt8>, at index: Int) throws(RequestTargetProblem) -> Int {
        let byte = path[index]
        if byte == UInt8(ascii: "%") {
            let escaped = PercentEncoding.escape(in: path, at: index)
            if let escaped, escaped != 0 {
                if ByteSet.unreserved.contains(escaped) {
                    output.append(escaped)
                } else {
                    PercentEncoding.append(escaped, to: &output)
                }
                return 3
            }
            if !mends { throw escaped == 0 ? .nullEscape : .malformedEscape }
            PercentEncoding.append(byte, to: &output)
            return 1
        }
        if ByteSet.path.contains(byte) {
            output.append(byte)
            return 1
        }
        if Self.queryByte(byte) == .refused, !mends { throw .illegalByte }
        if byte == 0 {
            // `%00` has no place in a normal form.
            for replacement: UInt8 in [0xEF, 0xBF, 0xBD] { PercentEncoding.append(replacement, to: &output) }
        } else {
            PercentEncoding.append(byte, to: &output)
        }
        return 1
    }

    /// Ends the segment that begins at `segment`: RFC 3986 section 5.2.4, segment by segment.
    private mutating func finish(segment: Int, isLast: Bool) throws(RequestTargetProblem) {
        switch dots(from: segment) {
        case 1:
            output.removeLast()
            return
        case 2:
            output.removeLast(2)
            if segment > 1 {
                output.removeLast()
                while output.last != UInt8(ascii: "/") { output.removeLast() }
            } else if !mends {
                throw .aboveRoot
            }
            return
        default:
            break
        }
        if isAmbiguous(from: segment) {
            if !mends { throw .ambiguousDotSegment }
            encodeOnceMore(from: segment)
        }
        if !isLast { output.append(UInt8(ascii: "/")) }
    }

    /// The number of dots that are the whole of the segment, 0 when it is something else.
    private func dots(from segment: Int) -> Int {
        let count = output.count - segment
        guard count == 1 || count == 2 else { return 0 }
        return output[segment...].allSatisfy { $0 == UInt8(ascii: ".") } ? count : 0
    }

    private func isAmbiguous(from segment: Int) -> Bool {
        let bytes = output.span.extracting(segment..<output.count)
        var isStart = true
        var index = 0
        while index < bytes.count {
            if isStart, bytes[index] == UInt8(ascii: "."), RequestTarget.isDotPiece(bytes, at: index) { return true }
            isStart = RequestTarget.isEncodedSeparator(bytes, at: index)
            index += isStart ? 3 : 1
        }
        return false
    }

    /// Makes a segment plain text to everybody: its `%` and `;` are encoded.
    private mutating func encodeOnceMore(from segment: Int) {
        let bytes = Array(output[segment...])
        output.removeLast(bytes.count)
        for byte in bytes {
            if byte == UInt8(ascii: "%") || byte == UInt8(ascii: ";") {
                PercentEncoding.append(byte, to: &output)
            } else {
                output.append(byte)
            }
        }
    }

    private mutating func appendQuery(_ query: Span<UInt8>) throws(RequestTargetProblem) {
        output.append(UInt8(ascii: "?"))
        for index in query.indices {
            switch Self.queryByte(query[index]) {
            case .legal:
                output.append(query[index])
            case .refused where !mends:
                throw .illegalByte
            case .refused, .encoded:
                PercentEncoding.append(query[index], to: &output)
            }
        }
    }
}
