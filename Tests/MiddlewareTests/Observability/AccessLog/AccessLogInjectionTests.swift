import Foundation
import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("AccessLog, what strangers send")
struct AccessLogInjectionTests {
    private static let hostile = [
        "a\nb", "a\r\n127.0.0.1 - - forged", "a\"b", #"a\"b"#, #"a\"#, "a\u{0}b", "\u{1B}[2J\u{1B}]0;title\u{7}",
        "a\u{7F}b", "a\u{85}b", "a\u{9B}2Jb", "a\u{2028}b", "ä€😀", "\u{202E}gpj.exe", #"","status":200,"x":""#, "a\tb",
        #"\u000a"#, "</script>",
    ]

    @Test("no value ends a text line or its quotes", arguments: hostile)
    func text(value: String) async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .custom("\"\(.userAgent)\" \"\(.requestID)\" \"\(.upstream)\" \"\(.query)\"")
        fill(&exchange, value)
        let line = try await exchange.line()
        #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        // Four quoted values, and no other quote that is not escaped.
        var quotes = 0
        var isEscaped = false
        for character in line {
            if character == "\"", !isEscaped { quotes += 1 }
            isEscaped = character == "\\" && !isEscaped
        }
        #expect(quotes == 8)
        #expect(!isEscaped)
    }

    @Test("a JSON line is one object whose values are what was sent", arguments: hostile)
    func json(value: String) async throws {
        var exchange = try AccessLogFixture()
        exchange.configuration.format = .json([
            "ua": .userAgent, "id": .requestID, "up": .upstream, "q": .query, "status": .status,
        ])
        fill(&exchange, value)
        let line = try await exchange.line()
        #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
        #expect(!line.contains("\u{2028}"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object.count == (object["q"] == nil ? 4 : 5))
        #expect(object["ua"] as? String == value)
        #expect(object["id"] as? String == value)
        #expect(object["up"] as? String == value)
        #expect(object["status"] as? Int == 200)
    }

    @Test("escapes are those of the format")
    func spelling() async throws {
        for (format, expected) in [
            (AccessLog.Format.custom("\(.requestID)"), #"\"\\\x0a\xc3\xa4\x1b"#),
            (.json(["id": .requestID]), #"{"id":"\"\\\u000aä\u001b"}"#),
        ] {
            var exchange = try AccessLogFixture()
            exchange.configuration.format = format
            exchange.context[RequestIDKey.self] = "\"\\\nä\u{1B}"
            #expect(try await exchange.line() == expected)
        }
    }

    @Test("bytes that are no UTF-8 neither break a line nor a JSON text")
    func invalidUTF8() async throws {
        for format in [AccessLog.Format.custom("\(.userAgent)"), .json(["ua": .userAgent])] {
            var exchange = try AccessLogFixture()
            exchange.configuration.format = format
            exchange.request.headers = Headers(raw: [("User-Agent", "a\u{E9}b")])
            // Cuts the second byte of the character off.
            var cut = exchange.request.headers.received
            cut.setInteger(UInt8(ascii: "b"), at: cut.readerIndex + 14)
            exchange.request.headers = Headers(received: cut, entries: exchange.request.headers.entries)
            let line = try await exchange.line()
            #expect(line == #"a\xc3bb"# || line == "{\"ua\":\"a\u{FFFD}bb\"}")
        }
    }

    private func fill(_ exchange: inout AccessLogFixture, _ value: String) {
        exchange.request = Request(.get, "/?\(value)")
        exchange.request.headers = Headers(raw: [("User-Agent", value)])
        exchange.context[RequestIDKey.self] = value
        exchange.context[UpstreamEndpointKey.self] = value
    }
}
