import Logging
import NIOCore
import Testing

@testable import Middleware

/// A gate in memory, and what came through it.
///
/// Unchecked because it is touched on its loop only.
private final class GateStand: @unchecked Sendable {
    /// Notes what a connection's own handler gets.
    final class Own: WireHandler {
        var events: [String] = []

        func received(_ bytes: ByteBuffer) { events.append(String(buffer: bytes)) }
        func receivedAll() { if events.last != "|" { events.append("|") } }
        func inputClosed() { events.append("ended") }
        func writabilityChanged() { events.append("writability") }
        func closed(_ error: (any Error)?) { events.append("closed") }
    }

    let far: FarEnd
    let near: QueueWire
    let gate: ProxyProtocolGate
    let own = Own()
    /// Set by the hand-over.
    var peer: Peer?

    init(on bench: Bench, _ policy: ProxyProtocol, from peer: Peer, refusesLater: Bool = false) {
        let (near, far) = QueueWire.pair(on: bench.worker.eventLoop, capacity: 1000)
        self.near = near
        self.far = FarEnd(far)
        let own = own
        var note: (Peer) -> Void = { _ in }
        gate = ProxyProtocolGate(
            near, on: bench.worker, peer: peer, policy: policy, logger: Logger(label: "test")
        ) { peer in
            note(peer)
            guard !refusesLater else { return nil }
            near.handler = own
            return own
        }
        note = { [unowned self] in self.peer = $0 }
        near.handler = gate
        gate.start()
    }

    func send(_ bytes: some Collection<UInt8>) {
        far.wire.write(ByteBuffer(bytes: bytes))
        far.wire.flush()
    }
}

@Suite("PROXY protocol gate")
struct ProxyProtocolGateTests {
    private let bench = Bench()
    private static let required = ProxyProtocol.accepted(from: ["10.0.0.0/24", "2001:db8::/64"])
    private static let optional = ProxyProtocol.accepted(from: ["10.0.0.0/24"], requirement: .optional)
    private static let line = ProxyHeaderSamples.line("TCP4 192.0.2.1 198.51.100.7 1024 443")
    private static let binary = ProxyHeaderSamples.binary(0x21, 0x21, ProxyHeaderSamples.ipv6)

    private static func peer(_ address: String = "10.0.0.5") throws -> Peer {
        Peer(
            remote: try SocketAddress(ipAddress: address, port: 7),
            local: try SocketAddress(ipAddress: "10.0.0.1", port: 80))
    }

    private func stand(_ policy: ProxyProtocol = required, from peer: Peer? = nil) async throws -> GateStand {
        let peer = try peer ?? Self.peer()
        let bench = bench
        return try await bench.onLoop { GateStand(on: bench, policy, from: peer) }
    }

