/// A date as HTTP writes it, in whole seconds of UTC (RFC 9110 section 5.6.7).
///
/// ```swift
/// let now = HTTPDate(context.runtime.time.wallClock)
/// response.headers[.lastModified] = "\(now)"              // Sun, 06 Nov 1994 08:49:37 GMT
/// let since = request.headers[.ifModifiedSince].flatMap { HTTPDate($0, now: now) }
/// ```
///
/// All three forms are read, the preferred one is written. Reading is strict: letter case, digits and spaces as in the
/// grammar, a day that its month has, a day name that fits the date. Years run from 0 to 9999, what the form can carry;
/// an instant outside them becomes the nearest one inside.
public struct HTTPDate: Sendable, Hashable {
    /// Seconds since 1970-01-01T00:00:00Z, negative before it. Leap seconds are not counted.
    public let secondsSince1970: Int

    /// That many seconds after the start of 1970.
    public init(secondsSince1970 seconds: Int) {
        secondsSince1970 = min(max(seconds, Self.earliest), Self.latest)
    }

    /// That long after the start of 1970, fractions of a second dropped towards the past.
    public init(_ sinceStartOf1970: Duration) {
        let (seconds, attoseconds) = sinceStartOf1970.components
        self.init(secondsSince1970: Int(attoseconds < 0 && seconds > .min ? seconds - 1 : seconds))
    }

    /// Reads one of the three forms; `nil` for anything else. `now` decides the century of a two-digit year: never more
    /// than 50 years ahead.
    public init?(_ text: some StringProtocol, now: HTTPDate) {
        self.init(bytes: String(text).utf8.span, now: now)
    }

    package init?(bytes: Span<UInt8>, now: HTTPDate) {
        let seconds: Int? =
            switch bytes.count {
            case 24: Self.readAsctime(bytes)
            case 29: Self.readFixed(bytes)
            case 30...33: Self.readRFC850(bytes, now: now)
            default: nil
            }
        guard let seconds else { return nil }
        self.init(secondsSince1970: seconds)
    }

    /// Writes the 29 bytes of the preferred form.
    package func write(into buffer: inout some ByteSink) {
        let written = bytes
        buffer.write(written.span)
    }

    /// The preferred form, `IMF-fixdate`.
    package var bytes: InlineArray<29, UInt8> {
        let days = Self.floorDivide(secondsSince1970, 86_400)
        let seconds = secondsSince1970 - days * 86_400
        let (year, month, day) = Self.civil(days: days)
        var result = InlineArray<29, UInt8>(repeating: UInt8(ascii: " "))
        Self.write(Self.dayNames, Self.weekday(days: days), into: &result, at: 0)
        result[3] = UInt8(ascii: ",")
        Self.write(day, into: &result, at: 5)
        Self.write(Self.monthNames, month - 1, into: &result, at: 8)
        Self.write(year / 100, into: &result, at: 12)
        Self.write(year % 100, into: &result, at: 14)
        Self.write(seconds / 3600, into: &result, at: 17)
        result[19] = UInt8(ascii: ":")
        Self.write(seconds / 60 % 60, into: &result, at: 20)
        result[22] = UInt8(ascii: ":")
        Self.write(seconds % 60, into: &result, at: 23)
        result[26] = UInt8(ascii: "G")
        result[27] = UInt8(ascii: "M")
        result[28] = UInt8(ascii: "T")
        return result
    }
}

extension HTTPDate: Comparable {
    public static func < (left: HTTPDate, right: HTTPDate) -> Bool { left.secondsSince1970 < right.secondsSince1970 }
}

extension HTTPDate: CustomStringConvertible {
    /// The preferred form: `Sun, 06 Nov 1994 08:49:37 GMT`.
    public var description: String {
        let written = bytes
        return String(decoding: written.span)
    }
}

// MARK: - The three forms

extension HTTPDate {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    private static func readFixed(_ bytes: Span<UInt8>) -> Int? {
        guard matches(bytes, 3, ", "), matches(bytes, 7, " "), matches(bytes, 11, " "), matches(bytes, 16, " "),
            matches(bytes, 25, " GMT"),
            let weekday = index(of: bytes, 0, in: dayNames, count: 7),
            let day = number(bytes, 5, digits: 2),
            let month = index(of: bytes, 8, in: monthNames, count: 12),
            let year = number(bytes, 12, digits: 4),
            let time = timeOfDay(bytes, 17)
        else { return nil }
        return seconds(year: year, month: month + 1, day: day, time: time, weekday: weekday)
    }

