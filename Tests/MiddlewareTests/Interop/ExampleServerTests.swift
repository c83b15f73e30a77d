import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The example gateway as its users run it: the program that is built beside these tests.
@Suite(
    "The example server",
    .enabled(if: Example.program != nil, "no ExampleServer stands beside the test bundle"),
    .timeLimit(.minutes(1))
)
struct ExampleServerTests {
    @Test(
        "a bad argument ends it with the status for a wrong usage, and the message names the option",
        arguments: [
            "--listen nowhere", "--listen 127.0.0.1:65536", "--listen ::1:80", "--listen unix:", "--upstream a:b:c",
            "--upstream https://a", "--upstream a:1,weight=0", "--upstream a:1,best",
            "--balancing best", "--discover nowhere", "--health-interval 0", "--tcp a:1", "--udp nowhere=a:1",
            "--threads 0", "--threads 1025", "--threads -1",
            "--access-log loud", "--access-log", "--nonsense", "--allow 10.0.0.0/33", "--deny nobody",
            "--body-limit -1",
            "--concurrency 0", "--timeout soon", "--cors app", "--request-header name",
            "--response-header na\u{7F}me:x",
            "--files / --upstream a:1",
        ]
    )
    func badArguments(_ arguments: String) async throws {
        let words = arguments.split(separator: " ").map(String.init)
        let result = try await #require(Example.program).run(words)
        #expect(result.status == 64 && result.output == "")
        // What follows is the usage, which names every option.
        let message = result.errors.prefix { $0 != "\n" }
        #expect(message.hasPrefix("Error: ") && message.contains("'\(words[0])"), "\(result.errors)")
    }

    @Test("its help lists the options")
    func help() async throws {
        let result = try await #require(Example.program).run(["--help"])
        #expect(result.status == 0 && result.errors == "")
        for option in [
            "--listen", "--upstream", "--files", "--threads", "--access-log", "--allow", "--deny", "--body-limit",
            "--concurrency", "--timeout", "--cors", "--csrf", "--security-headers", "--maintenance", "--error-page",
            "--strip-prefix", "--request-header", "--response-header", "--balancing", "--discover", "--name-server",
            "--health-path", "--health-interval", "--retries", "--retry-status", "--try-timeout", "--hedge-after",
            "--sticky-cookie", "--mirror", "--tcp", "--udp",
        ] {
            #expect(result.output.contains("\n  \(option) "), "\(option): \(result.output)")
        }
    }

    @Test("with an upstream it forwards there, and logs what it is asked to")
    func forwarding() async throws {
        let echo = HandlerFunction { request, _ in Response(.ok, body: .text(request.path)) }
        try await withServer(echo) { origin in
            let arguments = ["--upstream", "127.0.0.1:\(origin.port)", "--threads", "1", "--access-log", "common"]
            let result = try await Example.run(arguments) { example in
                let client = try await example.connect()
                for number in 0..<3 {
                    try await client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                    let response = try await client.readResponse()
                    #expect(response.status == .ok && response.body == "/\(number)")
                }
                example.terminate()
            }
            #expect(result.status == 0)
            let logged = result.output.split(separator: "\n")
            #expect(logged.count == 3 && logged[0].contains("\"GET /0 HTTP/1.1\" 200 2"), "\(result.output)")
        }
    }

    @Test("its pieces stand in front of an upstream")
    func pieces() async throws {
        let echo = HandlerFunction { request, _ in
            Response(
                .ok, headers: [.server: "o"],
                body: .text("\(request.path) \(request.headers[.via] ?? "") \(request.headers[.from] ?? "")"))
        }
        try await withServer(echo) { origin in
            let arguments = [
                "--upstream", "127.0.0.1:\(origin.port)", "--strip-prefix", "/v1", "--request-header", "From: edge",
                "--response-header", "Server:", "--security-headers", "--cors", "https://app.example", "--csrf",
                "--body-limit", "10", "--timeout", "30", "--concurrency", "5", "--deny", "192.0.2.0/24",
                "--maintenance",
            ]
            let result = try await Example.run(arguments) { example in
                let client = try await example.connect()
                try await client.send("GET /v1/a HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n")
                let answer = try await client.readResponse()
                #expect(answer.status == .ok && answer.body.hasPrefix("/a ") && answer.body.hasSuffix(" edge"))
                #expect(answer.headers[.server] == nil && answer.headers[.xFrameOptions] != nil)
                #expect(answer.headers[.accessControlAllowOrigin] == "https://app.example")
                try await client.send("POST /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
                #expect(try await client.readResponse().status == .contentTooLarge)
                example.terminate()
            }
            #expect(result.status == 0)
        }
    }

    @Test("with a folder it serves files, and with a page shows it for errors")
    func files() async throws {
        try await withTemporaryFolder { folder in
            try Data("0123456789".utf8).write(to: folder.appending(path: "a.txt"))
            try Data("<h1>{{status}}</h1>".utf8).write(to: folder.appending(path: "error.html"))
            let page = folder.appending(path: "error.html").path()
            let result = try await Example.run(["--files", folder.path(), "--error-page", page]) { example in
                let client = try await example.connect()
                try await client.send("GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n")
                let part = try await client.readResponse()
                #expect(part.status == .partialContent && part.body == "234")
                try await client.send("GET /b.txt HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n")
                let missing = try await client.readResponse()
                #expect(missing.status == .notFound && missing.body == "<h1>404</h1>")
                example.terminate()
            }
            #expect(result.status == 0)
        }
    }

    @Test("a piece with a bad value ends it with what is wrong")
    func badPieces() async throws {
        let result = try await #require(Example.program).run(["--upstream", "a:1", "--strip-prefix", "v1"])
        #expect(result.status != 0 && result.errors.contains("HeaderRewrite has the path prefix \"v1\""), "\(result)")
    }

    @Test("SIGTERM lets a request in flight have its whole answer, and ends it with the status 0")
    func drain() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        let content = String(repeating: "0123456789", count: 100_000)
        let held = HandlerFunction { _, _ in
            arrived.yield()
            for await _ in releases { break }
            return Response(.ok, body: .text(content))
        }
        try await withServer(held) { origin in
            let result = try await Example.run(["--upstream", "127.0.0.1:\(origin.port)"]) { example in
                let client = try await example.connect()
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                for await _ in arrivals { break }
                example.terminate()
                try #require(await example.logs("draining") != nil)
                release.yield()
                let response = try await client.readResponse()
                #expect(response.status == .ok && response.body == content)
                #expect(try await client.waitForEnd() == nil)
            }
            #expect(result.status == 0 && result.output == "")
        }
    }
}

