public import NIOCore

/// A range of addresses, as CIDR writes it (RFC 4632 section 3.1, RFC 4291 section 2.3).
///
/// ```swift
/// ClientAddress(trusting: ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"])
/// try Network(parsing: line).contains(address)
/// ```
///
/// An address without a prefix is the range of that address alone. IPv4-mapped addresses and ranges
/// (`::ffff:10.0.0.0/104`) are IPv4; an IPv6 range holds no IPv4 address, so `::/0` is every IPv6 address and
/// `0.0.0.0/0` every IPv4 address.
///
/// Text that is no range does not trap: ``problem`` says what is wrong, the range holds nothing, and a composition that
/// uses it is refused. Text that comes from outside goes through ``init(parsing:)``, which throws.
public struct Network: Hashable, Sendable {
    /// The text it was made of.
    public let text: String
    /// What is wrong with the text; `nil` for a usable range.
    public let problem: String?
    private let range: PrefixRange

    /// A range from a literal; see ``problem``.
    public init(_ text: String) {
        self.text = text
        do {
            range = try PrefixRange(text)
            problem = nil
        } catch {
            range = .empty
            problem = "is no network (\(error.reason))"
        }
    }

    /// A range from text that comes from outside.
    ///
    /// Throws ``NetworkError`` for text that is none.
    public init(parsing text: String) throws(NetworkError) {
        self.text = text
        range = try PrefixRange(text)
        problem = nil
    }

    /// Whether the address is in the range, whatever its port. A Unix-domain socket is in none.
    public func contains(_ address: SocketAddress) -> Bool {
        guard let address = IPAddress(address) else { return false }
        return contains(address)
    }

    package func contains(_ address: IPAddress) -> Bool { range.contains(address) }

    /// The first address of the range, and how many bits of an address of its family all have in common; `nil` for text
    /// that is no range.
    package var prefix: (address: IPAddress, length: Int)? {
        problem == nil ? (range.prefix, range.prefix.isIPv4 ? range.length - 96 : range.length) : nil
    }

    /// The same addresses, however spelled.
    public static func == (left: Network, right: Network) -> Bool {
        left.range == right.range && left.problem == right.problem
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(range)
        hasher.combine(problem)
    }
}

extension Network: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self.init(text) }
}

extension Network: CustomStringConvertible {
    public var description: String { text }
}

/// Text that is no network.
public struct NetworkError: Error, CustomStringConvertible {
    /// What is wrong with it.
    public var reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { reason }
}

/// A prefix and its mask over the 128 bits of an ``IPAddress``.
private struct PrefixRange: Hashable {
    /// Holds no address, because no masked address has bits.
    static var empty: PrefixRange { PrefixRange(prefix: IPAddress(high: 1, low: 0), mask: (0, 0)) }

    let prefix: IPAddress
    private let maskHigh: UInt64
    private let maskLow: UInt64

    private init(prefix: IPAddress, mask: (UInt64, UInt64)) {
        self.prefix = prefix
        (maskHigh, maskLow) = mask
    }

    init(_ text: String) throws(NetworkError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else {
            throw NetworkError(reason: "\(parts.first ?? "") is no IPv4 or IPv6 address")
        }
        // An IPv4 address that is written as IPv6 has its prefix counted from the start of the IPv6 address.
        let offset = address.isIPv4 && !text.contains(":") ? 96 : 0
        var length = 128
        if parts.count > 1 {
            guard let given = Self.length(parts[1]), given + offset <= 128 else {
                throw NetworkError(reason: "the prefix is not a number from 0 to \(128 - offset)")
            }
            length = given + offset
        }
        guard !address.isIPv4 || length >= 96 else {
            throw NetworkError(reason: "the range mixes IPv4 and IPv6: name them apart")
        }
        let mask = Self.mask(length)
        let prefix = IPAddress(high: address.high & mask.high, low: address.low & mask.low)
        guard prefix == address else {
            let meant = "\(prefix)/\(prefix.isIPv4 ? length - 96 : length)"
            throw NetworkError(reason: "there are bits behind the prefix, as if \(meant) were meant")
        }
        self.init(prefix: prefix, mask: mask)
    }

    /// The bits of the mask, of all 128.
    var length: Int { maskHigh.nonzeroBitCount + maskLow.nonzeroBitCount }

    func contains(_ address: IPAddress) -> Bool {
        guard address.high & maskHigh == prefix.high, address.low & maskLow == prefix.low else { return false }
        // A range that is shorter than the IPv4-mapped prefix, such as `::/0`, covers those bits all the same.
        return !address.isIPv4 || prefix.isIPv4
    }

    /// One to three digits without a zero in front.
    private static func length(_ text: Substring) -> Int? {
        guard text.utf8.count <= 3, text == "0" || !text.hasPrefix("0") else { return nil }
        return FieldGrammar.decimal(String(text).utf8.span)
    }

    private static func mask(_ length: Int) -> (high: UInt64, low: UInt64) {
        // A shift by 64 or more yields zero.
        (UInt64.max << UInt64(max(0, 64 - length)), UInt64.max << UInt64(min(64, 128 - length)))
    }
}
