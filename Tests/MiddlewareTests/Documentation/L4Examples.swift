import Middleware
import NIOCore
import Testing

/// The code of `Documentation/L4.md`, checked as a composition besides.
@Suite("The examples of L4")
struct L4Examples {
    private let database = Cluster("database", endpoints: ["10.0.0.1:5432", "10.0.0.2:5432"])
    private let resolvers = Cluster("resolvers", endpoints: ["10.0.0.1:53", "10.0.0.2:53"])

    private func tcp() -> [Listener] {
        // snippet: l4-tcp
        let postgres = Listener.tcp(port: 5432) { TCPProxy(database) }
        // end
        // snippet: l4-tcp-customised
        var patient = TCPProxy.Configuration()
        patient.idleTimeout = .seconds(3600)
        patient.connectTimeout = .seconds(1)
        patient.proxyHeader = .binary  // the endpoint has to expect it
        let guarded = Listener.tcp(port: 5433) {
            IPFilter(allow: ["10.0.0.0/8"])
            ConnectionLimit(20, by: .clientAddress)
            TCPProxy(database, patient)
        }
        // end
        return [postgres, guarded]
    }

    private func udp() -> [Listener] {
        // snippet: l4-udp
        let dns = Listener.udp(port: 53) { UDPProxy(resolvers) }
        // end
        // snippet: l4-udp-customised
        var brief = UDPProxy.Configuration()
        brief.answers = 1
        brief.limits.idleTimeout = .seconds(5)
        brief.limits.sessions = 4096
        let private53 = Listener.udp(host: "10.0.0.53", port: 53) {
            IPFilter(allow: ["10.0.0.0/8"])
            UDPProxy(resolvers, brief)
        }
        // end
        return [dns, private53]
    }

    @Test("the listeners are sound")
    func sound() {
        let listeners = tcp() + udp()
        #expect(listeners.map(\.description) == ["0.0.0.0:5432", "0.0.0.0:5433", "udp:0.0.0.0:53", "udp:10.0.0.53:53"])
    }
}

// snippet: l4-handler
struct Greeting: ConnectionHandler {
    func handle(_ connection: consuming Connection, context: RequestContext) async throws {
        let (inbound, outbound) = connection.halves()
        try await outbound.write(ByteBuffer(string: "hello \(context.peer.remote?.ipAddress ?? "")\n"))
        while let bytes = try await inbound.read() { try await outbound.write(bytes) }
    }
}
// end

// snippet: l4-filter
struct OfficeHours: ConnectionFilter {
    func admit(_ context: RequestContext) -> ConnectionPermit? {
        let hour = context.runtime.time.wallClock.components.seconds / 3600 % 24
        return (8..<18).contains(hour) ? .free : nil
    }
}
// end
