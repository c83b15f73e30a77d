/// Which hosts a ``Route`` takes.
///
/// ```swift
/// Route("/**", hosts: ["example.com", "*.example.com"]) { … }
/// ```
///
/// - `example.com` is that host;
/// - `*.example.com` is any host below it, at whatever depth, and not `example.com` itself;
/// - `*` is any host, also when a request names none;
/// - `[2001:db8::1]` is that address, however it is spelled.
///
/// Case, the port of the request and one dot at the end make no difference. The host of a request is that of its
/// ``Request/authority``.
///
/// Text that is no host does not trap: ``problem`` says what is wrong, and a composition that uses it is refused.
public struct HostPattern: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case any
        /// The bytes of the host, in lower case.
        case exact([UInt8])
        /// The bytes that a host ends with, the dot in front among them.
        case below([UInt8])
    }

    /// The text it was made of.
    public let text: String
    package let kind: Kind
    package let fault: RouteFault?

    /// A pattern; see ``problem``.
    public init(_ text: String) {
        self.text = text
        do {
            kind = try Self.kind(of: text)
            fault = nil
        } catch {
            kind = .any
            fault = error
        }
    }

    /// What is wrong with the text; `nil` for a usable pattern.
    public var problem: String? { fault?.problem }

    /// Whether there is a host that both take.
    func overlaps(_ other: HostPattern) -> Bool {
        switch (kind, other.kind) {
        case (.any, _), (_, .any): true
        case (.exact(let mine), .exact(let theirs)): mine == theirs
        case (.exact(let host), .below(let end)), (.below(let end), .exact(let host)):
            host.count > end.count && host.suffix(end.count) == end[...]
        case (.below(let mine), .below(let theirs)):
            mine.suffix(theirs.count) == theirs[...] || theirs.suffix(mine.count) == mine[...]
        }
    }

    private static func kind(of text: String) throws(RouteFault) -> Kind {
        if text == "*" { return .any }
        if text.hasPrefix("[") {
            guard let address = HostKey.address(text.utf8.span), address.end == text.utf8.count else {
                throw RouteFault("has the host \(text), which is no IPv6 address", mend: "write it as [2001:db8::1]")
            }
            return .exact(address.key)
        }
        guard !text.contains(":") else {
            throw RouteFault("has the host \(text), which is more than a host", mend: "leave out scheme and port")
        }
        let isBelow = text.hasPrefix("*.")
        var name = Array(text.utf8.dropFirst(isBelow ? 2 : 0)).map(\.lowercase)
        if name.last == UInt8(ascii: ".") { name.removeLast() }
        guard name.allSatisfy({ $0 < 0x80 }) else {
            throw RouteFault("has the host \(text), which is not ASCII", mend: "write what clients send: xn--…")
        }
        guard !name.contains(UInt8(ascii: "*")) else {
            throw RouteFault(
                "has the host \(text), in which the * is not the first label",
                mend: "write *.example.com, or name the hosts one by one"
            )
        }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isHost = labels.allSatisfy { label in
            (1...63).contains(label.count)
                && label.allSatisfy { ByteSet.unreserved.contains($0) && $0 != UInt8(ascii: "~") }
        }
        guard isHost, name.count <= HostKey.longestName else {
            throw RouteFault("has the host \(text), which is no host name", mend: "write a name such as example.com")
        }
        return isBelow ? .below([UInt8(ascii: ".")] + name) : .exact(name)
    }
}

extension HostPattern: ExpressibleByStringInterpolation {
    public init(stringLiteral text: String) { self.init(text) }
}

extension HostPattern: CustomStringConvertible {
    public var description: String { text }
}

/// The host of an authority in the form that is looked up: lower case, without port and final dot, an IPv6 address in
/// one spelling.
enum HostKey {
    /// RFC 1035 section 2.3.4, as text.
    static let longestName = 253
    /// With a final dot and a port.
    private static let longestAuthority = longestName + 7

    /// Lends the host of a request in that form; `nil` when it names none that a pattern could match.
    static func withBytes<R>(of authority: Authority, _ body: (Span<UInt8>) -> R?) -> R? {
        // Nothing that is longer can match, and nobody may make us hash it.
        guard !authority.isEmpty, authority.byteCount <= longestAuthority else { return nil }
        return authority.withBytes { text in
            guard text[0] != UInt8(ascii: "[") else { return address(text).flatMap { body($0.key.span) } }
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: longestAuthority) { name in
                var length = 0
                while length < text.count, text[length] != UInt8(ascii: ":") {
                    name.initializeElement(at: length, to: text[length].lowercase)
                    length += 1
                }
                if length > 0, name[length - 1] == UInt8(ascii: ".") { length -= 1 }
                return length == 0 ? nil : body(name.span.extracting(0..<length))
            }
        }
    }

    /// An IPv6 address in brackets at the beginning of the text, in one spelling, and where it ends.
    static func address(_ text: Span<UInt8>) -> (key: [UInt8], end: Int)? {
        guard let end = text.indices.first(where: { text[$0] == UInt8(ascii: "]") }),
            let address = IPAddress(text.extracting(1..<end))
        else { return nil }
        return (Array("[\(address.description)]".utf8), end + 1)
    }
}

extension UInt8 {
    /// An ASCII letter in lower case; other bytes as they are.
    fileprivate var lowercase: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
}
