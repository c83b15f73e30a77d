import HTTPTypes
import Logging
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// What a server says in the application log of requests that no handler sees.
@Suite("Server: the log")
struct ServerLogTests {
    private let log = RecordedLog()

    /// Sends text over a connection of its own, and gives the status of the answer and the client's port.
    private func send(_ text: String, from level: Logger.Level = .trace) async throws -> (status: Int, port: Int) {
        try await withServer(collectHandler, runtime: Runtime(logger: log.logger(from: level))) { server in
            let client = try await server.connect()
            try await client.send(text)
            let status = try await client.readResponse(to: .post).status.code
            let port = client.localAddress?.port ?? 0
            try await client.close()
            return (status, port)
        }
    }

    private var refusals: [RecordedLog.Entry] { log.entries.filter { $0.message == "refused a malformed request" } }

    static let malformed: [(String, String)] = [
        ("hidden\r\n\r\n", "requestLineInvalid"),
        ("GET /hidden HTTP/2.0\r\nHost: a\r\n\r\n", "versionUnsupported"),
        ("GET /hidden HTTP/1.1\r\n\r\n", "hostMissing"),
        ("GET /hidden HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "hostRepeated"),
        ("GET /hidden HTTP/1.1\r\nHost: a\r\nX : hidden\r\n\r\n", "whitespaceBeforeColon"),
        ("GET /hidden HTTP/1.1\r\nHost: a\r\nX: y\r\n hidden\r\n\r\n", "obsoleteFold"),
        (
            "POST /hidden HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "contentLengthWithTransferEncoding"
        ),
        ("GET /hidden HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "hidden", count: 20_000))\r\n\r\n", "headTooLarge"),
    ]

    @Test("a malformed head is one debug line with its rule and its client", arguments: malformed)
    func malformedHead(text: String, rule: String) async throws {
        let sent = try await send(text)
        #expect(sent.status >= 400)
        let lines = refusals
        try #require(lines.count == 1, "\(log.entries)")
        #expect(lines[0].level == .debug && lines[0].metadata["rule"] == rule)
        #expect(lines[0].metadata["client"]?.hasSuffix("127.0.0.1:\(sent.port)") == true, "\(lines[0])")
        #expect(log.entries(.warning).isEmpty)
    }

    @Test("nothing of what was received stands in the log", arguments: malformed)
    func quiet(text: String, rule: String) async throws {
        _ = try await send(text)
        #expect(!log.entries.contains { "\($0)".contains("hidden") }, "\(log.entries)")
    }

    @Test("a body that breaks the protocol is one debug line as well")
    func malformedBody() async throws {
        let sent = try await send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n")
        #expect(sent.status == 400)
        #expect(refusals.map { $0.metadata["rule"] } == ["chunkSizeInvalid"])
    }

    @Test("a logger from info on is told nothing of it")
    func level() async throws {
        #expect(try await send("GET / HTTP/1.1\r\n\r\n", from: .info).status == 400)
        #expect(refusals.isEmpty && log.entries.allSatisfy { $0.level >= .info })
    }

    @Test("a request that is served adds no line")
    func served() async throws {
        #expect(try await send(request("POST /", "Connection: close", body: "whole")).status == 200)
        #expect(refusals.isEmpty && log.entries(.warning).isEmpty)
    }
}
