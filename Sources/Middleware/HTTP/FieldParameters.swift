/// The `;name=value` parameters behind a field value, RFC 9110 section 5.6.6, and the `name=value;…` of `Forwarded`.
///
/// ```swift
/// let parameters = FieldParameters("; charset=utf-8; title=\"a;b\"")
/// parameters?["Charset"]                          // "utf-8"
/// ```
///
/// Names compare without regard to ASCII case and are kept in lower case; values come without quotes and escapes.
/// Empty parameters (`;;`) are passed over. Anything else that the grammar does not allow (white space around `=`, no
/// value, an open quote) makes the whole unreadable rather than half read. A repeated name is kept: it is for the field
/// to say which counts.
public struct FieldParameters: Sendable, Hashable {
    /// One parameter.
    public struct Parameter: Sendable, Hashable {
        /// A token in lower case.
        public let name: String
        /// The value without quotes and escapes.
        public let value: String
    }

    private var parameters: [Parameter] = []

    /// Reads parameters, with or without the first `;`. `nil` when they are malformed.
    public init?(_ text: some StringProtocol) {
        self.init(bytes: String(text).utf8.span)
    }

    package init?(bytes: Span<UInt8>) {
        var index = 0
        while true {
            index = Self.skipBlanks(in: bytes, from: index)
            guard index < bytes.count else { return }
            if bytes[index] == UInt8(ascii: ";") {
                index += 1
                continue
            }
            guard let (parameter, end) = Self.read(bytes, at: index) else { return nil }
            parameters.append(parameter)
            index = Self.skipBlanks(in: bytes, from: end)
            guard index == bytes.count || bytes[index] == UInt8(ascii: ";") else { return nil }
        }
    }

    /// No parameters.
    public init() {}

    /// The value of the first parameter of that name, in any case.
    public subscript(_ name: String) -> String? {
        let name = name.lowercased()
        return parameters.first { $0.name == name }?.value
    }

    /// The parameters that are left without those of that name, which is in lower case.
    func removing(_ name: String) -> FieldParameters {
        var result = self
        result.parameters.removeAll { $0.name == name }
        return result
    }

    private static func read(_ bytes: Span<UInt8>, at start: Int) -> (Parameter, end: Int)? {
        let endOfName = FieldGrammar.endOfToken(in: bytes, from: start)
        guard endOfName > start, endOfName < bytes.count, bytes[endOfName] == UInt8(ascii: "=") else { return nil }
        let name = String(decoding: bytes.extracting(start..<endOfName)).lowercased()
        let value = endOfName + 1
        if let (text, end) = QuotedString.read(bytes, at: value) { return (Parameter(name: name, value: text), end) }
        let end = FieldGrammar.endOfToken(in: bytes, from: value)
        guard end > value else { return nil }
        return (Parameter(name: name, value: String(decoding: bytes.extracting(value..<end))), end)
    }

    private static func skipBlanks(in bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, FieldGrammar.isBlank(bytes[index]) { index += 1 }
        return index
    }
}

extension FieldParameters: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { parameters.count }
    public subscript(position: Int) -> Parameter { parameters[position] }
}

extension FieldParameters: CustomStringConvertible {
    /// The parameters as they are written behind a value: `;charset=utf-8;title="a;b"`.
    public var description: String {
        parameters.map { ";\($0.name)=\(QuotedString.tokenOrEncoded($0.value) ?? "\"\"")" }.joined()
    }
}

/// A field value with parameters, such as a media type: `text/html; charset=utf-8`.
public struct ParameterizedValue: Sendable, Hashable {
    /// What stands before the first `;`, without white space around it and as spelled by the sender. Never empty.
    public let value: String
    /// What stands behind it.
    public let parameters: FieldParameters

    /// Reads one value. `nil` when it is empty or its parameters are malformed.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        let bytes = text.utf8.span
        var end = 0
        while end < bytes.count, bytes[end] != UInt8(ascii: ";") { end += 1 }
        let value = FieldGrammar.trimmed(0..<end, in: bytes)
        guard !value.isEmpty,
            let parameters = FieldParameters(bytes: bytes.extracting(end..<bytes.count))
        else { return nil }
        self.value = String(decoding: bytes.extracting(value))
        self.parameters = parameters
    }
}

extension ParameterizedValue: CustomStringConvertible {
    /// The value and its parameters as they are written in a field.
    public var description: String { value + parameters.description }
}
