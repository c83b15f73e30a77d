import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("StaticResponse")
struct StaticResponseTests {
    @Test("the same text to every request, with its type and its tag")
    func text() async throws {
        let client = TestClient(StaticResponse("fine"))
        for method in [HTTPRequest.Method.get, .post, .delete] {
            let answer = try await client.send(method, "/any")
            #expect(answer.status == .ok)
            #expect(answer.body == "fine")
            #expect(answer.headers[.contentType] == "text/plain; charset=utf-8")
            #expect(answer.headers[.eTag]?.hasPrefix("\"4-") == true)
        }
    }

    @Test("a tag belongs to the content")
    func tags() async throws {
        let first = try await TestClient(StaticResponse("a")).get("/").headers[.eTag]
        #expect(try await TestClient(StaticResponse("a")).get("/").headers[.eTag] == first)
        #expect(try await TestClient(StaticResponse("b")).get("/").headers[.eTag] != first)
    }

    @Test(
        "who has the content gets none",
        arguments: [
            ("\"own\"", 304), ("W/\"own\"", 304), ("\"a\", \"own\"", 304), ("*", 304), ("\"a,\", W/\"own\"", 304),
            ("\"ow\"", 200), ("own", 200), ("", 200), ("\"own\"x", 200), ("W/", 200),
        ])
    func conditional(tags: String, status: Int) async throws {
        var configuration = StaticResponse.Configuration()
        configuration.headers = [.eTag: "\"own\"", .cacheControl: "max-age=60"]
        let client = TestClient(StaticResponse("fine", configuration))
        let answer = try await client.get("/", headers: [.ifNoneMatch: tags])
        #expect(answer.status.code == status)
        #expect(answer.body == (status == 200 ? "fine" : ""))
        #expect(answer.headers[values: .eTag] == ["\"own\""])
        #expect(answer.headers[.cacheControl] == "max-age=60")
        #expect(answer.headers.contains(.contentType) == (status == 200))
        #expect(try await client.head("/", headers: [.ifNoneMatch: tags]).status.code == status)
        #expect(try await client.post("/", headers: [.ifNoneMatch: tags]).status == .ok)
    }

    @Test("other statuses, types and fields")
    func customised() async throws {
        var configuration = StaticResponse.Configuration()
        configuration.status = .gone
        configuration.contentType = "text/html"
        configuration.headers = [.init("X-A")!: "1"]
        let client = TestClient(StaticResponse(bytes: ByteBuffer(string: "<p>"), configuration))
        let answer = try await client.get("/", headers: [.ifNoneMatch: "*"])
        #expect(answer.status == .gone)
        #expect(answer.body == "<p>")
        #expect(answer.headers == ["X-A".name: "1", .contentType: "text/html"])
        let empty = try await TestClient(StaticResponse("")).get("/")
        #expect(empty.status == .ok)
        #expect(!empty.headers.contains(.contentType))
    }

    @Test("bad values are reported and do not trap")
    func problems() {
        func problems(_ status: Int, _ text: String, _ headers: Headers = [:]) -> Int {
            var configuration = StaticResponse.Configuration()
            configuration.status = .init(code: status)
            configuration.headers = headers
            return StaticResponse(text, configuration).blueprint.validate().count
        }
        #expect(problems(200, "a") == 0)
        #expect(problems(100, "") == 1)
        #expect(problems(600, "") == 1)
        #expect(problems(204, "a") == 1)
        #expect(problems(304, "") == 0)
        for tag in ["\"own\"", "\"\"", "W/\"a\""] { #expect(problems(200, "a", [.eTag: tag]) == 0) }
        for tag in ["own", "\"", "w/\"a\"", "\"a b\"", "\"a\"b\"", ""] {
            #expect(problems(200, "a", [.eTag: tag]) == 1)
        }
        #expect(problems(200, "a", [.contentLength: "1", .transferEncoding: "chunked", .connection: "close"]) == 3)
    }
}

extension String {
    fileprivate var name: HTTPField.Name { HTTPField.Name(self) ?? .accept }
}
