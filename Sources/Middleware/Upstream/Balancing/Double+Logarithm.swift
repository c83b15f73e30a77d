/// Logarithm and exponential of basic IEEE 754 operations alone: every machine gets the same bits, which the functions
/// of its mathematics library do not promise, and two gateways must not disagree about a key.
extension Double {
    private static var ln2: Double { 0.693_147_180_559_945_3 }

    /// The natural logarithm of a normal number above zero, with an error below 10⁻⁸.
    package var naturalLogarithm: Double {
        var whole = Double(Int(truncatingIfNeeded: bitPattern &>> 52) - 1023)
        var part = Double(bitPattern: bitPattern & 0xF_FFFF_FFFF_FFFF | 1023 &<< 52)
        // Around 1, where the series is short.
        if part > 1.414_213_562_373_095 {
            part /= 2
            whole += 1
        }
        let s = (part - 1) / (part + 1)
        let q = s * s
        let series = 2 + q * (2.0 / 3 + q * (2.0 / 5 + q * (2.0 / 7 + q * (2.0 / 9))))
        return whole * Self.ln2 + s * series
    }

    /// e to the power of this number, with a relative error below 10⁻⁶; 0 below −690, and for what is no number.
    package var exponential: Double {
        guard self > -690 else { return 0 }
        let x = Swift.min(self, 700)
        let doublings = Int(x / Self.ln2 + (x < 0 ? -0.5 : 0.5))
        let y = x - Double(doublings) * Self.ln2
        let series = 1 + y * (1 + y * (1 / 2.0 + y * (1 / 6.0 + y * (1 / 24.0 + y * (1 / 120.0 + y / 720)))))
        return series * Double(bitPattern: UInt64(1023 + doublings) &<< 52)
    }
}
