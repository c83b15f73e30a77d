import Middleware
import MiddlewareTesting
import Testing

@Suite("SeededRandomness")
struct SeededRandomnessTests {
    @Test("the numbers are those of SplitMix64")
    func reference() {
        let chance = SeededRandomness(seed: 1_234_567)
        #expect(
            (0..<3).map { _ in chance.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }

    @Test("the same seed repeats itself, another does not")
    func repeats() {
        let (one, same, other) = (SeededRandomness(seed: 7), SeededRandomness(seed: 7), SeededRandomness(seed: 8))
        let numbers = (0..<100).map { _ in one.next() }
        #expect(numbers == (0..<100).map { _ in same.next() })
        #expect(numbers != (0..<100).map { _ in other.next() })
    }

    @Test("numbers below a bound are below it, and reach every value")
    func bounded() {
        let chance = SeededRandomness()
        let drawn = Set((0..<1000).map { _ in chance.next(below: 6) })
        #expect(drawn == Set(0..<6))
    }
}
