extension Randomness {
    /// Whether this is one of a share of the cases, from 0 to 1. Draws nothing where chance has no say.
    func isAmong(share: Double) -> Bool {
        share >= 1 || share > 0 && Double(next() >> 11) * 0x1p-53 < share
    }
}
