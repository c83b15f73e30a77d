import Foundation
import Middleware
import NIOCore
import Testing

@Suite("Name servers")
struct NameServersTests {
    @Test("resolv.conf is read as its manual says")
    func file() {
        let settings = NameServers.Settings(
            resolvConf: """
                # servers
                ; of this network
                domain example.test
                nameserver 10.0.0.53
                nameserver\t2001:db8::53
                nameserver fe80::1%eth0
                nameserver ns.example.test
                nameserver
                nameserver 10.0.0.54
                nameserver 10.0.0.55
                search  a.test  b.test. -- .
                options timeout:2 attempts:3 ndots:5 rotate edns0 timeout:x
                unknown words
                """)
        #expect(settings.servers.map(\.ipAddress) == ["10.0.0.53", "2001:db8::53", "10.0.0.54"])
        #expect(settings.servers.allSatisfy { $0.port == 53 })
        #expect(settings.search.map(\.description) == ["a.test", "b.test", "--"])
        #expect(settings.timeout == .seconds(2) && settings.attempts == 3 && settings.dots == 5)
    }

    @Test("what resolv.conf does not say is as the system has it, and numbers have bounds")
    func defaults() {
        let empty = NameServers.Settings(resolvConf: "")
        #expect(empty.servers.map(\.ipAddress) == ["127.0.0.1"])
        #expect(empty.timeout == .seconds(5) && empty.attempts == 2 && empty.dots == 1 && empty.search == [])
        let wild = NameServers.Settings(resolvConf: "options timeout:9999 attempts:0 ndots:99")
        #expect(wild.timeout == .seconds(30) && wild.attempts == 1 && wild.dots == 15)
    }

    @Test(
        "a name is completed by how many dots it has",
        arguments: [
            ("users", 1, ["users.a", "users.b", "users"]),
            ("users.test", 1, ["users.test", "users.test.a", "users.test.b"]),
            ("users.test", 2, ["users.test.a", "users.test.b", "users.test"]), ("users.", 5, ["users"]),
            ("users", 0, ["users", "users.a", "users.b"]), ("not a name", 1, []),
        ]
    )
    func candidates(text: String, dots: Int, names: [String]) {
        var settings = NameServers.Settings()
        settings.search = ["a", "b"].compactMap { DNSName($0) }
        settings.dots = dots
        #expect(settings.candidates(for: text).map(\.description) == names)
    }

    @Test("given servers have a port, and what is set goes over what a file says")
    func given() async throws {
        let servers = NameServers(["10.0.0.1", "10.0.0.2:5353", "2001:db8::1", "[2001:db8::1]:54"], attempts: 1)
        let settings = try await servers.settings()
        #expect(settings.servers.map(\.port) == [53, 5353, 53, 54])
        #expect(settings.attempts == 1 && settings.timeout == .seconds(5))
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "resolv.conf")
            try Data("nameserver 10.9.9.9\noptions timeout:1\nsearch x\n".utf8).write(to: file)
            var servers = NameServers.file(file.path())
            servers.search = []
            servers.timeout = .milliseconds(300)
            let settings = try await servers.settings()
            #expect(settings.servers.map(\.ipAddress) == ["10.9.9.9"])
            #expect(settings.search == [] && settings.timeout == .milliseconds(300))
        }
        #expect(try await NameServers.file("/nowhere/resolv.conf").settings().servers.map(\.ipAddress) == ["127.0.0.1"])
    }
}
