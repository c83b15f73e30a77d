import Foundation
import Middleware
import MiddlewareTesting
import Testing

/// Short runs of load generators: no error, and every request was one at the origin.
@Suite("Interop with load generators", .serialized, .timeLimit(.minutes(2)))
struct LoadTests {
    @Test(
        "h2load over HTTP/1.1",
        .enabled(if: Program.isInstalled("h2load", "nginx"), "h2load or nginx is not installed"),
        arguments: [1, 32]
    )
    func h2load(connections: Int) async throws {
        let h2load = try #require(Program.named("h2load"))
        try await NginxOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/small"
                let result = try await h2load.run(["--h1", "-n", "2000", "-c", "\(connections)", "-t", "1", url])
                #expect(result.output.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(result.output)")
                #expect(result.output.contains("status codes: 2000 2xx"))
            }
            #expect(origin.requests.count == 2000)
        }
    }

    @Test(
        "h2load with bodies of 64 KB",
        .enabled(if: Program.isInstalled("h2load", "nginx"), "h2load or nginx is not installed"))
    func bodies() async throws {
        let h2load = try #require(Program.named("h2load"))
        try await NginxOrigin.run { origin in
            try origin.write(Data(repeating: 0x61, count: 64 << 10))
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/file"
                let result = try await h2load.run(["--h1", "-n", "500", "-c", "16", "-t", "1", url])
                #expect(result.output.contains("500 succeeded, 0 failed, 0 errored, 0 timeout"), "\(result.output)")
                #expect(result.output.contains("(32768000) data"), "\(result.output)")
            }
            #expect(origin.requests.count == 500)
        }
    }

    @Test("wrk", .enabled(if: Program.isInstalled("wrk", "nginx"), "wrk or nginx is not installed"))
    func wrk() async throws {
        let wrk = try #require(Program.named("wrk"))
        try await NginxOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/small"
                let result = try await wrk.run(["-t", "1", "-c", "32", "-d", "1s", url])
                #expect(result.status == 0 && result.output.contains("requests in"), "\(result.output)")
                let isClean = !result.output.contains("Socket errors") && !result.output.contains("Non-2xx")
                #expect(isClean, "\(result.output)")
            }
            #expect(!origin.requests.isEmpty && origin.requests.allSatisfy { $0 == "GET /small HTTP/1.1 200" })
        }
    }

    @Test(
        "h2load and a small origin of Python",
        .enabled(if: Program.isInstalled("h2load", "python3"), "h2load or python3 is not installed"))
    func h2loadToPython() async throws {
        let h2load = try #require(Program.named("h2load"))
        try await PythonOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/chunks"
                let result = try await h2load.run(["--h1", "-n", "200", "-c", "4", "-t", "1", url])
                #expect(result.output.contains("200 succeeded, 0 failed, 0 errored, 0 timeout"), "\(result.output)")
                #expect(result.output.contains("status codes: 200 2xx"))
            }
        }
    }

    @Test(
        "wrk and a small origin of Python",
        .enabled(if: Program.isInstalled("wrk", "python3"), "wrk or python3 is not installed"))
    func wrkToPython() async throws {
        let wrk = try #require(Program.named("wrk"))
        try await PythonOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/a"
                let result = try await wrk.run(["-t", "1", "-c", "4", "-d", "1s", url])
                #expect(result.status == 0 && result.output.contains("requests in"), "\(result.output)")
                #expect(!result.output.contains(" 0 requests in"), "\(result.output)")
                #expect(!result.output.contains("Socket errors") && !result.output.contains("Non-2xx"))
            }
        }
    }

    @Test("nc sends raw requests", .enabled(if: Program.isInstalled("nc", "nginx"), "nc or nginx is not installed"))
    func nc() async throws {
        let nc = try #require(Program.named("nc"))
        try await NginxOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                for (text, start) in [
                    ("GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
                    ("GET /small HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
                    ("GET /small HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
                    ("\u{16}\u{3}\u{1}\u{0}\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
                ] {
                    let file = origin.folder.appending(path: "request")
                    try Data(text.utf8).write(to: file)
                    // It ends when the server closes.
                    let result = try await nc.run(["-w", "20", "127.0.0.1", "\(server.port)"], input: file)
                    #expect(result.output.hasPrefix(start), "\(text): \(result.output)")
                }
            }
            #expect(origin.requests.count == 2)
        }
    }
}
