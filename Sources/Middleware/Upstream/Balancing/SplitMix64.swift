/// Fast chance for choices that nobody gains by guessing: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014. Not for secrets.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The sequence of a seed.
    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// A number of `0..<bound`, as good as evenly: the error is below `bound` / 2⁶⁴. 0 when `bound` is 0.
    @inline(__always)
    public mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(truncatingIfNeeded: bound)).high)
    }

    /// A number from 0 to below 1.
    @inline(__always)
    public mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Spreads the bits of a number over all 64.
    @inline(__always)
    package static func mix(_ number: UInt64) -> UInt64 {
        var mixed = number
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
