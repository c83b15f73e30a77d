/// A weight, RFC 9110 section 12.4.2: 0 to 1 in steps of a thousandth. Zero means "not acceptable".
public struct QualityValue: Sendable, Hashable {
    /// The weight in thousandths, 0 to 1000.
    public let thousandths: Int

    /// What a member weighs that names no weight: 1.
    public static var full: QualityValue { QualityValue(thousandths: 1000) }

    /// Whether it is more than zero.
    public var isAcceptable: Bool { thousandths > 0 }

    /// Reads what stands behind `q=`. `nil` for anything but 0 to 1 with at most three digits behind the point.
    public init?(_ text: some StringProtocol) {
        self.init(bytes: String(text).utf8.span)
    }

    package init?(bytes: Span<UInt8>) {
        guard !bytes.isEmpty, bytes.count <= 5 else { return nil }
        guard bytes[0] == UInt8(ascii: "0") || bytes[0] == UInt8(ascii: "1") else { return nil }
        guard bytes.count == 1 || bytes[1] == UInt8(ascii: ".") else { return nil }
        var value = Int(bytes[0] - UInt8(ascii: "0"))
        for index in 2..<5 {
            var digit: UInt8 = 0
            if index < bytes.count {
                digit = bytes[index] &- UInt8(ascii: "0")
                guard digit < 10 else { return nil }
            }
            value = value * 10 + Int(digit)
        }
        guard value <= 1000 else { return nil }
        thousandths = value
    }

    private init(thousandths: Int) { self.thousandths = thousandths }
}

extension QualityValue: Comparable {
    public static func < (left: QualityValue, right: QualityValue) -> Bool { left.thousandths < right.thousandths }
}
