import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

@Suite("BodyLimit")
struct BodyLimitTests {
    @Test("a declared length decides before anything is read", arguments: [(0, 200), (4, 200), (5, 413), (500, 413)])
    func declared(length: Int, status: Int) async throws {
        let client = client(BodyLimit(bytes: 4))
        let source = ScriptedSource([.bytes(String(repeating: "x", count: length))], knownLength: length)
        let record = source.record
        var request = Request(.post, "/")
        request.body = .stream(source)
        let response = try await client.send(request)
        #expect(response.status.code == status)
        #expect(record.bytesRead == (status == 200 ? length : 0))
        #expect(record.isReleased)
        if status == 413 { #expect(response.body.contains("the body is longer than 4 bytes")) }
    }

    @Test(
        "a body without a length is counted, and refused by the read that passes the limit",
        arguments: [(["ab", "cd"], 200), (["ab", "cde"], 413), (["abcde"], 413), ([], 200)])
    func counted(parts: [String], status: Int) async throws {
        let source = ScriptedSource(parts.map { .bytes($0) } + [.end(trailers: nil)])
        let record = source.record
        var request = Request(.post, "/")
        request.body = .stream(source)
        #expect(try await client(BodyLimit(bytes: 4)).send(request).status.code == status)
        #expect(record.isReleased)
    }

    @Test("bodies without a length can have a limit of their own")
    func undeclared() async throws {
        var configuration = BodyLimit.Configuration()
        configuration.undeclaredBytes = 2
        let client = client(BodyLimit(bytes: 10, configuration))
        #expect(try await client.post("/", body: "0123456789").status == .ok)
        var request = Request(.post, "/")
        request.body = .stream(ScriptedSource([.bytes("012")]))
        #expect(try await client.send(request).status == .contentTooLarge)
    }

    @Test("a request without a body passes a limit of nothing")
    func nothing() async throws {
        let client = client(BodyLimit(bytes: 0))
        #expect(try await client.get("/").status == .ok)
        #expect(try await client.post("/", body: "x").status == .contentTooLarge)
    }

    @Test("a body that turns out too long while it is forwarded is answered 413, and never whole for the origin")
    func forwarded() async throws {
        let origin = ScriptedUpstream { _ in }
        let handler = Pipeline([BodyLimit(bytes: 4)], endingIn: ReverseProxy(to: "http://10.0.0.1:80"))
        let client = TestClient(handler, origins: ["10.0.0.1:80": origin])
        var request = Request(.post, "/")
        request.body = .stream(ScriptedSource([.bytes("abc"), .bytes("de")]))
        #expect(try await client.send(request).status == .contentTooLarge)
    }

    @Test("negative limits are problems of the composition")
    func problems() {
        var configuration = BodyLimit.Configuration()
        configuration.undeclaredBytes = -2
        let problems = BodyLimit(bytes: -1, configuration).blueprint.validate()
        #expect(problems.map(\.problem) == ["allows bodies of -1 bytes", "allows bodies without a length -2 bytes"])
    }

    @Test("a limited body keeps the rules of a source")
    func source() async {
        let around = BodySourceConformance(of: ["he", "llo"], becoming: "hello") { LimitedBody($0, limit: 5) }
        #expect(await around.check() == [])
    }

    @Test("it leaves bodies and cancellation alone")
    func conformance() async {
        #expect(await MiddlewareConformance(BodyLimit(bytes: 1 << 20)).check() == [])
    }

    private func client(_ limit: BodyLimit) -> TestClient {
        TestClient {
            limit
            HandlerFunction { request, _ in
                Response(.ok, body: .bytes(try await request.body.collect(upTo: 1 << 20)))
            }
        }
    }
}
