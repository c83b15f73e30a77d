import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("HTTPError")
struct HTTPErrorTests {
    private func body(_ response: Response) async throws -> String {
        String(buffer: try await response.body.collect(upTo: 10_000))
    }

    @Test("it is answered with title, status and detail as problem+json")
    func report() async throws {
        let response = Response(HTTPError(.tooManyRequests, "slow down", headers: [.retryAfter: "5"]))
        #expect(response.status == .tooManyRequests)
        #expect(response.headers[.contentType] == "application/problem+json")
        #expect(response.headers[.cacheControl] == "no-store")
        #expect(response.headers[.retryAfter] == "5")
        #expect(try await body(response) == #"{"title":"Too Many Requests","status":429,"detail":"slow down"}"#)
    }

    @Test("without a detail it says no more than the status, and a status without a phrase has a title all the same")
    func bare() async throws {
        #expect(try await body(Response(.notFound, problem: nil)) == #"{"title":"Not Found","status":404}"#)
        #expect(try await body(Response(HTTPError(.init(code: 599)))) == #"{"title":"Error","status":599}"#)
    }

    @Test("the type of the content is the report's, whatever the error carries")
    func contentType() {
        let response = Response(HTTPError(.badRequest, headers: [.contentType: "text/html"]))
        #expect(response.headers[values: .contentType] == ["application/problem+json"])
    }

    @Test(
        "text is quoted as JSON",
        arguments: [
            ("", #""""#), ("plain é 🙂", #""plain é 🙂""#), (#"a"b\c"#, #""a\"b\\c""#), ("\n\r\t", #""\n\r\t""#),
            ("\r\n", #""\r\n""#), ("\u{0}\u{8}\u{C}\u{1B}\u{1F}", #""\u0000\u0008\u000c\u001b\u001f""#),
            ("</script>", #""</script>""#), ("e\u{301}\"", "\"e\u{301}\\\"\""),
            ("\u{7F}\u{2028}", "\"\u{7F}\u{2028}\""),
        ])
    func quoting(text: String, json: String) {
        #expect(text.jsonQuoted == json)
    }
}
