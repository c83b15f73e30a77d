/// A domain name as it lies in messages: labels with their lengths, lower case (RFC 1035 section 2.3.3, RFC 4343), the
/// root at the end.
package struct DNSName: Hashable, Sendable {
    /// The most bytes of a name, lengths and root included (RFC 1035 section 2.3.4).
    package static var capacity: Int { 255 }

    package static let root = DNSName(labels: [])

    /// Without compression.
    package let bytes: [UInt8]

    /// From labels of 1 to 63 bytes that fit into ``capacity`` together, each behind its length; without the root.
    init(labels: [UInt8]) {
        // Lengths are below the letters, so that no length changes its case.
        bytes = labels.map(Self.lowercased) + [0]
    }

    /// From text: labels of letters, digits, hyphens and underscores with dots between them, perhaps one behind the
    /// last. `nil` for anything else: names of other scripts are written as IDNA encodes them (RFC 5891).
    package init?(_ text: some StringProtocol) {
        var labels: [UInt8] = []
        for label in (text.hasSuffix(".") ? text.dropLast() : text[...]).split(
            separator: ".", omittingEmptySubsequences: false)
        {
            guard (1...63).contains(label.utf8.count), label.utf8.allSatisfy(Self.isPlain) else { return nil }
            labels.append(UInt8(label.utf8.count))
            labels += label.utf8
        }
        guard labels.count < Self.capacity else { return nil }
        self.init(labels: labels)
    }

    /// Whether it names the root, which as the target of a service means that there is none (RFC 2782).
    package var isRoot: Bool { bytes.count == 1 }

    /// The name below another; `nil` when that is too long.
    package func appending(_ suffix: DNSName) -> DNSName? {
        guard bytes.count + suffix.bytes.count - 1 <= Self.capacity else { return nil }
        return DNSName(labels: Array(bytes.dropLast() + suffix.bytes.dropLast()))
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch lowercased(byte) {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

extension DNSName: CustomStringConvertible {
    /// Labels and dots; other bytes than those of host names as `\DDD` (RFC 1035 section 5.1).
    package var description: String {
        guard !isRoot else { return "." }
        var text = ""
        var index = 0
        while bytes[index] > 0 {
            let end = index + 1 + Int(bytes[index])
            if index > 0 { text += "." }
            for byte in bytes[(index + 1)..<end] {
                if Self.isPlain(byte) {
                    text.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    text += "\\" + String(repeating: "0", count: byte < 10 ? 2 : byte < 100 ? 1 : 0) + "\(byte)"
                }
            }
            index = end
        }
        return text
    }
}
