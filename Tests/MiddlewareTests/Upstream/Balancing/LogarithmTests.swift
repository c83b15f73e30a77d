import Foundation
import Middleware
import Testing

@Suite("Logarithm and exponential")
struct LogarithmTests {
    @Test("the logarithm is right to eight places")
    func logarithm() {
        var random = SplitMix64(seed: 1)
        let samples =
            [1, 0.5, 2, 0x1p-53, 1 - 0x1p-53, 1.414_213_562_373_095, 1e300]
            + (0..<10_000).map { _ in random.fraction() + 0x1p-54 }
        for x in samples { #expect(abs(x.naturalLogarithm - log(x)) < 1e-8 * max(1, abs(log(x)))) }
        #expect(1.0.naturalLogarithm == 0)
    }

    @Test("the exponential is right to six places, and never traps")
    func exponential() {
        for step in -6899...6900 {
            let x = Double(step) / 10
            #expect(abs(x.exponential / exp(x) - 1) < 1e-6)
        }
        #expect(0.0.exponential == 1 && (-691.0).exponential == 0 && (-Double.infinity).exponential == 0)
        #expect(Double.nan.exponential == 0 && Double.infinity.exponential.isFinite)
    }
}
