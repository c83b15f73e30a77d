import Middleware
import Testing

@Suite("ResponseTime")
struct ResponseTimeTests {
    private static let second: Int64 = 1_000_000_000
    /// e⁻¹, for a time of 10 seconds.
    private static let faded = 0.367_879_441

    @Test("nothing is known before the first answer, and all of it after that")
    func first() {
        let time = ResponseTime()
        #expect(time.value(at: 0) == 0 && time.value(at: .max) == 0)
        time.observe(5_000_000, at: Self.second)
        #expect(time.value(at: Self.second) == 5_000_000)
    }

    @Test("a slower answer counts at once")
    func peak() {
        let time = ResponseTime()
        time.observe(1_000_000, at: 0)
        time.observe(80_000_000, at: 1)
        #expect(time.value(at: 1) == 80_000_000)
    }

    @Test("a faster answer counts for the time since the one before")
    func decay() {
        let time = ResponseTime()
        time.observe(100_000_000, at: 0)
        time.observe(0, at: 0)
        #expect(time.value(at: 0) == 100_000_000)
        time.observe(10_000_000, at: 10 * Self.second)
        let expected = 100e6 * Self.faded + 10e6 * (1 - Self.faded)
        #expect(abs(time.value(at: 10 * Self.second) - expected) < 1000)
    }

    @Test("a steady stream of answers leads to their time, however dense", arguments: [1, 10, 1000])
    func steady(perSecond: Int64) {
        let time = ResponseTime()
        time.observe(Self.second, at: 0)
        for index in 1...(60 * perSecond) { time.observe(20_000_000, at: index * Self.second / perSecond) }
        // e⁻⁶ of the first second is left.
        #expect((20e6...24e6).contains(time.value(at: 60 * Self.second)))
    }

    @Test(
        "what is not measured any more fades exponentially",
        arguments: [
            (0, 1.0), (1, 0.904_837), (10, 0.367_879), (60, 0.002_478_75), (100, 4.539_99e-5), (500, 1.928_75e-22),
        ]
    )
    func fading(seconds: Int64, part: Double) {
        let time = ResponseTime()
        time.observe(Self.second, at: 7)
        let value = time.value(at: 7 + seconds * Self.second) / 1e9
        #expect(abs(value / part - 1) < 1e-5)
    }

    @Test("fading has no steps up")
    func monotonous() {
        let time = ResponseTime()
        time.observe(Self.second, at: 0)
        var before = Double.infinity
        for step in 0..<20_000 as Range<Int64> {
            let value = time.value(at: step * 7_654_321)
            #expect(value <= before)
            before = value
        }
    }

    @Test("what lies far back is forgotten altogether, and clocks that differ do no harm")
    func extremes() {
        let time = ResponseTime()
        time.observe(.max, at: .min + 1)
        #expect(time.value(at: .max) >= 0)
        time.observe(Self.second, at: 0)
        #expect(time.value(at: 10_000 * Self.second) == 0)
        #expect(time.value(at: -5) == 1e9)
        time.observe(.min, at: -5)
        #expect(time.value(at: 0) == 1e9)
    }
}
