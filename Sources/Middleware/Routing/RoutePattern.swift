import NIOCore

/// Which paths a ``Route`` takes.
///
/// ```swift
/// Route("/v2/users/{id}") { … }               // one segment, by name
/// Route("/v2/users/**") { … }                 // the path before it, and whatever follows
/// Route("\(prefix)/healthz") { … }
/// ```
///
/// A pattern is a list of segments, compared with those of the normalised path (``RequestTarget``):
/// - a literal equals its segment byte for byte, in the normal form: `/café` and `/caf%C3%A9` are one pattern, letters
///   keep their case, and `%2F` is part of a segment and separates none;
/// - `{name}` takes one segment that is not empty;
/// - `**`, at the end only, takes any number of segments, none among them: `/users/**` takes `/users`, `/users/` and
///   `/users/7/posts`.
///
/// A slash at the end is an empty segment: `/users/` and `/users` are two patterns.
///
/// A pattern that does not begin with `/` goes on where the pattern of the route around it ends, its `**` left out. It
/// can stand only in a route's braces.
///
/// Text that is no pattern does not trap: ``problem`` says what is wrong, and a composition that uses it is refused.
public struct RoutePattern: Sendable, Hashable {
    /// What one segment of a path is compared with.
    package enum Segment: Sendable, Hashable {
        /// These bytes, in the normal form.
        case literal([UInt8])
        /// Anything but nothing, known by that name.
        case parameter(String)
        /// All that is left.
        case rest
    }

    /// More segments than this are taken for a mistake; it also bounds how deep matching goes.
    static let mostSegments = 100

    /// The text it was made of.
    public let text: String
    package let segments: [Segment]
    package let fault: RouteFault?

    /// A pattern; see ``problem``.
    public init(_ text: String) {
        self.text = text
        do {
            segments = try Self.segments(of: text)
            fault = nil
        } catch {
            segments = []
            fault = error
        }
    }

    /// What is wrong with the text; `nil` for a usable pattern.
    public var problem: String? { fault?.problem }

    /// Whether it goes on where another pattern ends.
    package var isRelative: Bool { !text.hasPrefix("/") }

    private init(text: String, segments: [Segment], fault: RouteFault?) {
        self.text = text
        self.segments = segments
        self.fault = fault
    }

    /// The same from the root, for a pattern that stands inside another.
    package func joined(to outer: RoutePattern?) -> RoutePattern {
        guard fault == nil else { return self }
        guard let outer else {
            guard isRelative else { return self }
            let fault = RouteFault(
                "has the relative pattern \"\(text)\" outside of any route",
                mend: "begin it with a slash, or make the route in the braces of another"
            )
            return RoutePattern(text: text, segments: [], fault: fault)
        }
        // The router outside tells of that one.
        guard outer.fault == nil else { return RoutePattern(text: text, segments: segments, fault: nil) }
        guard isRelative else { return outer.overlaps(self) ? self : outside(outer, as: text) }
        var prefix = outer.segments
        var joined = outer.text
        if prefix.last == .rest {
            prefix.removeLast()
            joined.removeLast("/**".count)
        }
        joined += text.isEmpty ? (joined.isEmpty ? "/" : "") : "/" + text
        var whole = prefix + segments
        // The root itself, a slash with nothing behind it.
        if whole.isEmpty { whole = [.literal([])] }
        guard whole.count <= Self.mostSegments else {
            return RoutePattern(text: joined, segments: [], fault: Self.tooLong(joined, whole.count))
        }
        // A name of the outer pattern that comes again inside is allowed: the inner one wins.
        let pattern = RoutePattern(text: joined, segments: whole, fault: nil)
        return outer.overlaps(pattern) ? pattern : outside(outer, as: joined)
    }

    private static func tooLong(_ text: String, _ count: Int) -> RouteFault {
        RouteFault(
            "has a pattern of \(count) segments, \(text.prefix(40))…",
            mend: "use at most \(mostSegments)"
        )
    }

    private func outside(_ outer: RoutePattern, as whole: String) -> RoutePattern {
        let fault = RouteFault(
            "has the pattern \(whole), which matches nothing that the route \(outer.text) around it takes",
            mend: outer.segments.last == .rest
                ? "begin it as \(outer.text) begins, or leave out the slash in front to go on from there"
                : "end the pattern of the route around it with /**"
        )
        return RoutePattern(text: whole, segments: [], fault: fault)
    }

