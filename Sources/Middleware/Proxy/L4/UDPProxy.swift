import NIOCore
import NIOPosix

/// Forwards the datagrams of each client to an endpoint of a cluster, and its answers back.
///
/// A session, which is what one client's address and port sends until it falls silent, goes to one endpoint, through a
/// socket of its own; so the endpoint sees one port for each session, and an answer finds its way. Policies that follow
/// a key follow the client's address.
///
/// Nothing waits: what a socket does not take at once is dropped and counted, as the network might drop it. An endpoint
/// whose machine says that nobody listens there (ICMP) is reported as not connected, and the session ends: the client's
/// next datagram begins another, at an endpoint that may be another one. A first answer is reported as a connection that
/// was taken, with the time that it took.
///
/// Datagrams pass whole, up to 65,507 bytes. The endpoint sees the gateway's address; no header is put in front.
///
/// ## Placement
/// The last of a UDP listener, behind its filters.
///
/// ## Example
/// ```swift
/// Listener.udp(port: 53) { UDPProxy(resolvers) }
/// ```
/// Customised, for questions that have one answer:
/// ```swift
/// var configuration = UDPProxy.Configuration()
/// configuration.limits.idleTimeout = .seconds(5)
/// configuration.answers = 1
/// Listener.udp(port: 53) {
///     ConnectionLimit(100, by: .clientAddress)
///     UDPProxy(resolvers, configuration)
/// }
/// ```
public struct UDPProxy: DatagramHandler {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// How many sessions there are, and how long they last.
        public var limits = DatagramLimits()
        /// After how many answers a session is over; endless unless set. 1 suits protocols in which each question comes
        /// from a port of its own, such as DNS.
        public var answers = Int.max

        public init() {}
    }

    private let chooser: any EndpointChooser
    private let configuration: Configuration
    private let counters: UDPCounters

    /// To the endpoints of a cluster.
    public init(_ cluster: Cluster, _ configuration: Configuration = Configuration()) {
        self.init(choosing: cluster, configuration)
    }

    /// To one endpoint.
    public init(to endpoint: Endpoint, _ configuration: Configuration = Configuration()) {
        self.init(choosing: LoneEndpoint(endpoint), configuration)
    }

    package init(choosing chooser: any EndpointChooser, _ configuration: Configuration = Configuration()) {
        self.chooser = chooser
        self.configuration = configuration
        counters = UDPCounters(chooser.name)
    }

    public var limits: DatagramLimits { configuration.limits }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("UDPProxy \(chooser.name)")
        chooser.describe(in: &blueprint)
        blueprint.require(
            configuration.answers > 0, "ends a session after \(configuration.answers) answers", mend: "give 1 or more")
        return blueprint
    }

    public func handle(_ session: DatagramSession, context: RequestContext) async throws {
        let choice = try chooser.chooseEndpoint(hash: BalancingKey.clientHash(context), excluding: [], context: context)
        let flow = UDPFlow(to: session, on: context.worker, answers: configuration.answers, counters: counters) {
            [chooser] evidence, now in chooser.report(evidence, of: choice, at: now)
        }
        defer {
            if !flow.hasEvidence { chooser.abandon(choice) }
            choice.state.end()
        }
        do {
            let address = try await Self.resolve(choice.endpoint.address, on: context.worker)
            try await flow.run(to: address)
        } catch let error as IOError {
            let failure = UpstreamFailure(.connect, "\(choice.endpoint.text): \(error)", cause: error)
            throw ProxyFailure(failure, endpoint: choice.endpoint.text)
        }
    }

    private static func resolve(_ address: DialAddress, on worker: Worker) async throws -> SocketAddress {
        switch address {
        case .unix:
            throw ProxyFailure(
                .connect, .gateway, .unsupported, endpoint: "\(address)", detail: "datagrams go to hosts alone")
        case .host(let host, let port):
            if let known = try? SocketAddress(ipAddress: host, port: port) { return known }
            // The system's resolver blocks its thread.
            return try await NIOThreadPool.singleton.runIfActive(eventLoop: worker.eventLoop) {
                try SocketAddress.makeAddressResolvingHost(host, port: port)
            }.get()
        }
    }
}

/// What counts the datagrams of one proxy.
struct UDPCounters: Sendable {
    let inward: MetricCounter
    let outward: MetricCounter
    let dropped: MetricCounter

    init(_ name: String) {
        inward = L4Metric.datagrams.series(name, L4Metric.inward)
        outward = L4Metric.datagrams.series(name, L4Metric.outward)
        dropped = L4Metric.dropped.series(name)
    }
}
