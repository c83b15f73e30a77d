extension BalancingKey {
    private static let cookieField = Array("cookie".utf8)

    /// The hash of the key of a request; `nil` when it has none. Allocates nothing, unless the key is ``custom(_:)`` or
    /// the request's authority is longer than a kilobyte.
    package func hash(_ request: borrowing Request, _ context: RequestContext) -> UInt64? {
        switch rule {
        case .clientAddress:
            return Self.clientHash(context)
        case .header(let name, let known):
            let headers = request.head.headers
            guard let index = headers.firstIndex(lowercase: name, known: known) else { return nil }
            return headers.withValue(of: headers.entries[index], Self.hash)
        case .cookie(let name):
            return Self.cookie(name, in: request.head.headers)
        case .query(let name):
            return request.head.target.withQuery { Self.item(name, in: $0) } ?? nil
        case .path:
            return request.head.target.withPath(Self.hash)
        case .target:
            return request.head.target.withBytes(Self.hash)
        case .host:
            return Self.host(of: request.head.authority)
        case .custom(let text):
            guard let text = text(copy request, context), !text.isEmpty else { return nil }
            return StableHash.hash(text)
        }
    }

    /// The hash of a client's address, which connections have as well as requests; `nil` for a Unix-domain socket.
    static func clientHash(_ context: RequestContext) -> UInt64? {
        guard let address = context.clientAddress.flatMap({ IPAddress($0) }) else { return nil }
        return SplitMix64.mix(address.isIPv4 ? address.low : SplitMix64.mix(address.high))
    }

    private static func hash(_ bytes: Span<UInt8>) -> UInt64? { bytes.isEmpty ? nil : StableHash.hash(bytes) }

    private static func host(of authority: Authority) -> UInt64? {
        withUnsafeTemporaryAllocation(byteCount: authority.byteCount, alignment: 1) { memory in
            var host = HostBytes(memory)
            authority.write(into: &host)
            return host.hash
        }
    }

    /// HTTP/2 may spread cookies over several fields (RFC 9113 section 8.2.3).
    private static func cookie(_ name: [UInt8], in headers: Headers) -> UInt64? {
        for entry in headers.entries where headers.isNamed(entry, cookieField) {
            let found = headers.withValue(of: entry) { bytes -> UInt64?? in
                var pairs = NamedValues(separator: UInt8(ascii: ";"))
                while let (pair, value) = pairs.next(in: bytes) {
                    let spelled = bytes.extracting(pair)
                    if spelled.count == name.count, spelled.indices.allSatisfy({ spelled[$0] == name[$0] }) {
                        return hash(bytes.extracting(value))
                    }
                }
                return nil
            }
            if let found { return found }
        }
        return nil
    }

    private static func item(_ name: [UInt8], in query: Span<UInt8>) -> UInt64? {
        var items = NamedValues(separator: UInt8(ascii: "&"))
        while let (item, value) = items.next(in: query) {
            if isEscaped(query.extracting(item), name) { return hash(query.extracting(value)) }
        }
        return nil
    }

    /// Whether the bytes, with their escapes decoded, are the name.
    private static func isEscaped(_ bytes: Span<UInt8>, _ name: [UInt8]) -> Bool {
        var index = 0
        for byte in name {
            guard index < bytes.count else { return false }
            let escaped = PercentEncoding.escape(in: bytes, at: index)
            guard (escaped ?? bytes[index]) == byte else { return false }
            index += escaped == nil ? 1 : 3
        }
        return index == bytes.count
    }
}

/// The `name=value` pairs of a line, found without copying: call ``next(in:)`` with the same bytes until it returns
/// `nil`. What has no `=` is a name with an empty value.
private struct NamedValues {
    let separator: UInt8
    private var position = 0

    init(separator: UInt8) { self.separator = separator }

    mutating func next(in bytes: Span<UInt8>) -> (name: Range<Int>, value: Range<Int>)? {
        guard position < bytes.count else { return nil }
        var start = position
        var end = start
        var equals: Int?
        while end < bytes.count, bytes[end] != separator {
            if equals == nil, bytes[end] == UInt8(ascii: "=") { equals = end }
            end += 1
        }
        position = end + 1
        while start < end, FieldGrammar.isBlank(bytes[start]) { start += 1 }
        while end > start, FieldGrammar.isBlank(bytes[end - 1]) { end -= 1 }
        guard let equals, equals >= start, equals < end else { return (start..<end, end..<end) }
        return (start..<equals, equals + 1..<end)
    }
}

/// Takes the host out of an authority, in lower case.
private struct HostBytes: ByteSink {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var writerIndex = 0

    init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    /// The hash of what was written, without the port; `nil` when nothing was.
    var hash: UInt64? {
        var count = writerIndex
        for index in (0..<count).reversed() where !(0x30...0x39).contains(memory[index]) {
            if memory[index] == UInt8(ascii: ":") { count = index }
            break
        }
        return count == 0 ? nil : StableHash.hash(UnsafeRawBufferPointer(rebasing: memory[..<count]))
    }

    mutating func write(_ bytes: Span<UInt8>) {
        for index in bytes.indices where writerIndex < memory.count {
            let byte = bytes[index]
            memory[writerIndex] = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            writerIndex += 1
        }
    }

    mutating func write(_ text: StaticString) { text.withUTF8Buffer { write($0.span) } }

    mutating func moveWriterIndex(to index: Int) { writerIndex = min(max(index, 0), memory.count) }
}
