public import HTTPTypes
import NIOCore

// MARK: - Fields as HTTPTypes

extension Headers: Sequence {
    /// Walks over the fields as `HTTPField` values, each made when it is reached.
    public struct Iterator: IteratorProtocol {
        private let headers: Headers
        private var index = 0

        init(_ headers: Headers) { self.headers = headers }

        public mutating func next() -> HTTPField? {
            while index < headers.entries.count {
                defer { index += 1 }
                if let field = headers.field(at: index) { return field }
            }
            return nil
        }
    }

    public func makeIterator() -> Iterator { Iterator(self) }

    /// The fields in HTTPTypes' own container.
    public init(_ fields: HTTPFields) {
        self.init()
        for field in fields {
            var name = field.name.rawName
            name.withUTF8 { name in
                field.withUnsafeBytesOfValue { value in
                    append(name: name.span, value: value.span, known: KnownField(name: name.span))
                }
            }
        }
    }

    private func field(at index: Int) -> HTTPField? {
        let entry = entries[index]
        let name = withBytes(of: entry, entry.name) { name in
            name.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
        guard let name = HTTPField.Name(name) else { return nil }
        return withBytes(of: entry, entry.value) { value in
            value.withUnsafeBufferPointer { HTTPField(name: name, value: $0) }
        }
    }
}

extension HTTPFields {
    /// The same fields in the same order in HTTPTypes' own container.
    public init(_ headers: Headers) {
        self.init()
        reserveCapacity(headers.count)
        for field in headers { append(field) }
    }
}

extension Headers: ExpressibleByDictionaryLiteral {
    /// Fields in the order of the literal; a name may stand more than once.
    public init(dictionaryLiteral elements: (HTTPField.Name, String)...) {
        self.init()
        for (name, value) in elements { append(name, value) }
    }
}

extension Headers: Equatable {
    /// The same fields in the same order, names without regard to case.
    public static func == (left: Headers, right: Headers) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).allSatisfy { $0.name == $1.name && $0.value == $1.value }
    }
}

extension Headers: CustomStringConvertible {
    /// One `name: value` a line.
    public var description: String {
        map { "\($0.name.rawName): \($0.value)" }.joined(separator: "\n")
    }
}
