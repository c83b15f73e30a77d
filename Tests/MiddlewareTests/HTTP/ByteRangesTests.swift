import Middleware
import Testing

@Suite("Byte ranges")
struct ByteRangesTests {
    /// Of a representation of 10 bytes.
    static let selections: [(String, ByteRanges.Selection?)] = [
        ("bytes=0-0", .ranges([0..<1])), ("bytes=0-9", .ranges([0..<10])), ("bytes=2-5", .ranges([2..<6])),
        ("bytes=9-", .ranges([9..<10])), ("bytes=0-", .ranges([0..<10])), ("bytes=-1", .ranges([9..<10])),
        ("bytes=-10", .ranges([0..<10])), ("bytes=-11", .ranges([0..<10])), ("bytes=5-100", .ranges([5..<10])),
        ("Bytes=0-0", .ranges([0..<1])), ("bytes=0-0,2-2", .ranges([0..<1, 2..<3])),
        ("bytes=8-9 , 0-0", .ranges([8..<10, 0..<1])), ("bytes=,0-0,,2-2,", .ranges([0..<1, 2..<3])),
        ("bytes=0-4,2-6", .ranges([0..<7])), ("bytes=0-4,5-6", .ranges([0..<7])), ("bytes=5-6,0-4", .ranges([0..<7])),
        ("bytes=0-9,0-9,0-9", .ranges([0..<10])), ("bytes=8-,0-0,9-", .ranges([0..<1, 8..<10])),
        ("bytes=0-0,20-30", .ranges([0..<1])), ("bytes=00-01", .ranges([0..<2])),
        ("bytes=5-99999999999999999999999", .ranges([5..<10])), ("bytes=-99999999999999999999", .ranges([0..<10])),
        ("bytes=10-", .unsatisfiable), ("bytes=10-20", .unsatisfiable), ("bytes=-0", .unsatisfiable),
        ("bytes=99999999999999999999-", .unsatisfiable), ("bytes=10-,-0", .unsatisfiable),
        ("bytes=9223372036854775807-", .unsatisfiable), ("bytes=0-9223372036854775807", .ranges([0..<10])),
        ("bytes=", nil), ("bytes", nil), ("", nil), ("bytes=-", nil), ("bytes=a-b", nil), ("bytes=1", nil),
        ("bytes=2-1", nil), ("bytes=0-0,2-1", nil), ("bytes=0-0,x", nil), ("bytes=+0-1", nil), ("bytes=0--1", nil),
        ("bytes=0 - 1", nil), ("bytes = 0-1", nil), ("bytes=0-1;q=1", nil), ("bytes=0-1-2", nil), ("bytes=--1", nil),
        ("items=0-1", nil), ("bytes 0-1", nil), ("bytes=,", nil), ("0-1", nil), ("bytes=\"0-1\"", nil),
    ]

    @Test("what is asked for becomes ranges, 416 or nothing", arguments: selections)
    func selection(text: String, expected: ByteRanges.Selection?) {
        #expect(ByteRanges(text, atMost: 16)?.selection(of: 10) == expected)
    }

    @Test("nothing of nothing: all of it is the whole, a part of it cannot be")
    func empty() {
        #expect(ByteRanges("bytes=-5", atMost: 16)?.selection(of: 0) == .whole)
        #expect(ByteRanges("bytes=-0", atMost: 16)?.selection(of: 0) == .unsatisfiable)
        #expect(ByteRanges("bytes=0-", atMost: 16)?.selection(of: 0) == .unsatisfiable)
    }

    @Test("more ranges than the limit are ignored, however many")
    func limit() {
        func ranges(_ count: Int) -> ByteRanges? {
            ByteRanges("bytes=" + (0..<count).map { "\(2 * $0)-\(2 * $0)" }.joined(separator: ","), atMost: 16)
        }
        #expect(ranges(16)?.selection(of: 1000) == .ranges((0..<16).map { 2 * $0..<2 * $0 + 1 }))
        #expect(ranges(17) == nil)
        #expect(ranges(10_000) == nil)
        #expect(ByteRanges("bytes=0-0", atMost: 0) == nil)
    }

    @Test("ranges are what a naive reading of the field gives", arguments: 0..<20)
    func property(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        for _ in 0..<500 {
            let length = random.below(40)
            var specifiers: [String] = []
            var wanted = Set<Int>()
            var isSatisfiable = false
            for _ in 0...random.below(5) {
                let (first, last) = (random.below(45), random.below(45))
                switch random.below(3) {
                case 0:
                    specifiers.append("\(min(first, last))-\(max(first, last))")
                    wanted.formUnion((0..<length).filter { $0 >= min(first, last) && $0 <= max(first, last) })
                    isSatisfiable = isSatisfiable || min(first, last) < length
                case 1:
                    specifiers.append("\(first)-")
                    wanted.formUnion((0..<length).filter { $0 >= first })
                    isSatisfiable = isSatisfiable || first < length
                default:
                    specifiers.append("-\(first)")
                    wanted.formUnion((0..<length).suffix(first))
                    isSatisfiable = isSatisfiable || first > 0
                }
            }
            let text = "bytes=" + specifiers.joined(separator: random.oneIn(2) ? "," : ", ")
            switch ByteRanges(text, atMost: 16)?.selection(of: length) {
            case .ranges(let ranges):
                #expect(ranges.flatMap { Array($0) }.count == wanted.count, "\(text) of \(length) has bytes twice")
                #expect(Set(ranges.flatMap { Array($0) }) == wanted, "\(text) of \(length)")
                #expect(ranges.allSatisfy { !$0.isEmpty })
            case .unsatisfiable: #expect(!isSatisfiable, "\(text) of \(length)")
            case .whole: #expect(length == 0 && isSatisfiable, "\(text) of \(length)")
            case nil: Issue.record("\(text) was not read")
            }
        }
    }

    @Test("several parts say what they are, and how long they are together")
    func parts() {
        let parts = MultipartByteRanges([0..<2, 4..<5], of: 10, contentType: "text/plain", boundary: "b")
        let content = Array("0123456789".utf8)
        let body = parts.parts.flatMap { $0.head + content[$0.range] } + parts.end
        let expected = """
            --b\r
            Content-Type: text/plain\r
            Content-Range: bytes 0-1/10\r
            \r
            01\r
            --b\r
            Content-Type: text/plain\r
            Content-Range: bytes 4-4/10\r
            \r
            4\r
            --b--\r

            """
        #expect(String(decoding: body, as: UTF8.self) == expected)
        #expect(parts.byteCount == body.count)
        #expect(parts.contentType == "multipart/byteranges; boundary=b")
    }
}
