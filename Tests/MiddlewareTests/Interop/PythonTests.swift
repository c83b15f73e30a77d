import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// The Python standard library as origin and as client.
@Suite(
    "Interop with Python",
    .enabled(if: Program.isInstalled("python3"), "python3 is not installed"),
    .timeLimit(.minutes(2))
)
struct PythonTests {
    @Test("http.client keeps its connection, sends lengths and chunks, and reads every kind of answer")
    func client() async throws {
        let script = """
            import hashlib, http.client, sys
            connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
            connection.connect()
            port = connection.sock.getsockname()
            def exchange(*arguments, **named):
                connection.request(*arguments, **named)
                response = connection.getresponse()
                return response.status, response.read()
            content = bytes(range(256)) * 4096
            digest = b"%d %s" % (len(content), hashlib.sha256(content).hexdigest().encode())
            for _ in range(3):
                assert exchange("GET", "/a")[0] == 200
                assert exchange("HEAD", "/a") == (200, b"")
                assert exchange("POST", "/b", body=content) == (200, digest)
                parts = [content[start:start + 10000] for start in range(0, len(content), 10000)]
                assert exchange("PUT", "/c", body=iter(parts), encode_chunked=True) == (200, digest)
                assert exchange("GET", "/chunks") == (200, b"".join(b"chunk %d" % number for number in range(10)))
                assert exchange("GET", "/close") == (200, b"until the end")
            assert connection.sock.getsockname() == port
            print("fine")
            """
        try await PythonOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let python = try #require(Program.named("python3"))
                let result = try await python.run(["-c", script, "\(server.port)"])
                #expect(result.output == "fine\n", "\(result.errors)")
            }
        }
    }

    @Test(
        "http.client keeps its connection to an nginx behind the gateway",
        .enabled(if: Program.isInstalled("nginx"), "nginx is not installed")
    )
    func clientOfNginx() async throws {
        let script = """
            import http.client, sys
            connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
            connection.connect()
            port = connection.sock.getsockname()
            def exchange(*arguments, **named):
                connection.request(*arguments, **named)
                response = connection.getresponse()
                return response.status, response.read(), response
            content = bytes(range(256)) * 4096
            for _ in range(3):
                assert exchange("GET", "/small")[:2] == (200, b"small")
                status, body, head = exchange("HEAD", "/file")
                assert (status, body, head.getheader("Content-Length")) == (200, b"", str(len(content)))
                assert exchange("GET", "/file")[:2] == (200, content)
                assert exchange("GET", "/file", headers={"Range": "bytes=256-511"})[:2] == (206, bytes(range(256)))
                condition = {"If-None-Match": head.getheader("ETag")}
                assert exchange("GET", "/file", headers=condition)[:2] == (304, b"")
                status, _, moved = exchange("GET", "/moved")
                assert (status, moved.getheader("Location")) == (301, "/small")
                assert exchange("GET", "/none")[0] == 404
                assert exchange("POST", "/small", body=content[:10000])[:2] == (200, b"small")
                assert exchange("PUT", "/small", body=iter([b"a", b"bc"]), encode_chunked=True)[:2] == (200, b"small")
            assert connection.sock.getsockname() == port
            print("fine")
            """
        try await NginxOrigin.run { origin in
            try origin.write(Data((0..<4096 * 256).map { UInt8(truncatingIfNeeded: $0) }))
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let python = try #require(Program.named("python3"))
                let result = try await python.run(["-c", script, "\(server.port)"])
                #expect(result.output == "fine\n", "\(result.errors)")
            }
            // nginx writes its line after the answer.
            #expect(await eventually { origin.requests.count == 27 })
        }
    }

    @Test("an origin of HTTP/1.0 is understood")
    func http10() async throws {
        try await PythonOrigin.run(version: "HTTP/1.0") { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let client = try await server.connect()
                for number in 0..<5 {
                    try await client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                    let response = try await client.readResponse()
                    #expect(response.status == .ok && response.body.hasPrefix("GET /\(number) HTTP/1.1\n"))
                }
                try await client.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.readResponse().body == "until the end")
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                #expect(try await client.readResponse(to: .post).body.hasPrefix("3 ba7816bf"))
            }
        }
    }

    @Test("chunks and trailers of an origin reach the client, also cut into HTTP/1.0")
    func chunks() async throws {
        let whole = (0..<10).map { "chunk \($0)" }.joined()
        try await PythonOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let client = try await server.connect()
                try await client.send("GET /chunks HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
                let response = try await client.readResponse()
                #expect(response.body == whole && response.headers[.trailer] == "X-Sum")
                #expect(response.trailers?.map { "\($0.name): \($0.value)" } == ["X-Sum: ten"])
                let old = try await server.connect()
                try await old.send("GET /chunks HTTP/1.0\r\n\r\n")
                let text = try await old.readUntilClose()
                #expect(text.hasSuffix("\r\n\r\n" + whole) && !text.contains("chunked"))
            }
        }
    }

    @Test("an origin sees a request as the gateway means it")
    func request() async throws {
        try await PythonOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let client = try await server.connect()
                let fields = "Host: a\r\nX-A: 1\r\nConnection: X-B\r\nX-B: 2\r\n"
                try await client.send("GET http://b.example/x?y HTTP/1.1\r\n\(fields)\r\n")
                let response = try await client.readResponse()
                #expect(
                    response.body.split(separator: "\n").sorted() == [
                        "GET /x?y HTTP/1.1", "Host: b.example", "Via: 1.1 gateway", "X-A: 1",
                        "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: b.example", "X-Forwarded-Proto: http",
                    ])
            }
        }
    }

    @Test("the trailers of a request, and chunks of any size, are taken")
    func requestTrailers() async throws {
        try await PythonOrigin.run { origin in
            try await withServer(ReverseProxy(to: origin.endpoint)) { server in
                let client = try await server.connect()
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                for part in ["1\r\na\r\n", "2;x=y\r\nbc\r\n", "0\r\n\r\n"] { try await client.send(part) }
                #expect(try await client.readResponse(to: .post).body.hasPrefix("3 ba7816bf"))
            }
        }
    }
}
