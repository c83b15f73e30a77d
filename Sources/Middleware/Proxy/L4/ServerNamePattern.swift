/// Which server names an ``SNIRoute`` takes: a name, any name below one, or whatever nobody else takes.
enum ServerNamePattern: Hashable, Sendable {
    case exact(String)
    /// The name behind `*.`.
    case below(String)
    case any

    /// `nil` for text that is no pattern.
    init?(_ text: String) {
        if text == "*" {
            self = .any
            return
        }
        let isBelow = text.hasPrefix("*.")
        guard let host = Self.host(text.dropFirst(isBelow ? 2 : 0).description.utf8.span) else { return nil }
        self = isBelow ? .below(host) : .exact(host)
    }

    /// The name in lower case; `nil` for what is no name of a host.
    ///
    /// Letters, digits, hyphens and underscores in labels of 63 bytes, at most 253 bytes in all (RFC 1035 section
    /// 2.3.4); no dot at the end and no literal address (RFC 6066 section 3).
    static func host(_ bytes: Span<UInt8>) -> String? {
        guard (1...253).contains(bytes.count) else { return nil }
        var name: [UInt8] = []
        name.reserveCapacity(bytes.count)
        var label = 0
        var isNumber = true
        for index in bytes.indices {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "."):
                guard label > 0 else { return nil }
                (label, isNumber) = (-1, true)
                name.append(byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                name.append(byte)
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                isNumber = false
                name.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                isNumber = false
                name.append(byte | 0x20)
            default: return nil
            }
            label += 1
            guard label <= 63 else { return nil }
        }
        // A last label of digits makes it an address to those who read 127.1 as one.
        guard label > 0, !isNumber else { return nil }
        return String(decoding: name, as: UTF8.self)
    }
}
