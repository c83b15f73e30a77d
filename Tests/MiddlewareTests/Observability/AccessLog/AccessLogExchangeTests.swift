import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// The line of an access log in front of a proxy: what it says of each way in which an exchange ends.
@Suite("AccessLog: ends of exchanges", .timeLimit(.minutes(1)))
struct AccessLogExchangeTests {
    private let memory = AccessLogMemory()
    private let time = ManualTime()

    /// A gateway that logs status, end, the bytes of the answer's body, and the endpoint.
    private func gateway(
        to endpoint: Endpoint,
        _ configure: (inout Forwarder.Configuration) -> Void = { _ in }
    ) -> Pipeline {
        var log = AccessLog.Configuration()
        log.format = .custom("\(.status) \(.end) \(.bytesSent) \(.upstream)")
        log.destination = memory
        var configuration = Forwarder.Configuration()
        configure(&configuration)
        return Pipeline {
            AccessLog(log)
            ReverseProxy(to: endpoint, configuration)
        }
    }

    private func client(
        _ origin: ScriptedUpstream,
        _ configure: (inout Forwarder.Configuration) -> Void = { _ in }
    ) -> TestClient {
        TestClient(gateway(to: "origin:80", configure), time: time, origins: ["origin:80": origin])
    }

    /// The lines, once there is one.
    private func lines() async -> [String] {
        _ = await eventually { !memory.lines.isEmpty }
        return memory.lines
    }

    /// An origin that sends half an answer and nothing more.
    private func halting() -> ScriptedUpstream {
        ScriptedUpstream { exchange in
            exchange.start(.ok, length: 100)
            try await exchange.send("half")
            exchange.hang()
        }
    }

    // MARK: In memory

    @Test("a whole answer is complete, whatever its status", arguments: [200, 404, 503])
    func complete(status: Int) async throws {
        let origin = ScriptedUpstream { $0.answer(HTTPResponse.Status(code: status), "four") }
        #expect(try await client(origin).get("/").status.code == status)
        #expect(await lines() == ["\(status) complete 4 origin:80"])
    }

    @Test("an origin that fails before its head is answered for, and that answer is complete")
    func failed() async throws {
        let response = try await client(ScriptedUpstream { $0.reset() }).get("/")
        #expect(response.status == .badGateway)
        #expect(await lines() == ["502 complete \(response.bytes.readableBytes) origin:80"])
    }

    @Test("an origin that breaks off in the body has failed")
    func brokenOff() async throws {
        let client = client(ScriptedUpstream { $0.halfBody(.ok, "half", declaring: 100) })
        await #expect(throws: BrokenResponse.self) { try await client.get("/") }
        #expect(await lines() == ["200 origin_failed 4 origin:80"])
    }

    @Test("a client that leaves within the body is gone")
    func goneInBody() async throws {
        let stream = try await client(halting()).stream(.get, "/")
        #expect(try await stream.read() == "half")
        stream.leave()
        #expect(await lines() == ["200 client_gone 4 origin:80"])
    }

    @Test("a client that leaves before the answer is gone, and has no status")
    func goneBeforeHead() async throws {
        let origin = ScriptedUpstream { $0.hang() }
        let client = client(origin)
        let request = Task { try await client.get("/") }
        await origin.waitForRequests()
        request.cancel()
        _ = await request.result
        #expect(await lines() == ["- client_gone 0 origin:80"])
    }

    @Test("a limit that passes within the body times out", arguments: ["total", "idle"])
    func timedOut(limit: String) async throws {
        let client = client(halting()) { if limit == "total" { $0.totalTimeout = .seconds(60) } }
        let stream = try await client.stream(.get, "/")
        #expect(try await stream.read() == "half")
        time.advance(by: .seconds(60))
        await #expect(throws: BrokenResponse.self) { try await stream.read() }
        #expect(await lines() == ["200 timed_out 4 origin:80"])
    }

    @Test("a limit that passes before the head is answered for, and that answer is complete")
    func timedOutBeforeHead() async throws {
        let origin = ScriptedUpstream { $0.hang() }
        let client = client(origin) { $0.totalTimeout = .seconds(5) }
        async let response = client.get("/")
        await origin.waitForRequests()
        time.advance(by: .seconds(5))
        let bytes = try await response.bytes.readableBytes
        #expect(await lines() == ["504 complete \(bytes) origin:80"])
    }

