import HTTPTypes
import Middleware
import Testing

@Suite("Preconditions")
struct PreconditionsTests {
    private static let modified = "Sat, 01 Jun 2024 00:00:00 GMT"
    private static let earlier = "Fri, 31 May 2024 23:59:59 GMT"
    private static let later = "Sat, 01 Jun 2024 00:00:01 GMT"
    private let now = HTTPDate(secondsSince1970: 1_735_689_600)

    private func validators(tag: String? = "\"a\"", isStrong: Bool = true) -> Preconditions.Validators {
        Preconditions.Validators(
            tag: tag.flatMap { EntityTag($0) }, lastModified: HTTPDate(secondsSince1970: 1_717_200_000),
            isDateStrong: isStrong)
    }

    private func verdict(
        _ headers: Headers, _ method: HTTPRequest.Method = .get, tag: String? = "\"a\""
    ) -> Preconditions.Verdict? {
        Preconditions(of: headers)?.verdict(for: method, on: validators(tag: tag), now: now)
    }

    @Test("without preconditions there is nothing to look at")
    func none() {
        #expect(Preconditions(of: [:]) == nil)
        #expect(Preconditions(of: [.host: "if-match", .ifRangeLike: "1", .accept: "*/*", .range: "bytes=0-"]) == nil)
        #expect(Preconditions(of: [.accept: "*/*", .ifMatch: "*"]) != nil)
    }

    @Test(
        "If-Match, by strong comparison, else 412",
        arguments: [
            ("\"a\"", true), ("*", true), ("\"b\", \"a\"", true), ("\"b\"", false), ("W/\"a\"", false), ("a", false),
            ("", false),
        ])
    func ifMatch(value: String, proceeds: Bool) {
        for method in [HTTPRequest.Method.get, .put] {
            #expect(verdict([.ifMatch: value], method) == (proceeds ? .proceed : .failed))
        }
        #expect(verdict([.ifMatch: value], tag: "W/\"a\"") == (value == "*" ? .proceed : .failed))
    }

    @Test(
        "If-None-Match, by weak comparison: 304 to who reads, 412 to others",
        arguments: [
            ("\"a\"", true), ("W/\"a\"", true), ("*", true), ("\"b\", W/\"a\"", true), ("\"b\"", false), ("a", false),
            ("", false),
        ])
    func ifNoneMatch(value: String, matches: Bool) {
        for tag in ["\"a\"", "W/\"a\""] {
            #expect(verdict([.ifNoneMatch: value], .get, tag: tag) == (matches ? .notModified : .proceed))
            #expect(verdict([.ifNoneMatch: value], .head, tag: tag) == (matches ? .notModified : .proceed))
            #expect(verdict([.ifNoneMatch: value], .put, tag: tag) == (matches ? .failed : .proceed))
        }
    }

    @Test(
        "the dates, and what is no date",
        arguments: [
            (Self.modified, false, true), (Self.earlier, true, false), (Self.later, false, true),
            ("Saturday, 01-Jun-24 00:00:00 GMT", false, true), ("Sat Jun  1 00:00:00 2024", false, true),
            ("", false, false), ("yesterday", false, false), ("Sun, 01 Jun 2024 00:00:00 GMT", false, false),
        ])
    func dates(date: String, isUnmodifiedFailed: Bool, isNotModified: Bool) {
        #expect(verdict([.ifUnmodifiedSince: date]) == (isUnmodifiedFailed ? .failed : .proceed))
        #expect(verdict([.ifModifiedSince: date]) == (isNotModified ? .notModified : .proceed))
        #expect(verdict([.ifModifiedSince: date], .put) == .proceed)
        #expect(verdict([.ifModifiedSince: date, .ifModifiedSince: date]) == .proceed)
    }

    @Test("the order of RFC 9110 section 13.2.2: tags go before dates, demands before what is known")
    func order() {
        let (earlier, later) = (Self.earlier, Self.later)
        #expect(verdict([.ifMatch: "\"a\"", .ifUnmodifiedSince: earlier]) == .proceed)
        #expect(verdict([.ifMatch: "\"b\"", .ifUnmodifiedSince: later]) == .failed)
        #expect(verdict([.ifNoneMatch: "\"b\"", .ifModifiedSince: later]) == .proceed)
        #expect(verdict([.ifNoneMatch: "\"a\"", .ifModifiedSince: earlier]) == .notModified)
        #expect(verdict([.ifMatch: "\"b\"", .ifNoneMatch: "\"a\""]) == .failed)
        #expect(verdict([.ifMatch: "\"a\"", .ifNoneMatch: "\"a\""]) == .notModified)
        #expect(verdict([.ifUnmodifiedSince: earlier, .ifNoneMatch: "\"a\""]) == .failed)
        #expect(verdict([.ifUnmodifiedSince: later, .ifModifiedSince: later]) == .notModified)
    }

    @Test("where there is nothing, If-Match fails and If-None-Match holds")
    func nothing() {
        func verdict(_ headers: Headers) -> Preconditions.Verdict? {
            Preconditions(of: headers)?.verdict(for: .put, on: nil, now: now)
        }
        #expect(verdict([.ifMatch: "*"]) == .failed)
        #expect(verdict([.ifNoneMatch: "*"]) == .proceed)
        #expect(verdict([.ifUnmodifiedSince: Self.earlier]) == .proceed)
    }

    @Test(
        "If-Range holds for this very representation",
        arguments: [
            ("\"a\"", true, true), ("\"a\"", false, true), ("\"b\"", true, false), ("W/\"a\"", true, false),
            ("*", true, false), ("\"a\", \"b\"", true, false), ("", true, false), (Self.modified, true, true),
            (Self.modified, false, false), (Self.later, true, false), (Self.earlier, true, false),
        ])
    func ifRange(value: String, isDateStrong: Bool, holds: Bool) {
        let preconditions = Preconditions(of: [.ifRange: value])
        #expect(preconditions?.admitsRange(of: validators(isStrong: isDateStrong), now: now) == holds)
        #expect(preconditions?.admitsRange(of: validators(tag: "W/\"a\"", isStrong: false), now: now) == false)
        let twice = Preconditions(of: [.ifRange: value, .ifRange: value])
        #expect(twice?.admitsRange(of: validators(), now: now) == false)
    }

    @Test("without If-Range a range holds")
    func noIfRange() {
        #expect(Preconditions(of: [.ifMatch: "*"])?.admitsRange(of: validators(), now: now) == true)
    }
}

extension HTTPField.Name {
    fileprivate static let ifRangeLike = HTTPField.Name("Important")!
}
