import NIOCore

extension RequestTarget {
    /// The segments of the path, decoded: `/queues/%2F/` has `queues`, `/` and an empty one. `/` has one empty segment,
    /// `*` has none.
    ///
    /// Decoded text is data and no path any more: it can hold slashes, dots and controls.
    public var pathSegments: PathSegments { PathSegments(pathBytes) }

    /// The `name=value` items of the query, escapes decoded, `+` as it stands. For a query that an HTML form made, see
    /// ``formItems``.
    public var queryItems: QueryItems { QueryItems(queryBytes, plusIsSpace: false) }

    /// The items of a query that an HTML form made (`application/x-www-form-urlencoded`): ``queryItems`` with `+` read
    /// as a space.
    public var formItems: QueryItems { QueryItems(queryBytes, plusIsSpace: true) }

    /// The decoded segments of a path, each made when it is reached.
    public struct PathSegments: Sequence, IteratorProtocol, Sendable {
        private let bytes: ByteBuffer?
        private var position = 0

        init(_ bytes: ByteBuffer?) { self.bytes = bytes }

        public mutating func next() -> String? {
            guard let bytes, position <= bytes.readableBytes else { return nil }
            let span = bytes.readableBytesUInt8Span
            let end = span.firstIndex(of: UInt8(ascii: "/"), from: position)
            defer { position = end + 1 }
            return PercentEncoding.decoded(bytes: span.extracting(position..<end), plusIsSpace: false)
        }
    }

    /// One item of a query.
    public struct QueryItem: Sendable, Hashable {
        /// What stands before the first `=`.
        public let name: String
        /// What stands behind it; `nil` when there is no `=`.
        public let value: String?
    }

    /// The items of a query in order, each made when it is reached. Empty items (`&&`) are passed over; a name can come
    /// more than once.
    public struct QueryItems: Sequence, IteratorProtocol, Sendable {
        private let bytes: ByteBuffer?
        private let plusIsSpace: Bool
        private var position = 0

        init(_ bytes: ByteBuffer?, plusIsSpace: Bool) {
            self.bytes = bytes
            self.plusIsSpace = plusIsSpace
        }

        public mutating func next() -> QueryItem? {
            guard let bytes else { return nil }
            let span = bytes.readableBytesUInt8Span
            while position < span.count {
                let start = position
                let end = span.firstIndex(of: UInt8(ascii: "&"), from: start)
                position = end + 1
                if end > start { return item(span.extracting(start..<end)) }
            }
            return nil
        }

        private func item(_ bytes: Span<UInt8>) -> QueryItem {
            let equals = bytes.firstIndex(of: UInt8(ascii: "="), from: 0)
            return QueryItem(
                name: text(bytes.extracting(0..<equals)),
                value: equals < bytes.count ? text(bytes.extracting((equals + 1)..<bytes.count)) : nil
            )
        }

        private func text(_ bytes: Span<UInt8>) -> String {
            PercentEncoding.decoded(bytes: bytes, plusIsSpace: plusIsSpace)
        }
    }
}

extension Span<UInt8> {
    /// Where `byte` stands first from `start` on; the end when it does not.
    fileprivate func firstIndex(of byte: UInt8, from start: Int) -> Int {
        var index = start
        while index < count, self[index] != byte { index += 1 }
        return index
    }
}
