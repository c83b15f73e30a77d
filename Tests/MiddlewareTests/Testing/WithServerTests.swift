import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("withServer and RawClient")
struct WithServerTests {
    private let echo = HandlerFunction { request, _ in
        Response(.ok, body: .bytes(try await request.body.collect(upTo: 1 << 20)))
    }

    @Test("a server runs on every kind of listener", arguments: [TestListener.loopback, .unix])
    func listeners(_ listener: TestListener) async throws {
        try await withServer(echo, on: listener) { server in
            let client = try await server.connect()
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            let response = try await client.readResponse(to: .post)
            #expect(response.status == .ok && response.body == "abc" && response.headers[.contentLength] == "3")
            #expect((server.port == 0) == (listener == .unix))
        }
    }

    @Test("responses are read one after the other, and the end is seen")
    func pipelined() async throws {
        try await withServer(echo) { server in
            let client = try await server.connect()
            let request = "GET / HTTP/1.1\r\nHost: a\r\n"
            try await client.send(request + "\r\n" + request + "Connection: close\r\n\r\n")
            #expect(try await client.readResponse().status == .ok)
            #expect(try await client.read(through: "\r\n") == "HTTP/1.1 200 OK\r\n")
            #expect(try await client.readUntilClose().contains("Connection: close\r\n"))
            #expect(try await client.waitForEnd() == nil)
        }
    }

    @Test("a read of more than there is throws what there was")
    func ended() async throws {
        try await withServer(echo) { server in
            let client = try await server.connect()
            try await client.send("nonsense\r\n\r\n")
            let error = try await #require(throws: RawConnectionEnded.self) { try await client.read(100_000) }
            #expect(error.received.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test("a composition with problems is not run")
    func composition() async throws {
        var configuration = Server.Configuration()
        configuration.backlog = 0
        await #expect(throws: CompositionError.self) {
            try await withServer(echo, configuration: configuration) { _ in Issue.record("it ran") }
        }
    }

    @Test("what the body of the test throws comes out")
    func throwing() async throws {
        await #expect(throws: HTTPError.self) {
            try await withServer(echo) { _ in throw HTTPError(.teapot) }
        }
    }
}

extension HTTPResponse.Status {
    fileprivate static var teapot: Self { .init(code: 418, reasonPhrase: "I'm a teapot") }
}
