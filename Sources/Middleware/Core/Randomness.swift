/// Where a runtime's chance comes from. `SeededRandomness` of MiddlewareTesting repeats itself.
public protocol Randomness: Sendable {
    /// 64 bits, each as likely as the other.
    func next() -> UInt64
}

extension Randomness {
    /// A number of `0..<bound`, each as likely as the other; 0 when `bound` is 0.
    ///
    /// Lemire, "Fast Random Integer Generation in an Interval", 2019.
    public func next(below bound: UInt64) -> UInt64 {
        guard bound > 0 else { return 0 }
        var (high, low) = next().multipliedFullWidth(by: bound)
        if low < bound {
            let threshold = (0 &- bound) % bound
            while low < threshold { (high, low) = next().multipliedFullWidth(by: bound) }
        }
        return high
    }
}

/// The system's generator.
public struct SystemRandomness: Randomness {
    public init() {}

    public func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
