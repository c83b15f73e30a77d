import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Request and Response")
struct RequestTests {
    @Test(
        "a path may carry a query",
        arguments: [
            ("/", "/", nil), ("/a?b=1", "/a", "b=1"), ("/a?", "/a", ""), ("/a?b?c", "/a", "b?c"), ("?x", "/", "x"),
        ] as [(String, String, String?)])
    func pathAndQuery(text: String, path: String, query: String?) {
        let request = Request(.get, text)
        #expect(request.path == path)
        #expect(request.target.query == query)
    }

    @Test("a request is a GET of / over http without content unless told")
    func defaults() {
        let request = Request()
        #expect(request.method == .get)
        #expect(request.scheme == "http")
        #expect(request.authority == "")
        #expect(request.body.isEmpty && request.headers.isEmpty)
        #expect(request.upgradeProtocol == nil)
    }

    @Test("the authority is text when it is read, received or set")
    func authority() {
        let head = Request.Head(
            method: .get,
            scheme: "https",
            authority: Authority(received: ByteBuffer(string: "a.example:8443")),
            target: RequestTarget("/"),
            headers: Headers(),
            upgradeProtocol: nil
        )
        var request = Request(head, body: .empty)
        #expect(request.authority == "a.example:8443")
        request.authority = "b.example"
        #expect(request.authority == "b.example")
        var buffer = ByteBuffer()
        request.head.authority.write(into: &buffer)
        #expect(String(buffer: buffer) == "b.example")
        #expect(Authority("").isEmpty && Authority(received: ByteBuffer()).isEmpty)
    }

    @Test("setting the path keeps the query")
    func setPath() {
        var request = Request(.get, "/a?b=1")
        request.path = "/c"
        #expect(request.target.path == "/c")
        #expect(request.target.query == "b=1")
    }

    @Test("copies of a request share its body")
    func sharedBody() throws {
        var request = Request(.post, "/")
        request.body = .stream(GatedSource())
        let copy = request
        _ = try copy.body.open()
        #expect(throws: BodyConsumed.self) { try request.body.open() }
    }

    @Test("a response has a status, a body and nothing else")
    func response() {
        let response = Response(.notFound, body: .text("no"))
        #expect(response.status == .notFound)
        #expect(response.headers.isEmpty)
        #expect(response.upgrade == nil)
        #expect(response.body.knownLength == 2)
    }
}