/// A process of the example server that listens on a port which the system chose.
private struct Example {
    let address: SocketAddress
    private let pid: pid_t
    /// The lines of its log, which is its standard error.
    private let log: AsyncStream<String>

    /// The program in the folder of the test bundle; `nil` when it is not built. Where a tool of the toolchain loads
    /// the bundle, an argument names it.
    static let program: Program? = {
        let paths = [Bundle.main.executableURL?.path(percentEncoded: false) ?? ""] + CommandLine.arguments
        guard let path = paths.first(where: { $0.contains(".xctest") }) else { return nil }
        var place = URL(filePath: path)
        while place.pathExtension != "xctest", place.pathComponents.count > 1 { place.deleteLastPathComponent() }
        let program = place.deletingLastPathComponent().appending(path: "ExampleServer").path(percentEncoded: false)
        return FileManager.default.isExecutableFile(atPath: program) ? Program(path: program) : nil
    }()

    /// Runs it until its end, which `body` asks for by ``terminate()``.
    static func run(_ arguments: [String], _ body: (Example) async throws -> Void) async throws -> Program.Result {
        let program = try #require(program)
        return try await withTemporaryFolder { folder in
            let (output, fifo) = (folder.appending(path: "output"), folder.appending(path: "log"))
            try #require(mkfifo(fifo.path(), 0o600) == 0)
            // Opened first, because the program that writes waits for one that reads.
            let reader = open(fifo.path(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            try #require(reader >= 0)
            let pid = try program.start(["--listen", "127.0.0.1:0"] + arguments, output: output, errors: fifo)
            return try await withTaskCancellationHandler {
                do {
                    try await body(Example(pid: pid, log: lines(of: reader)))
                } catch {
                    kill(pid, SIGKILL)
                    _ = await Program.end(of: pid)
                    throw error
                }
                let status = await Program.end(of: pid)
                return Program.Result(
                    status: status,
                    output: try String(contentsOf: output, encoding: .utf8),
                    errors: ""
                )
            } onCancel: {
                kill(pid, SIGKILL)
            }
        }
    }

    /// Waits until it listens.
    private init(pid: pid_t, log: AsyncStream<String>) async throws {
        var line: String?
        for await next in log where next.contains("listening") {
            line = next
            break
        }
        let match = try #require(line?.firstMatch(of: /127\.0\.0\.1:(?<port>[0-9]+)/))
        address = try SocketAddress(ipAddress: "127.0.0.1", port: #require(Int(match.port)))
        self.pid = pid
        self.log = log
    }

    func connect() async throws -> RawClient { try await RawClient.connect(to: address) }

    func terminate() { kill(pid, SIGTERM) }

    /// Waits for a line that holds `text`; `nil` when the process ends without one.
    func logs(_ text: String) async -> String? {
        for await line in log where line.contains(text) { return line }
        return nil
    }

    /// What a program writes into a pipe with a name, until its end, whether or not somebody looks at it.
    private static func lines(of descriptor: Int32) -> AsyncStream<String> {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            _ = fcntl(descriptor, F_SETFL, 0)
            let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            var text = Data()
            while case let part = file.availableData, !part.isEmpty {
                text += part
                while let end = text.firstIndex(of: 0x0A) {
                    continuation.yield(String(decoding: text[..<end], as: UTF8.self))
                    text.removeSubrange(...end)
                }
            }
            continuation.finish()
        }
        return lines
    }
}
