/// An entity tag, RFC 9110 section 8.8.3: `"a1b2"`, or `W/"a1b2"` for one that stands for content of equal meaning and
/// not for equal bytes.
///
/// ```swift
/// EntityTag("W/\"1\"")?.matchesWeakly(EntityTag(opaque: "1"))      // true
/// ```
package struct EntityTag: Sendable, Hashable {
    /// Whether it says nothing about single bytes.
    package let isWeak: Bool
    /// With its quotes.
    private let quoted: [UInt8]

    /// A tag of the library's own. `opaque` holds neither quotes nor spaces nor controls.
    package init(opaque: String, isWeak: Bool = false) {
        self.isWeak = isWeak
        quoted = [Self.quote] + opaque.utf8.filter { Self.mayStandInTag($0) } + [Self.quote]
    }

    /// Reads one tag and nothing else; `nil` for anything that is none.
    package init?(_ text: some StringProtocol) { self.init(bytes: String(text).utf8.span) }

    package init?(bytes: Span<UInt8>) {
        isWeak = bytes.count > 2 && bytes[0] == UInt8(ascii: "W") && bytes[1] == UInt8(ascii: "/")
        let own = isWeak ? bytes.extracting(2..<bytes.count) : bytes
        guard own.count >= 2, own[0] == Self.quote, own[own.count - 1] == Self.quote else { return nil }
        for index in 1..<(own.count - 1) where !Self.mayStandInTag(own[index]) { return nil }
        quoted = own.withUnsafeBufferPointer { Array($0) }
    }

    /// Whether both stand for the same bytes (RFC 9110 section 8.8.3.2, strong comparison).
    package func matchesStrongly(_ other: EntityTag) -> Bool { !isWeak && !other.isWeak && quoted == other.quoted }

    /// Whether both stand for content of equal meaning (RFC 9110 section 8.8.3.2, weak comparison).
    package func matchesWeakly(_ other: EntityTag) -> Bool { quoted == other.quoted }

    private static var quote: UInt8 { UInt8(ascii: "\"") }

    /// `etagc`: what is visible, without the quote, and `obs-text`. No byte escapes another.
    private static func mayStandInTag(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x7F && byte != quote }
}

extension EntityTag: CustomStringConvertible {
    package var description: String { (isWeak ? "W/" : "") + String(decoding: quoted.span) }
}

/// What `If-Match` or `If-None-Match` names, in all its field lines together.
package struct EntityTagList: Sendable, Hashable {
    /// Whether it is `*`: any representation that there is.
    package private(set) var isAny = false
    /// The tags. A member that is none is left out, which matches nothing.
    package private(set) var tags: [EntityTag] = []

    package init(_ lines: [String]) {
        if lines.count == 1, lines[0] == "*" {
            isAny = true
            return
        }
        for line in lines { read(line.utf8.span) }
    }

    /// A list of its own kind: the quotes of a tag know no escapes, so that a backslash in front of the closing one is
    /// a part of the tag.
    private mutating func read(_ line: Span<UInt8>) {
        var start = 0
        while start < line.count {
            var end = start
            var isQuoted = false
            while end < line.count, isQuoted || line[end] != UInt8(ascii: ",") {
                if line[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
                end += 1
            }
            let member = FieldGrammar.trimmed(start..<end, in: line)
            if let tag = EntityTag(bytes: line.extracting(member)) { tags.append(tag) }
            start = end + 1
        }
    }
}
