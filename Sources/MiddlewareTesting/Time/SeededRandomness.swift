public import Middleware
import Synchronization

/// Chance that repeats itself: the same seed gives the same numbers in the same order.
///
/// ```swift
/// let client = TestClient(gateway, randomness: SeededRandomness(seed: 7))
/// ```
///
/// SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014). Not for secrets. Safe to
/// use from any thread; threads that draw at the same time share one sequence, in an order that does not repeat.
public final class SeededRandomness: Randomness {
    private let state: Atomic<UInt64>

    /// Chance from a seed; 1 unless given.
    public init(seed: UInt64 = 1) { state = Atomic(seed) }

    public func next() -> UInt64 {
        var number = state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
        return number ^ (number >> 31)
    }
}
