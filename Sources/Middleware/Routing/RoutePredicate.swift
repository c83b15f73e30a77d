public import HTTPTypes
package import NIOCore

/// What a ``Route`` asks of a request besides host, method and path.
///
/// ```swift
/// Route("/v2/**", where: .header(.init("x-beta")!) && !.client(in: ["192.0.2.0/24"])) { … }
/// Route("/search", where: .query("version", "2") || .cookie("version", "2")) { … }
/// ```
///
/// A predicate that asks for a value wants it to be the only one: a field, a query item or a cookie that comes twice
/// has no value, since the origin may read the other one. Names of fields are compared without regard to case; other
/// names, and all values, exactly. Names and values of a query are compared decoded, with `+` as it stands, those of
/// cookies as they stand.
///
/// It reads the head and nothing else. What takes computing or waiting is a middleware inside the route.
public struct RoutePredicate: Sendable {
    /// Where a name is looked up.
    package enum Subject: Sendable, Hashable {
        /// The name in lower case.
        case header(String)
        case query(String)
        case cookie(String)
    }

    package indirect enum Term: Sendable {
        case always
        case present(Subject)
        case equal(Subject, String)
        case client([Network])
        case both(Term, Term)
        case either(Term, Term)
        case not(Term)
    }

    package let term: Term

    private init(_ term: Term) { self.term = term }

    /// Holds for every request.
    public static var always: RoutePredicate { RoutePredicate(.always) }

    /// There is a field of that name, whatever it says.
    public static func header(_ name: HTTPField.Name) -> RoutePredicate {
        RoutePredicate(.present(.header(name.canonicalName)))
    }

    /// There is one field of that name, and this is its value.
    public static func header(_ name: HTTPField.Name, _ value: String) -> RoutePredicate {
        RoutePredicate(.equal(.header(name.canonicalName), value))
    }

    /// The query has an item of that name, with or without a value.
    public static func query(_ name: String) -> RoutePredicate { RoutePredicate(.present(.query(name))) }

    /// The query has one item of that name, and this is its value; an item without `=` has an empty one.
    public static func query(_ name: String, _ value: String) -> RoutePredicate {
        RoutePredicate(.equal(.query(name), value))
    }

    /// There is a cookie of that name.
    public static func cookie(_ name: String) -> RoutePredicate { RoutePredicate(.present(.cookie(name))) }

    /// There is one cookie of that name, and this is its value.
    public static func cookie(_ name: String, _ value: String) -> RoutePredicate {
        RoutePredicate(.equal(.cookie(name), value))
    }

    /// The client's address is in one of these networks: the address that ``ClientAddressKey`` holds, else the other
    /// end of the connection. Never holds on a Unix-domain socket.
    public static func client(in networks: [Network]) -> RoutePredicate { RoutePredicate(.client(networks)) }

    /// Both hold.
    public static func && (left: RoutePredicate, right: RoutePredicate) -> RoutePredicate {
        RoutePredicate(.both(left.term, right.term))
    }

    /// One of them holds, or both do.
    public static func || (left: RoutePredicate, right: RoutePredicate) -> RoutePredicate {
        RoutePredicate(.either(left.term, right.term))
    }

    /// It does not hold.
    public static prefix func ! (predicate: RoutePredicate) -> RoutePredicate {
        RoutePredicate(.not(predicate.term))
    }
}

extension RoutePredicate: CustomStringConvertible {
    public var description: String { term.description }
}

// MARK: - Asking

extension RoutePredicate.Term {
    /// Whether it holds for a request with that query, those fields and that client.
    package func holds(target: RequestTarget, headers: Headers, client: SocketAddress?) -> Bool {
        switch self {
        case .always: true
        case .present(let subject): subject.count(target, headers, equal: nil).all > 0
        case .equal(let subject, let value): subject.count(target, headers, equal: value) == (all: 1, equal: 1)
        case .client(let networks): client.map { client in networks.contains { $0.contains(client) } } ?? false
        case .both(let left, let right):
            left.holds(target: target, headers: headers, client: client)
                && right.holds(target: target, headers: headers, client: client)
        case .either(let left, let right):
            left.holds(target: target, headers: headers, client: client)
                || right.holds(target: target, headers: headers, client: client)
        case .not(let term): !term.holds(target: target, headers: headers, client: client)
        }
    }

