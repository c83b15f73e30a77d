import HTTPTypes
import NIOCore

/// What of a request decides which file it gets and how: it can go to a thread of the pool.
struct FileAsk: Sendable {
    let key: OpenFiles.Key
    let isHead: Bool
    let headers: Headers
    /// The monotonic time, in a worker's nanoseconds.
    let now: Int64
    let time: any TimeSource
    /// The ranges that are asked for, unless they are to be ignored.
    let ranges: ByteRanges?
    /// What separates parts; empty without ranges.
    let boundary: String

    /// - Parameter path: the path behind the prefix.
    init(_ request: borrowing Request, path: [UInt8], _ configuration: Files.Configuration, in context: RequestContext)
    {
        headers = request.headers
        isHead = request.method.matches(.head)
        let offered = configuration.precompressed
        let codings =
            offered.isEmpty ? [] : Files.Coding.preferred(of: offered, by: headers[values: .acceptEncoding])
        key = OpenFiles.Key(path: path, codings: codings)
        now = context.worker.now
        time = context.runtime.time
        // RFC 9110 section 14.2: it means nothing to other methods than GET.
        guard !isHead, configuration.ranges > 0, headers.contains(.range) else {
            (ranges, boundary) = (nil, "")
            return
        }
        let lines = headers[values: .range]
        ranges = lines.count == 1 ? ByteRanges(lines[0], atMost: configuration.ranges) : nil
        let chance = context.runtime.randomness
        boundary = String(chance.next(), radix: 36) + String(chance.next(), radix: 36)
    }
}

extension FileAsk {
    /// The path behind the prefix for a line of a log: decoded, and what is not visible ASCII escaped, so that no name
    /// looks like another or like a further line.
    var shownPath: String {
        PercentEncoding.decoded(bytes: key.path.span, plusIsSpace: false).unicodeScalars
            .reduce(into: "") { $0 += $1.escaped(asASCII: true) }
    }
}

/// The names that a path stands for.
struct FilePath: Sendable, Equatable {
    let names: [FileName]
    /// Whether it ends with a slash, and so means a folder.
    let isFolder: Bool

    /// Decodes the path behind the prefix, which is empty or begins with a slash; `nil` when it holds a segment that
    /// names no file that may be served.
    ///
    /// Escapes are decoded once, and what comes of them is one name or nothing: it never separates, and is never a dot
    /// segment (`%2F`, `%5C`, `%00`, an escaped `%2e%2e`).
    init?(_ path: Span<UInt8>, servingHidden: Bool) {
        var names: [FileName] = []
        var start = 1
        while start < path.count {
            var end = start
            while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
            guard let name = Self.name(path.extracting(start..<end)) else { return nil }
            guard servingHidden || !name.isHidden || name.isWellKnown else { return nil }
            names.append(name)
            start = end + 1
        }
        self.names = names
        isFolder = !path.isEmpty && path[path.count - 1] == UInt8(ascii: "/")
    }

    private static func name(_ segment: Span<UInt8>) -> FileName? {
        // An escaped byte is three, so no longer segment can be a name.
        guard segment.count <= 3 * 255 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(segment.count)
        var index = 0
        while index < segment.count {
            if let byte = PercentEncoding.escape(in: segment, at: index) {
                bytes.append(byte)
                index += 3
            } else {
                bytes.append(segment[index])
                index += 1
            }
        }
        return FileName(bytes)
    }
}
