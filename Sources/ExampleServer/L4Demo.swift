import ArgumentParser
import Middleware

/// The options that forward other protocols than HTTP.
struct L4Options: ParsableArguments {
    @Option(
        name: .customLong("tcp"),
        help: ArgumentHelp(
            "Forward raw TCP connections: HOST:PORT=UPSTREAM; repeatable.",
            valueName: "HOST:PORT=HOST:PORT"
        ),
        transform: { try Forwarding($0) }
    )
    var tcp: [Forwarding] = []

    @Option(
        name: .customLong("udp"),
        help: ArgumentHelp(
            "Forward UDP datagrams: HOST:PORT=UPSTREAM; repeatable.",
            valueName: "HOST:PORT=HOST:PORT"
        ),
        transform: { try Forwarding($0) }
    )
    var udp: [Forwarding] = []

    /// What was asked for.
    var listeners: [Listener] { tcp.map(\.tcp) + udp.map(\.udp) }
}

/// Where something is taken and where it goes.
struct Forwarding {
    private let host: String
    private let port: Int
    private let endpoint: Endpoint

    init(_ argument: String) throws {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw ValidationError("give HOST:PORT=HOST:PORT such as 127.0.0.1:5432=10.0.0.1:5432")
        }
        let place = try Endpoint(argument: String(parts[0]))
        guard let colon = place.text.lastIndex(of: ":"), let port = Int(place.text[place.text.index(after: colon)...])
        else {
            throw ValidationError("the port to listen on is missing, give HOST:PORT=HOST:PORT")
        }
        let host = place.text[..<colon]
        self.host = String(host.hasPrefix("[") ? host.dropFirst().dropLast() : host)
        self.port = port
        endpoint = try Endpoint(argument: String(parts[1]))
    }

    var tcp: Listener { .tcp(host: host, port: port) { TCPProxy(to: endpoint) } }
    var udp: Listener { .udp(host: host, port: port) { UDPProxy(to: endpoint) } }
}