    /// `Sun Nov  6 08:49:37 1994`
    private static func readAsctime(_ bytes: Span<UInt8>) -> Int? {
        guard matches(bytes, 3, " "), matches(bytes, 7, " "), matches(bytes, 10, " "), matches(bytes, 19, " "),
            let weekday = index(of: bytes, 0, in: dayNames, count: 7),
            let month = index(of: bytes, 4, in: monthNames, count: 12),
            let day = matches(bytes, 8, " ") ? number(bytes, 9, digits: 1) : number(bytes, 8, digits: 2),
            let time = timeOfDay(bytes, 11),
            let year = number(bytes, 20, digits: 4)
        else { return nil }
        return seconds(year: year, month: month + 1, day: day, time: time, weekday: weekday)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    private static func readRFC850(_ bytes: Span<UInt8>, now: HTTPDate) -> Int? {
        let comma = bytes.count - 24
        guard let weekday = longDayName(bytes, length: comma), matches(bytes, comma, ", "),
            matches(bytes, comma + 4, "-"), matches(bytes, comma + 8, "-"), matches(bytes, comma + 11, " "),
            matches(bytes, comma + 20, " GMT"),
            let day = number(bytes, comma + 2, digits: 2),
            let month = index(of: bytes, comma + 5, in: monthNames, count: 12),
            let shortYear = number(bytes, comma + 9, digits: 2),
            let time = timeOfDay(bytes, comma + 12)
        else { return nil }
        // RFC 9110 section 5.6.7: what seems more than 50 years ahead lies in the past. So it is the latest year with
        // these digits that is not.
        let today = floorDivide(now.secondsSince1970, 86_400)
        let (thisYear, thisMonth, thisDay) = civil(days: today)
        var year = (thisYear + 50) / 100 * 100 + shortYear
        let limit = (thisYear + 50, thisMonth, thisDay, now.secondsSince1970 - today * 86_400)
        if (year, month + 1, day, time) > limit { year -= 100 }
        return seconds(year: year, month: month + 1, day: day, time: time, weekday: weekday)
    }

    private static func seconds(year: Int, month: Int, day: Int, time: Int, weekday: Int) -> Int? {
        guard year >= 0, day >= 1, day <= lastDay(ofMonth: month, year: year) else { return nil }
        let days = days(year: year, month: month, day: day)
        guard self.weekday(days: days) == weekday else { return nil }
        return days * 86_400 + time
    }

    /// `08:49:37` in seconds; 60 is the leap second and reads as the second that follows.
    private static func timeOfDay(_ bytes: Span<UInt8>, _ offset: Int) -> Int? {
        guard matches(bytes, offset + 2, ":"), matches(bytes, offset + 5, ":"),
            let hour = number(bytes, offset, digits: 2), hour < 24,
            let minute = number(bytes, offset + 3, digits: 2), minute < 60,
            let second = number(bytes, offset + 6, digits: 2), second <= 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private static func number(_ bytes: Span<UInt8>, _ offset: Int, digits: Int) -> Int? {
        FieldGrammar.decimal(bytes.extracting(offset..<offset + digits))
    }

    private static func matches(_ bytes: Span<UInt8>, _ offset: Int, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { text in
            for index in text.indices where bytes[offset + index] != text[index] { return false }
            return true
        }
    }
}

// MARK: - Names

extension HTTPDate {
    private static var dayNames: StaticString { "SunMonTueWedThuFriSat" }
    private static var monthNames: StaticString { "JanFebMarAprMayJunJulAugSepOctNovDec" }

    private static func index(of bytes: Span<UInt8>, _ offset: Int, in names: StaticString, count: Int) -> Int? {
        names.withUTF8Buffer { names in
            for name in 0..<count
            where bytes[offset] == names[name * 3] && bytes[offset + 1] == names[name * 3 + 1]
                && bytes[offset + 2] == names[name * 3 + 2]
            {
                return name
            }
            return nil
        }
    }

    private static func longDayName(_ bytes: Span<UInt8>, length: Int) -> Int? {
        guard let day = index(of: bytes, 0, in: dayNames, count: 7) else { return nil }
        let rest: StaticString =
            switch day {
            case 2: "sday"
            case 3: "nesday"
            case 4: "rsday"
            case 6: "urday"
            default: "day"
            }
        return rest.utf8CodeUnitCount + 3 == length && matches(bytes, 3, rest) ? day : nil
    }

    private static func write(
        _ names: StaticString,
        _ name: Int,
        into result: inout InlineArray<29, UInt8>,
        at offset: Int
    ) {
        names.withUTF8Buffer { names in
            for index in 0..<3 { result[offset + index] = names[name * 3 + index] }
        }
    }

    private static func write(_ number: Int, into result: inout InlineArray<29, UInt8>, at offset: Int) {
        result[offset] = UInt8(truncatingIfNeeded: 0x30 + number / 10)
        result[offset + 1] = UInt8(truncatingIfNeeded: 0x30 + number % 10)
    }
}

// MARK: - The calendar

extension HTTPDate {
    /// 0000-01-01T00:00:00Z
    private static var earliest: Int { -62_167_219_200 }
    /// 9999-12-31T23:59:59Z
    private static var latest: Int { 253_402_300_799 }

    /// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March, so that the leap day is the
    /// last.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let century400 = floorDivide(year, 400)
        let yearOfCentury400 = year - century400 * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let dayOfCentury400 = yearOfCentury400 * 365 + yearOfCentury400 / 4 - yearOfCentury400 / 100 + dayOfYear
        return century400 * 146_097 + dayOfCentury400 - 719_468
    }

    /// The reverse of ``days(year:month:day:)``.
    private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let days = days + 719_468
        let century400 = floorDivide(days, 146_097)
        let day400 = days - century400 * 146_097
        let year400 = (day400 - day400 / 1_460 + day400 / 36_524 - day400 / 146_096) / 365
        let dayOfYear = day400 - (365 * year400 + year400 / 4 - year400 / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (century400 * 400 + year400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// 0 is Sunday; 1970-01-01 was a Thursday.
    private static func weekday(days: Int) -> Int {
        days + 4 - floorDivide(days + 4, 7) * 7
    }

    private static func lastDay(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func floorDivide(_ number: Int, _ divisor: Int) -> Int {
        let quotient = number / divisor
        return quotient * divisor > number ? quotient - 1 : quotient
    }
}