    // MARK: On sockets

    /// What the client does once it sees that the exchange stands still.
    enum Act: Sendable {
        /// It waits for the end.
        case stays
        case closes
        case resets
        /// It stays, and a limit passes.
        case outlasts
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var fault: FaultyOrigin.Fault
        var act: Act
        /// How the line begins.
        var line: String

        init(_ fault: FaultyOrigin.Fault, _ act: Act, _ line: String) {
            self.fault = fault
            self.act = act
            self.line = line
        }

        var testDescription: String { "\(fault), \(act): \(line)" }
    }

    static let rows: [Row] = [
        Row(.none, .stays, "200 complete 2"),
        Row(.resets, .stays, "502 complete"),
        Row(.closes, .stays, "502 complete"),
        Row(.babbles, .stays, "502 complete"),
        Row(.breaksOff, .stays, "200 origin_failed 4"),
        Row(.resetsInBody, .stays, "200 origin_failed 4"),
        Row(.hangs, .closes, "- client_gone 0"),
        Row(.hangs, .resets, "- client_gone 0"),
        Row(.hangs, .outlasts, "504 complete"),
        Row(.hangsInBody, .closes, "200 client_gone 4"),
        Row(.hangsInBody, .resets, "200 client_gone 4"),
        Row(.hangsInBody, .outlasts, "200 timed_out 4"),
    ]

    @Test("a server says the same of every end", arguments: rows)
    func server(row: Row) async throws {
        try await FaultyOrigin.run { origin in
            let gateway = gateway(to: origin.endpoint) { $0.totalTimeout = .seconds(5) }
            let runtime = Runtime(time: time, logger: TestClient.silentLogger)
            try await withServer(gateway, runtime: runtime) { server in
                let client = try await server.connect()
                let target = "/\(row.fault.rawValue)"
                try await client.send(request("GET \(target)", "Connection: close"))
                if row.fault == .hangsInBody { _ = try await client.read(through: "half") }
                if row.fault == .hangs { #expect(await eventually { origin.hasSeen(target) }) }
                switch row.act {
                case .stays: break
                case .closes: try await client.close()
                case .resets: try await client.reset()
                case .outlasts: time.advance(by: .seconds(5))
                }
                let lines = await lines()
                #expect(lines.count == 1 && lines.allSatisfy { $0.hasPrefix(row.line) }, "\(lines)")
                #expect(lines.allSatisfy { $0.hasSuffix(" 127.0.0.1:\(origin.port)") }, "\(lines)")
                if row.act == .stays || row.act == .outlasts { _ = try await client.waitForEnd() }
                try? await client.close()
            }
            #expect(memory.lines.count == 1)
        }
    }

    /// Has an exchange with half an answer, of whose request some content is missing, end by an act of the client's.
    private func lineOfUpload(_ act: (RawClient) async throws -> Void) async throws -> [String] {
        try await FaultyOrigin.run { origin in
            let runtime = Runtime(time: time, logger: TestClient.silentLogger)
            return try await withServer(gateway(to: origin.endpoint), runtime: runtime) { server in
                let client = try await server.connect()
                try await client.send(request("POST /hangsInBody", "Transfer-Encoding: chunked") + "4\r\nsome\r\n")
                _ = try await client.read(through: "half")
                try await act(client)
                let lines = await lines()
                try? await client.close()
                return lines
            }
        }
    }

    @Test("a request whose body breaks the protocol under its answer is no failure of the origin")
    func malformedUpload() async throws {
        let lines = try await lineOfUpload { try await $0.send("no size\r\n") }
        #expect(lines.count == 1 && lines.allSatisfy { $0.hasPrefix("200 request_failed 4 ") }, "\(lines)")
    }

    @Test("nor is one whose body does not come in time")
    func lateUpload() async throws {
        let lines = try await lineOfUpload { _ in time.advance(by: .seconds(45)) }
        #expect(lines.count == 1 && lines.allSatisfy { $0.hasPrefix("200 timed_out 4 ") }, "\(lines)")
    }
}
