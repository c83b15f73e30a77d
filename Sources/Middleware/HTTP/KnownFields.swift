/// A set of known fields as one word: which of them a message has, and which are left out of it.
package struct KnownFields: Sendable, Hashable {
    private var bits: UInt64 = 0

    /// No field.
    package init() {}

    package init(_ fields: KnownField...) {
        for field in fields { insert(field) }
    }

    /// The known fields among `headers`; ``KnownField/other`` stands for all that are not known.
    package init(of headers: Headers) { self = headers.known }

    /// The known fields among entries.
    init(of entries: some Sequence<Headers.Entry>) {
        for entry in entries { insert(entry.known) }
    }

    @inline(__always)
    package func contains(_ field: KnownField) -> Bool { bits & Self.bit(field) != 0 }

    @inline(__always)
    package mutating func insert(_ field: KnownField) { bits |= Self.bit(field) }

    @inline(__always)
    package mutating func remove(_ field: KnownField) { bits &= ~Self.bit(field) }

    @inline(__always)
    package mutating func formUnion(_ other: KnownFields) { bits |= other.bits }

    @inline(__always)
    package func isDisjoint(with other: KnownFields) -> Bool { bits & other.bits == 0 }

    @inline(__always)
    private static func bit(_ field: KnownField) -> UInt64 { 1 &<< UInt64(field.rawValue) }
}
