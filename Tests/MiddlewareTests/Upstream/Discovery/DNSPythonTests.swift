import Foundation
import Middleware
import MiddlewareTesting
import NIOCore
import NIOPosix
import Testing

/// A small name server in Python's standard library, written from the RFCs without the code that is tested here.
@Suite(
    "DNS with Python",
    .enabled(if: Program.isInstalled("python3"), "python3 is not installed"),
    .timeLimit(.minutes(1))
)
struct DNSPythonTests {
    private static let server = """
        import socket, socketserver, struct, sys, threading, ipaddress
        zone = {
            ("a.test", 1): [(300, "10.0.0.1"), (120, "10.0.0.2")],
            ("a.test", 28): [(60, "2001:db8::1")],
            ("alias.test", 5): [(30, "a.test")],
            ("big.test", 1): [(60, "10.1.%d.%d" % (n // 250, n % 250)) for n in range(900)],
            ("_http._tcp.test", 33): [(90, (1, 2, 8080, "a.test")), (90, (0, 0, 80, "b.test"))],
            ("b.test", 1): [(45, "10.0.0.3")],
        }
        def encode(name, names, at):
            out, labels = b"", name.split(".")
            for index in range(len(labels)):
                rest = ".".join(labels[index:])
                if rest in names: return out + struct.pack("!H", 0xC000 | names[rest])
                names[rest] = at + len(out)
                out += bytes([len(labels[index])]) + labels[index].encode()
            return out + b"\\0"
        def answer(query, limit):
            number, flags, questions, _, _, extra = struct.unpack("!6H", query[:12])
            assert flags == 0x0100 and questions == 1 and extra == 1
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            name, kind = ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])[0]
            assert query[at + 5:at + 10] == struct.pack("!BHH", 0, 41, 1232), "EDNS with 1232 bytes"
            chain, found = [], []
            while (name, kind) not in zone and (name, 5) in zone:
                lifetime, target = zone[name, 5][0]
                chain.append((name, 5, lifetime, target))
                name = target
            found = chain + [(name, kind, lifetime, data) for lifetime, data in zone.get((name, kind), [])]
            exists = any(owner == name for owner, _ in zone)
            names, out, count = {}, query[12:at + 5], 0
            names[".".join(labels)] = 12
            for owner, type, lifetime, data in found:
                start = 12 + len(out)
                record = encode(owner, names, start) + struct.pack("!HHI", type, 1, lifetime)
                if type in (1, 28): data = ipaddress.ip_address(data).packed
                elif type == 5: data = encode(data, names, start + len(record) + 2)
                else: data = struct.pack("!3H", *data[:3]) + encode(data[3], {}, 0)
                out += record + struct.pack("!H", len(data)) + data
                count += 1
            options = struct.pack("!BHHIH", 0, 41, 1232, 0, 0)
            flags = 0x8180 | (0 if exists else 3)
            if 12 + len(out) + len(options) > limit: flags, out, count = flags | 0x0200, query[12:at + 5], 0
            return struct.pack("!6H", number, flags, 1, count, 0, 1) + out + options
        class Stream(socketserver.BaseRequestHandler):
            def handle(self):
                stream = self.request.makefile("rb")
                while head := stream.read(2):
                    reply = answer(stream.read(struct.unpack("!H", head)[0]), 65535)
                    self.request.sendall(struct.pack("!H", len(reply)) + reply)
        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
        while True:
            stream = Server(("127.0.0.1", 0), Stream)
            datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                datagram.bind(stream.server_address)
                break
            except OSError:
                stream.server_close()
                datagram.close()
        threading.Thread(target=stream.serve_forever, daemon=True).start()
        with open(sys.argv[1] + ".new", "w") as file: file.write(str(stream.server_address[1]))
        import os; os.rename(sys.argv[1] + ".new", sys.argv[1])
        while True:
            query, client = datagram.recvfrom(65535)
            datagram.sendto(answer(query, 1232), client)
        """

    @Test("a server that shares no code with the resolver is understood")
    func interop() async throws {
        let python = try #require(Program.named("python3"))
        try await withTemporaryFolder { folder in
            let path = folder.appending(path: "port")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let result = try await python.run(["-c", Self.server, path.path()])
                    guard Task.isCancelled else {
                        Issue.record("the server ended: \(result.errors)")
                        return
                    }
                }
                let port = try await Self.port(in: path)
                try await Self.check(port)
                group.cancelAll()
            }
        }
    }

    /// Waits for the server to write its port.
    private static func port(in path: URL) async throws -> Int {
        while true {
            if let text = try? String(contentsOf: path, encoding: .utf8), let port = Int(text) { return port }
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    private static func check(_ port: Int) async throws {
        let runtime = Runtime(
            time: ManualTime(), logger: TestClient.silentLogger, randomness: SeededRandomness(),
            group: MultiThreadedEventLoopGroup.singleton)
        var settings = NameServers.Settings()
        settings.servers = [try SocketAddress(ipAddress: "127.0.0.1", port: port)]
        let resolver = DNSResolver(settings, transport: SocketDNSTransport(), runtime: runtime)
        let names = try ["a.test", "alias.test", "big.test", "b.test", "none.test"].map { try #require(DNSName($0)) }
        let both = try await resolver.resolve(names[0], .a)
        #expect(try both.records == [DNSRecord("a.test 300 A 10.0.0.1"), DNSRecord("a.test 120 A 10.0.0.2")])
        #expect(both.lifetime == 120)
        #expect(try await resolver.resolve(names[0], .aaaa).records == [DNSRecord("a.test 60 AAAA 2001:db8::1")])
        #expect(try await resolver.resolve(names[1], .a).lifetime == 30)
        #expect(try await resolver.resolve(names[2], .a).records.count == 900)
        await #expect(throws: DNSFailure.noRecords) { try await resolver.resolve(names[3], .aaaa) }
        await #expect(throws: DNSFailure.noSuchName) { try await resolver.resolve(names[4], .a) }
        var configuration = DNSEndpoints.Configuration()
        configuration.nameServers = NameServers(["127.0.0.1:\(port)"])
        for try await set in DNSEndpoints(service: "_http._tcp.test", configuration).endpoints(runtime) {
            let second = Endpoint.Attributes(priority: 1)
            #expect(
                set == [
                    "10.0.0.3:80", Endpoint("10.0.0.1:8080", weight: 2, second),
                    Endpoint("10.0.0.2:8080", weight: 2, second),
                ])
            break
        }
    }
}
