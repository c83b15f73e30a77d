import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// curl, through a real server and the reverse proxy, to nginx and to Python.
@Suite(
    "Interop with curl",
    .enabled(if: Program.isInstalled("curl", "nginx", "python3"), "curl, nginx or python3 is not installed"),
    .timeLimit(.minutes(2))
)
struct CurlTests {
    private func curl(_ arguments: String..., input: URL? = nil) async throws -> Program.Result {
        let curl = try #require(Program.named("curl"))
        return try await curl.run(["-sS", "--max-time", "60", "--noproxy", "*"] + arguments, input: input)
    }

    /// Content that repeats itself nowhere near, and its length and digest as the origin says them.
    private func content(_ count: Int) -> Data {
        var random = SplitMix(seed: UInt64(count))
        return Data((0..<count / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } })
    }

    @Test("GET, twice over one connection")
    func get() async throws {
        try await NginxOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/small"
                let result = try await curl("-w", " %{http_code} %{http_version} %{num_connects}\n", url, url)
                #expect(result.output == "small 200 1.1 1\nsmall 200 1.1 0\n" && result.errors.isEmpty)
            }
            #expect(origin.requests == ["GET /small HTTP/1.1 200", "GET /small HTTP/1.1 200"])
        }
    }

    @Test("HEAD, a redirect, and what is not there")
    func head() async throws {
        try await NginxOrigin.run { origin in
            try origin.write(content(4_000))
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)"
                let head = try await curl("-I", url + "/file").output.lowercased()
                #expect(head.hasPrefix("http/1.1 200 ok\r\n") && head.contains("\r\ncontent-length: 4000\r\n"))
                #expect(head.contains("\r\netag: ") && head.contains("\r\naccept-ranges: bytes\r\n"))
                let moved = try await curl("-L", "-w", " %{num_redirects}", url + "/moved")
                #expect(moved.output == "small 1")
                #expect(try await curl("-o", "/dev/null", "-w", "%{http_code}", url + "/none").output == "404")
            }
        }
    }

    @Test("ranges and conditions")
    func ranges() async throws {
        try await NginxOrigin.run { origin in
            try origin.write(Data("0123456789".utf8))
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/file"
                #expect(try await curl("-r", "2-5", "-w", " %{http_code}", url).output == "2345 206")
                #expect(try await curl("-r", "-2", "-w", " %{http_code}", url).output == "89 206")
                let late = "Fri, 01 Jan 2100 00:00:00 GMT"
                #expect(
                    try await curl("-H", "If-Modified-Since: \(late)", "-w", "%{http_code}", url).output == "304")
                let several = try await curl("-r", "0-1,4-5", url).output
                #expect(several.contains("\r\n\r\n01\r\n") && several.contains("\r\n\r\n45\r\n"))
            }
        }
    }

    @Test("HTTP/1.0, with and without keep-alive")
    func http10() async throws {
        try await NginxOrigin.run { origin in
            try origin.write(content(100_000))
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/file"
                for field in ["Connection: close", "Connection: keep-alive"] {
                    let format = "%{http_code} %{size_download}\n"
                    let result = try await curl("--http1.0", "-H", field, "-o", "/dev/null", "-w", format, url)
                    #expect(result.output == "200 100000\n" && result.status == 0)
                }
            }
        }
    }

    @Test("a large file comes unchanged")
    func download() async throws {
        try await NginxOrigin.run { origin in
            let content = content(8 << 20)
            try origin.write(content)
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let file = origin.folder.appending(path: "copy")
                let result = try await curl("-o", file.path(), "http://127.0.0.1:\(server.port)/file")
                #expect(try result.status == 0 && Data(contentsOf: file) == content)
            }
        }
    }

    @Test(
        "POST of 1 MB, with and without an expectation, chunked from the standard input, and by HTTP/1.0",
        arguments: ["--data-binary", "expect", "chunked", "1.0"]
    )
    func upload(how: String) async throws {
        let content = content(how == "expect" ? 4 << 20 : 1 << 20)
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "content")
            try content.write(to: file)
            let digest = try await Program.named("sha256sum")?.run([file.path()]).output.prefix { $0 != " " }
            try await PythonOrigin.run { origin in
                try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                    let url = "http://127.0.0.1:\(server.port)/upload"
                    let data = "@\(file.path())"
                    let result =
                        switch how {
                        case "expect":
                            try await curl(
                                "-v",
                                "--expect100-timeout",
                                "60",
                                "-H",
                                "Expect: 100-continue",
                                "--data-binary",
                                data,
                                url
                            )
                        case "chunked": try await curl("-T", "-", url, input: file)
                        case "1.0": try await curl("--http1.0", "--data-binary", data, url)
                        default: try await curl("-H", "Expect:", "--data-binary", data, url)
                        }
                    #expect(result.status == 0, "\(result.errors)")
                    #expect(result.output.hasPrefix("\(content.count) \(digest ?? "")"))
                    if how == "expect" { #expect(result.errors.contains("HTTP/1.1 100 Continue")) }
                }
            }
        }
    }

    @Test("a hundred requests at once")
    func parallel() async throws {
        try await NginxOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let url = "http://127.0.0.1:\(server.port)/small?[1-100]"
                let result = try await curl(
                    "--parallel", "--parallel-immediate", "--parallel-max", "100", "-o", "/dev/null", "-w",
                    "%{http_code}\n", url)
                #expect(result.output.split(separator: "\n").filter { $0 == "200" }.count == 100)
                #expect(result.status == 0, "\(result.errors)")
            }
            #expect(Set(origin.requests).count == 100)
        }
    }

    @Test("a listener and an origin on IPv6, and a listener on a Unix-domain socket")
    func addresses() async throws {
        try await PythonOrigin.run(host: "::1") { origin in
            try await withServer(ReverseProxy(to: origin.endpoint), on: .loopbackIPv6) { server in
                let result = try await curl("http://[::1]:\(server.port)/a")
                #expect(
                    result.output.hasPrefix("GET /a HTTP/1.1\n") && result.output.contains("X-Forwarded-For: ::1\n"))
                #expect(result.output.contains("Host: [::1]:\(server.port)\n"))
            }
            try await withServer(ReverseProxy(to: origin.endpoint), on: .unix) { server in
                let path = try #require(server.address.pathname)
                let result = try await curl("--unix-socket", path, "http://example.test/a")
                #expect(result.output.contains("Host: example.test\n") && !result.output.contains("X-Forwarded-For"))
            }
        }
    }

    @Test("an origin that is not there")
    func nowhere() async throws {
        try await withServer(ReverseProxy(to: "unix:/nonexistent/origin.sock")) { server in
            let result = try await curl("-w", " %{http_code}", "http://127.0.0.1:\(server.port)/")
            #expect(result.output.hasSuffix(" 502") && result.output.contains("Bad Gateway"))
        }
    }
}
