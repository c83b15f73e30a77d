import Foundation
import Middleware
import MiddlewareTesting
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An nginx that serves a folder over a Unix-domain socket, so that no port is taken.
///
/// `/small` is five bytes, `/file` is what ``write(_:)`` gave it. One line of its log is one request.
struct NginxOrigin: Sendable {
    let folder: URL

    var endpoint: Endpoint { Endpoint("unix:\(folder.path())/nginx.sock") }

    /// What it has logged: one line a request.
    var requests: [Substring] {
        let text = (try? String(contentsOf: folder.appending(path: "access.log"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n")
    }

    func write(_ content: Data) throws { try content.write(to: folder.appending(path: "file")) }

    static func run<Value>(_ body: (NginxOrigin) async throws -> Value) async throws -> Value {
        let nginx = try #require(Program.named("nginx"))
        return try await withTemporaryFolder { folder in
            let path = folder.path()
            let configuration = """
                master_process off;
                pid \(path)/nginx.pid;
                error_log \(path)/error.log;
                events { worker_connections 1024; }
                http {
                    log_format plain '$request $status';
                    access_log \(path)/access.log plain;
                    client_body_temp_path \(path)/t1; proxy_temp_path \(path)/t2; fastcgi_temp_path \(path)/t3;
                    uwsgi_temp_path \(path)/t4; scgi_temp_path \(path)/t5;
                    keepalive_requests 100000;
                    absolute_redirect off;
                    if_modified_since before;
                    server {
                        listen unix:\(path)/nginx.sock;
                        root \(path);
                        location = /small { return 200 'small'; }
                        location = /moved { return 301 /small; }
                    }
                }
                """
            try configuration.write(to: folder.appending(path: "nginx.conf"), atomically: true, encoding: .utf8)
            let files = ["-p", path, "-e", "\(path)/error.log", "-c", "\(path)/nginx.conf"]
            // It returns once it listens.
            let start = try await nginx.run(files)
            try #require(start.status == 0, "\(start.errors)")
            defer {
                let text = try? String(contentsOf: folder.appending(path: "nginx.pid"), encoding: .utf8)
                if let pid = text.flatMap({ pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }) {
                    kill(pid, SIGTERM)
                }
            }
            return try await body(NginxOrigin(folder: folder))
        }
    }
}

/// An origin of the Python standard library, on a port that the system chooses.
///
/// GET gives the request line and the fields back, `/chunks` ten chunks and a trailer, `/close` content without a
/// length. POST and PUT give the length and the SHA-256 of the content.
struct PythonOrigin: Sendable {
    let endpoint: Endpoint

    /// - Parameters:
    ///   - version: what it speaks: `HTTP/1.0` or `HTTP/1.1`.
    ///   - host: where it listens.
    static func run<Value>(
        version: String = "HTTP/1.1",
        host: String = "127.0.0.1",
        _ body: (PythonOrigin) async throws -> Value
    ) async throws -> Value {
        let python = try #require(Program.named("python3"))
        return try await withTemporaryFolder { folder in
            let script = folder.appending(path: "origin.py")
            try Self.script.write(to: script, atomically: true, encoding: .utf8)
            let fifo = folder.appending(path: "port")
            try #require(mkfifo(fifo.path(), 0o600) == 0)
            // Opened first, because the program that writes waits for one that reads.
            let reader = open(fifo.path(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            try #require(reader >= 0)
            let errors = folder.appending(path: "errors")
            let pid = try python.start([script.path(), version, host], output: fifo, errors: errors)
            let port = await firstLine(of: reader).flatMap { Int($0) }
            do {
                let name = host.contains(":") ? "[\(host)]" : host
                let value = try await body(PythonOrigin(endpoint: Endpoint("\(name):\(try #require(port))")))
                kill(pid, SIGTERM)
                _ = await Program.end(of: pid)
                return value
            } catch {
                kill(pid, SIGTERM)
                _ = await Program.end(of: pid)
                throw error
            }
        }
    }

    /// What a program has written into a pipe with a name.
    private static func firstLine(of descriptor: Int32) async -> String? {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                _ = fcntl(descriptor, F_SETFL, 0)
                let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
                var line = Data()
                while !line.contains(0x0A) {
                    let part = file.availableData
                    if part.isEmpty { break }
                    line += part
                }
                let text = String(decoding: line, as: UTF8.self)
                continuation.resume(returning: text.split(separator: "\n").first.map(String.init))
            }
        }
    }

    private static let script = """
        import hashlib, socket, sys
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
            daemon_threads = True
            request_queue_size = 256

        class Handler(BaseHTTPRequestHandler):
            protocol_version = sys.argv[1]

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                if self.path == "/chunks":
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.send_header("Trailer", "X-Sum")
                    self.end_headers()
                    for number in range(10):
                        self.wfile.write(b"7\\r\\nchunk %d\\r\\n" % number)
                    self.wfile.write(b"0\\r\\nX-Sum: ten\\r\\n\\r\\n")
                elif self.path == "/close":
                    self.send_response(200)
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.wfile.write(b"until the end")
                else:
                    self.answer((self.requestline + "\\n" + str(self.headers)).encode())

            do_HEAD = do_GET

            def do_POST(self):
                content = self.content()
                self.answer(b"%d %s" % (len(content), hashlib.sha256(content).hexdigest().encode()))

            do_PUT = do_POST

            def content(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                content = b""
                while True:
                    size = int(self.rfile.readline().split(b";")[0], 16)
                    content += self.rfile.read(size)
                    self.rfile.readline()
                    if size == 0:
                        return content

            def answer(self, content):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

        server = Server((sys.argv[2], 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """
}
