public import HTTPTypes

extension AccessLog {
    /// What a line hides: the value is replaced by `[redacted]`, the name stays.
    ///
    /// ```swift
    /// configuration.redaction.queryParameters = ["token", "code"]
    /// configuration.redaction.headers.remove(.cookie)              // show cookies after all
    /// ```
    /// Nothing is hidden in a path: keep secrets out of paths, or log a format without them.
    public struct Redaction: Sendable, Hashable {
        /// Parameters of the query whose values are hidden, in the target, the query and the referer; compared without
        /// regard to case and after decoding. None unless set.
        public var queryParameters: Set<String> = []

        /// Fields whose values are hidden when the format names them. The credentials of ``credentials`` unless set.
        public var headers: Set<HTTPField.Name> = Redaction.credentials

        public init() {}

        /// `Authorization`, `Proxy-Authorization`, `Cookie` and `Set-Cookie`.
        public static var credentials: Set<HTTPField.Name> {
            [.authorization, .proxyAuthorization, .cookie, .setCookie]
        }
    }
}

/// A redaction made ready for use.
struct AccessLogRedactor: Sendable {
    static var markText: String { "[redacted]" }

    private let parameters: Set<String>
    private let headers: Set<HTTPField.Name>

    init(_ redaction: AccessLog.Redaction) {
        parameters = Set(redaction.queryParameters.map { $0.lowercased() })
        headers = redaction.headers
    }

    /// Whether anything may be hidden within a query.
    var concernsQueries: Bool { !parameters.isEmpty }

    func hides(_ name: HTTPField.Name) -> Bool { !headers.isEmpty && headers.contains(name) }

    /// The bytes with the hidden values of their query replaced. The query begins behind the first `?`, or at the start
    /// when the bytes are a query alone.
    func redacted(_ bytes: Span<UInt8>, isQuery: Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        if !isQuery {
            while index < bytes.count {
                result.append(bytes[index])
                index += 1
                if bytes[index - 1] == UInt8(ascii: "?") { break }
            }
        }
        while index < bytes.count {
            var end = index
            var equals: Int?
            // A semicolon separates parameters for some origins: what follows it must not escape the comparison.
            while end < bytes.count, bytes[end] != UInt8(ascii: "&"), bytes[end] != UInt8(ascii: ";") {
                if bytes[end] == UInt8(ascii: "="), equals == nil { equals = end }
                end += 1
            }
            if let equals, isHidden(bytes.extracting(index..<equals)) {
                for position in index...equals { result.append(bytes[position]) }
                result += Self.markText.utf8
                // The rest of a value that holds a semicolon belongs to it for other origins.
                while end < bytes.count, bytes[end] != UInt8(ascii: "&") { end += 1 }
            } else {
                for position in index..<end { result.append(bytes[position]) }
            }
            if end < bytes.count { result.append(bytes[end]) }
            index = end + 1
        }
        return result
    }

    private func isHidden(_ name: Span<UInt8>) -> Bool {
        parameters.contains(PercentEncoding.decoded(bytes: name, plusIsSpace: true).lowercased())
    }
}
