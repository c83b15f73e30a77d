import Middleware
import NIOCore
import Testing

@Suite("HTTP date")
struct HTTPDateTests {
    /// 2026-06-15T12:00:00Z
    private static let now = HTTPDate(secondsSince1970: 1_781_524_800)

    @Test(
        "reads the three forms",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Sun Nov 06 08:49:37 1994", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
            ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
            ("Wednesday, 01-Jan-70 00:00:00 GMT", 3_155_760_000),
            ("Monday, 15-Jun-76 12:00:00 GMT", 3_359_448_000),
            ("Tuesday, 15-Jun-76 12:00:01 GMT", 203_688_001),
            ("Thursday, 01-Jan-26 00:00:00 GMT", 1_767_225_600),
            ("Saturday, 06-Nov-99 08:49:37 GMT", 941_878_177),
        ]
    )
    func reads(text: String, seconds: Int) {
        #expect(HTTPDate(text, now: Self.now)?.secondsSince1970 == seconds)
    }

    @Test(
        "refuses everything else",
        arguments: [
            "", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT ",
            "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
            "Thu, 29 Feb 2023 00:00:00 GMT", "Wed, 29 Feb 1900 00:00:00 GMT", "Wed, 31 Apr 2024 00:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 199x 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994 ", "Sun Nov 6  08:49:37 1994", "Mon Nov  6 08:49:37 1994",
            "Sunday, 06-Nov-1994 08:49:37 GMT", "Monday, 06-Nov-94 08:49:37 GMT", "Sunzzy, 06-Nov-94 08:49:37 GMT",
            "Sundays, 06-Nov-94 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT", "Wed, 29-Feb-23 00:00:00 GMT",
            "Sün, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GM\0",
        ]
    )
    func refuses(text: String) {
        #expect(HTTPDate(text, now: Self.now) == nil)
    }

    @Test("what is written reads as itself, in every form")
    func roundTrip() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<20_000 {
            let date = HTTPDate(secondsSince1970: Int.random(in: -62_167_219_200...253_402_300_799, using: &random))
            let text = date.description
            #expect(text.utf8.count == 29)
            #expect(HTTPDate(text, now: Self.now) == date)
            let parts = text.split(separator: " ")
            let day = parts[1].hasPrefix("0") ? " \(parts[1].dropFirst())" : String(parts[1])
            let asctime = "\(text.prefix(3)) \(parts[2]) \(day) \(parts[4]) \(parts[3])"
            #expect(HTTPDate(asctime, now: Self.now) == date)
        }
    }

    @Test("consecutive days have consecutive names and dates over 400 years")
    func calendar() {
        var expected = (day: 1, month: 1, year: 1900)
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        for day in 0..<146_097 {
            let text = HTTPDate(secondsSince1970: (day - 25_567) * 86_400).description
            let digits = expected.day < 10 ? "0\(expected.day)" : "\(expected.day)"
            let wanted = "\(names[day % 7]), \(digits) \(months[expected.month - 1]) \(expected.year) 00:00:00 GMT"
            guard text == wanted else {
                Issue.record("\(text) is not \(wanted)")
                return
            }
            let isLeap = expected.year % 4 == 0 && (expected.year % 100 != 0 || expected.year % 400 == 0)
            expected.day += 1
            if expected.day > lengths[expected.month - 1] + (isLeap && expected.month == 2 ? 1 : 0) {
                expected = (1, expected.month % 12 + 1, expected.year + (expected.month == 12 ? 1 : 0))
            }
        }
    }

    @Test("bytes at random never trap and are no date")
    func garbage() {
        var random = SeededRandom(seed: 2)
        let text = Array("Sunday, 06-Nov-94 08:49:37 GMT1994".utf8)
        for _ in 0..<20_000 {
            var bytes = text
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            for _ in 0..<3 where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let date = HTTPDate(bytes: bytes.span, now: Self.now) {
                #expect(HTTPDate(date.description, now: Self.now) == date)
            }
        }
    }

    @Test("takes what no date can carry to the nearest one")
    func limits() {
        #expect(HTTPDate(secondsSince1970: .max).description == "Fri, 31 Dec 9999 23:59:59 GMT")
        #expect(HTTPDate(secondsSince1970: .min).description == "Sat, 01 Jan 0000 00:00:00 GMT")
        #expect(HTTPDate(.milliseconds(1500)).secondsSince1970 == 1)
        #expect(HTTPDate(.milliseconds(-1)).secondsSince1970 == -1)
        #expect(HTTPDate(.seconds(Int64.min)).description == "Sat, 01 Jan 0000 00:00:00 GMT")
    }

    @Test("writes behind what a buffer holds")
    func writes() {
        var buffer = ByteBuffer(string: "Date: ")
        HTTPDate(secondsSince1970: 784_111_777).write(into: &buffer)
        #expect(String(buffer: buffer) == "Date: Sun, 06 Nov 1994 08:49:37 GMT")
    }
}

/// SplitMix64: the same numbers on every run.
private struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