    /// Whether there is a path that both match.
    func overlaps(_ other: RoutePattern) -> Bool {
        for index in 0...max(segments.count, other.segments.count) {
            let mine = index < segments.count ? segments[index] : nil
            let theirs = index < other.segments.count ? other.segments[index] : nil
            switch (mine, theirs) {
            case (.rest, _), (_, .rest): return true
            case (nil, nil): return true
            case (nil, _), (_, nil): return false
            case (.literal(let mine), .literal(let theirs)):
                guard mine == theirs else { return false }
            case (.literal(let bytes), .parameter), (.parameter, .literal(let bytes)):
                guard !bytes.isEmpty else { return false }
            case (.parameter, .parameter): break
            }
        }
        return true
    }
}

extension RoutePattern: ExpressibleByStringInterpolation {
    public init(stringLiteral text: String) { self.init(text) }
}

extension RoutePattern: CustomStringConvertible {
    public var description: String { text }
}

// MARK: - Reading

extension RoutePattern {
    private static func segments(of text: String) throws(RouteFault) -> [Segment] {
        guard !text.isEmpty else { return [] }
        let path = text.hasPrefix("/") ? text.dropFirst() : text[...]
        let pieces = path.split(separator: "/", omittingEmptySubsequences: false)
        guard pieces.count <= mostSegments else { throw tooLong(text, pieces.count) }
        var segments: [Segment] = []
        var names: Set<String> = []
        for (index, piece) in pieces.enumerated() {
            let segment = try segment(piece, in: text, isLast: index == pieces.count - 1)
            if case .parameter(let name) = segment, !names.insert(name).inserted {
                throw RouteFault("has the pattern \(text), which names two parameters \(name)", mend: "rename one")
            }
            segments.append(segment)
        }
        return segments
    }

    private static func segment(
        _ piece: Substring, in text: String, isLast: Bool
    ) throws(RouteFault) -> Segment {
        if piece == "**" {
            guard isLast else {
                throw RouteFault(
                    "has the pattern \(text), in which ** stands before the end",
                    mend: "end the pattern with it; {name} takes one segment"
                )
            }
            return .rest
        }
        if piece.utf8.contains(UInt8(ascii: "*")) {
            throw RouteFault(
                "has the pattern \(text), in which \(piece) is no wildcard",
                mend: "use {name} for one segment, or ** at the end for all that follow"
            )
        }
        if piece.contains("{") || piece.contains("}") { return .parameter(try name(piece, in: text)) }
        if let byte = piece.first(where: { $0 == "?" || $0 == "#" }) {
            throw RouteFault(
                "has the pattern \(text), and no path holds \(byte)",
                mend: "match a query with a predicate: where: .query(\"name\", \"value\")"
            )
        }
        return .literal(try literal(piece, in: text))
    }

    private static func name(_ piece: Substring, in text: String) throws(RouteFault) -> String {
        let name = piece.dropFirst().dropLast()
        guard piece.hasPrefix("{"), piece.hasSuffix("}"), !name.contains(where: { "{}".contains($0) }) else {
            throw RouteFault(
                "has the pattern \(text), in which the parameter of \(piece) is not a whole segment",
                mend: "write {name} between two slashes, and take the value apart where it is read"
            )
        }
        let isName = name.utf8.allSatisfy { ByteSet.unreserved.contains($0) && $0 != UInt8(ascii: ".") }
        guard !name.isEmpty, isName else {
            throw RouteFault(
                "has the pattern \(text), in which \(piece) has no name that can be asked for",
                mend: "name it by letters, digits, - and _"
            )
        }
        return String(name)
    }

    /// The bytes that the segment has in the path of a request; refused when no request can have it.
    private static func literal(_ piece: Substring, in text: String) throws(RouteFault) -> [UInt8] {
        let decoded = PercentEncoding.decoded(piece)
        guard decoded != ".", decoded != ".." else {
            throw RouteFault(
                "has the pattern \(text), and no path that arrives holds the segment \(piece)",
                mend: "write the path as it is once dot segments are resolved"
            )
        }
        // A space is written as it is read; on the wire it is always encoded.
        let encoded = "/" + piece.split(separator: " ", omittingEmptySubsequences: false).joined(separator: "%20")
        do {
            let target = try RequestTarget(normalising: ByteBuffer(string: encoded))
            return target.withPath { path in
                var bytes: [UInt8] = []
                for index in 1..<max(path.count, 1) { bytes.append(path[index]) }
                return bytes
            }
        } catch {
            throw RouteFault(
                "has the pattern \(text), which no request matches: \(error.description)",
                mend: "write the path as requests carry it"
            )
        }
    }
}