    /// Whether it looks at the client's address.
    package var asksForClient: Bool {
        switch self {
        case .always, .present, .equal: false
        case .client: true
        case .both(let left, let right), .either(let left, let right): left.asksForClient || right.asksForClient
        case .not(let term): term.asksForClient
        }
    }
}

extension RoutePredicate.Subject {
    /// How often the name comes, and how often with that value.
    fileprivate func count(
        _ target: RequestTarget, _ headers: Headers, equal value: String?
    ) -> (all: Int, equal: Int) {
        var count = (all: 0, equal: 0)
        switch self {
        case .header(let name):
            for entry in headers.entries where headers.matches(entry, lowercase: name) {
                count.all += 1
                if let value, headers.withValue(of: entry, { $0.equals(value) }) { count.equal += 1 }
            }
        case .query(let name):
            target.withQuery { query in
                var reader = PairReader(separator: UInt8(ascii: "&"))
                while let pair = reader.next(in: query) {
                    guard query.extracting(pair.name).decodes(to: name) else { continue }
                    count.all += 1
                    if let value, query.extracting(pair.value).decodes(to: value) { count.equal += 1 }
                }
            }
        case .cookie(let name):
            for entry in headers.entries where headers.matches(entry, lowercase: "cookie") {
                headers.withValue(of: entry) { field in
                    // RFC 6265 section 4.2.1; other white space around a pair is let pass.
                    var reader = PairReader(separator: UInt8(ascii: ";"))
                    while let pair = reader.next(in: field) {
                        guard field.extracting(pair.name).equals(name) else { continue }
                        count.all += 1
                        if let value, field.extracting(pair.value).equals(value) { count.equal += 1 }
                    }
                }
            }
        }
        return count
    }
}

/// Walks over `name=value` pairs, and over those that are a name alone.
private struct PairReader {
    private let separator: UInt8
    private var position = 0

    init(separator: UInt8) { self.separator = separator }

    /// Where the halves of the next pair lie that is not empty, without white space around it; the value is empty when
    /// there is no `=`.
    mutating func next(in bytes: Span<UInt8>) -> (name: Range<Int>, value: Range<Int>)? {
        while position < bytes.count {
            let start = position
            while position < bytes.count, bytes[position] != separator { position += 1 }
            let pair = FieldGrammar.trimmed(start..<position, in: bytes)
            position += 1
            guard !pair.isEmpty else { continue }
            var equals = pair.lowerBound
            while equals < pair.upperBound, bytes[equals] != UInt8(ascii: "=") { equals += 1 }
            return (pair.lowerBound..<equals, min(equals + 1, pair.upperBound)..<pair.upperBound)
        }
        return nil
    }
}

extension Span<UInt8> {
    fileprivate func equals(_ text: String) -> Bool {
        let text = text.utf8.span
        guard text.count == count else { return false }
        for index in indices where self[index] != text[index] { return false }
        return true
    }

    /// Whether these bytes are an encoding of the text.
    fileprivate func decodes(to text: String) -> Bool {
        let text = text.utf8.span
        var index = 0
        var reached = 0
        while index < count {
            let escaped = PercentEncoding.escape(in: self, at: index)
            guard reached < text.count, text[reached] == escaped ?? self[index] else { return false }
            index += escaped == nil ? 1 : 3
            reached += 1
        }
        return reached == text.count
    }
}

extension Headers {
    fileprivate func matches(_ entry: Entry, lowercase name: String) -> Bool {
        Int(entry.nameLength) == name.utf8.count
            && withName(of: entry) { equalIgnoringCase($0, lowercase: name.utf8.span) }
    }
}