    @Test("the connection gets the client's addresses, and what follows the header", arguments: [line, binary])
    func passes(header: [UInt8]) async throws {
        let stand = try await stand()
        try await bench.onLoop { stand.send(header + "GET".utf8) }
        try await bench.settle()
        try await bench.onLoop {
            #expect(stand.own.events == ["GET", "|"])
            #expect(stand.peer?.remote?.port == 1024)
            #expect(stand.peer?.local?.port == 443)
            #expect(stand.peer?.socketRemote?.port == 7)
            #expect(stand.peer?.socketLocal?.port == 80)
            stand.send(" /".utf8)
            stand.far.wire.closeOutput()
        }
        try await bench.settle()
        try await bench.onLoop { #expect(stand.own.events.filter { $0 != "|" } == ["GET", " /", "ended"]) }
    }

    @Test("a header may come byte by byte", arguments: [line, binary])
    func bytewise(header: [UInt8]) async throws {
        let stand = try await stand()
        for byte in header {
            try await bench.onLoop {
                #expect(stand.peer == nil)
                stand.send([byte])
            }
            try await bench.settle()
        }
        try await bench.onLoop {
            #expect(stand.peer?.remote?.port == 1024)
            #expect(!stand.own.events.contains("closed"))
        }
    }

    @Test("a proxy that speaks for itself keeps its addresses")
    func local() async throws {
        let stand = try await stand()
        try await bench.onLoop { stand.send(ProxyHeaderSamples.binary(0x20, 0, [])) }
        try await bench.settle()
        try await bench.onLoop {
            #expect(stand.peer?.remote?.port == 7)
            #expect(stand.peer?.proxied?.header.endpoints == .local)
        }
    }

    @Test("from somebody who is not trusted nothing is read", arguments: [false, true])
    func untrusted(isOptional: Bool) async throws {
        let stand = try await stand(isOptional ? Self.optional : Self.required, from: try Self.peer("10.0.1.5"))
        try await bench.onLoop { stand.send(Self.line + "GET".utf8) }
        try await bench.settle()
        try await bench.onLoop {
            #expect(stand.far.error is QueueWire.Reset)
            #expect(stand.peer == nil)
        }
    }

    @Test("who has no address is trusted on a Unix-domain socket, and nowhere else")
    func withoutAddress() async throws {
        let gone = try await stand(from: Peer(local: try SocketAddress(ipAddress: "10.0.0.1", port: 80)))
        let unix = try await stand(
            .accepted(from: []), from: Peer(local: try SocketAddress(unixDomainSocketPath: "/run/edge.sock")))
        try await bench.onLoop { unix.send(Self.line) }
        try await bench.settle()
        try await bench.onLoop {
            #expect(gone.far.isClosed && gone.peer == nil)
            #expect(unix.peer?.remote?.port == 1024)
        }
    }

    @Test("a required header that is not there, or broken, resets", arguments: ["GET / HTTP/1.1\r\n", "PROXY x\r\n"])
    func refused(text: String) async throws {
        let stand = try await stand()
        try await bench.onLoop { stand.send(text.utf8) }
        try await bench.settle()
        try await bench.onLoop {
            #expect(stand.far.error is QueueWire.Reset)
            #expect(stand.peer == nil && stand.own.events == [])
        }
    }

    @Test("where it is optional, a connection may begin with something else, and not with half a header")
    func optional() async throws {
        for (text, isPlain) in [("GET /", true), ("POST /", true), ("PROXY / HTTP/1.1\r\n", false)] {
            let stand = try await stand(Self.optional)
            for byte in text.utf8 { try await bench.onLoop { stand.send([byte]) } }
            try await bench.settle()
            try await bench.onLoop {
                #expect((stand.peer != nil) == isPlain, "\(text)")
                #expect(stand.peer?.proxied == nil)
                if isPlain { #expect(stand.own.events.filter { $0 != "|" }.joined() == text) }
            }
        }
    }

    @Test("time is up for a header that is required, and for part of one", arguments: [(false, ""), (true, "PROX")])
    func timeout(isOptional: Bool, text: String) async throws {
        let stand = try await stand(isOptional ? Self.optional : Self.required)
        try await bench.onLoop { stand.send(text.utf8) }
        try await bench.step(by: .milliseconds(4999))
        try await bench.onLoop { #expect(!stand.far.isClosed) }
        try await bench.step(by: .milliseconds(1))
        try await bench.onLoop { #expect(stand.far.isClosed && stand.peer == nil) }
    }

    @Test("where it is optional, a client that waits for the server goes on without")
    func silent() async throws {
        let stand = try await stand(Self.optional)
        try await bench.step(by: .seconds(5))
        try await bench.onLoop {
            #expect(stand.peer?.remote?.port == 7)
            stand.send("hello".utf8)
        }
        try await bench.settle()
        try await bench.onLoop { #expect(stand.own.events == ["hello", "|"]) }
    }

    @Test("a connection that ends in front of its protocol is closed", arguments: ["", "PROXY T"])
    func ends(text: String) async throws {
        let stand = try await stand()
        try await bench.onLoop {
            stand.send(text.utf8)
            stand.far.wire.closeOutput()
        }
        try await bench.settle()
        try await bench.onLoop { #expect(stand.far.isClosed && stand.peer == nil) }
    }

    @Test("a connection that others refuse gets nothing")
    func refusedLater() async throws {
        let bench = bench
        let peer = try Self.peer()
        let stand = try await bench.onLoop { GateStand(on: bench, Self.required, from: peer, refusesLater: true) }
        try await bench.onLoop { stand.send(Self.line + "GET".utf8) }
        try await bench.settle()
        try await bench.onLoop { #expect(stand.peer != nil && stand.own.events == []) }
    }

    @Test(
        "bad values are problems of the composition",
        arguments: [
            (ProxyProtocol.accepted(from: []), "trusts nobody"),
            (.accepted(from: ["0.0.0.0/0"]), "every client"), (.accepted(from: ["::/0"]), "every client"),
            (.accepted(from: ["10.0.0.1/8"]), "10.0.0.1/8, which is no network"),
            (.accepted(from: ["10.0.0.0/8"], timeout: .zero), "a time-out of 0"),
        ])
    func problems(policy: ProxyProtocol, part: String) {
        var blueprint = Blueprint("Server")
        policy.check(&blueprint, listener: "0.0.0.0:80")
        #expect(blueprint.problems.count == 1)
        #expect(blueprint.problems.first?.problem.contains(part) == true, "\(blueprint.problems)")
        var sound = Blueprint("Server")
        Self.required.check(&sound, listener: "0.0.0.0:80")
        ProxyProtocol.accepted(from: []).check(&sound, listener: "unix:/run/edge.sock")
        #expect(sound.problems == [])
    }
}
