import Logging
import NIOCore

/// Forwards raw connections to an endpoint of a cluster, byte for byte in both directions.
///
/// An endpoint is chosen by the cluster's policy when a client has connected; policies that follow a key follow the
/// client's address. When it cannot be connected to, another one is tried: nothing of the client's has been sent by then.
/// Behind an open connection nothing is tried again.
///
/// The end of one direction is passed on while the other goes on (half-close). A reset of one side resets the other, so
/// that what was cut does not look whole. A side that takes bytes slowly slows the other side down. A connection counts
/// as in flight at its endpoint until it is over, and a connection that was taken, refused or not answered in time is
/// evidence for the cluster's health.
///
/// It does not look at what passes: neither TLS nor a protocol ends here.
///
/// ## Placement
/// The last of a listener, behind its filters.
///
/// ## Example
/// ```swift
/// Listener.tcp(port: 5432) { TCPProxy(database) }
/// ```
/// Customised, with the client's address for the endpoint:
/// ```swift
/// var configuration = TCPProxy.Configuration()
/// configuration.idleTimeout = .seconds(3600)
/// configuration.connectTimeout = .seconds(1)
/// configuration.proxyHeader = .binary
/// Listener.tcp(port: 5432) {
///     IPFilter(allow: ["10.0.0.0/8"])
///     TCPProxy(database, configuration)
/// }
/// ```
public struct TCPProxy: ConnectionHandler {
    /// What may be configured.
    public struct Configuration: Sendable {
        /// How long opening a connection to one endpoint may take, name look-up included. 5 seconds unless set.
        public var connectTimeout = Duration.seconds(5)
        /// How many endpoints are tried at most, the first included. 3 unless set.
        public var attempts = 3
        /// How long both sides may be silent before the connection is reset. 10 minutes unless set.
        public var idleTimeout = Duration.seconds(600)
        /// Whether the endpoint is told the client's address by a PROXY protocol header, and how it is written. The
        /// endpoint has to expect it. Not unless set.
        public var proxyHeader: ProxyHeader.Version?

        public init() {}
    }

    private let chooser: any EndpointChooser
    private let configuration: Configuration
    private let active: MetricGauge
    private let counters: RelayCounters

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
        active = L4Metric.active.series(chooser.name)
        counters = RelayCounters(
            forward: L4Metric.bytes.series(chooser.name, L4Metric.inward),
            backward: L4Metric.bytes.series(chooser.name, L4Metric.outward)
        )
    }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("TCPProxy \(chooser.name)")
        chooser.describe(in: &blueprint)
        blueprint.require(
            configuration.connectTimeout > .zero,
            "has a connectTimeout of \(configuration.connectTimeout)",
            mend: "give more than zero"
        )
        blueprint.require(
            configuration.idleTimeout > .zero,
            "has an idleTimeout of \(configuration.idleTimeout)",
            mend: "give more than zero"
        )
        blueprint.require(
            configuration.attempts > 0, "tries \(configuration.attempts) endpoints", mend: "give 1 or more")
        return blueprint
    }

    public func handle(_ connection: consuming Connection, context: RequestContext) async throws {
        let endpoint: (choice: EndpointChoice, connection: ConnectionBytes)
        do {
            endpoint = try await connect(context)
        } catch {
            let isUnavailable = (error as? ProxyFailure)?.cause == .unavailable
            L4Metric.connections[error.isCancellation ? .cancelled : isUnavailable ? .unavailable : .unreachable]
                .increment()
            throw error
        }
        active.increment()
        defer {
            active.decrement()
            endpoint.choice.state.end()
        }
        do {
            try await connection.relay(
                with: Connection(endpoint.connection), idle: configuration.idleTimeout, counting: counters)
            L4Metric.connections[.complete].increment()
        } catch {
            L4Metric.connections[error is DeadlineExceeded ? .idle : error.isCancellation ? .cancelled : .broken]
                .increment()
            throw error
        }
    }

    /// An open connection to an endpoint, which is counted in.
    private func connect(
        _ context: RequestContext
    ) async throws -> (choice: EndpointChoice, connection: ConnectionBytes) {
        let hash = BalancingKey.clientHash(context)
        let greeting = configuration.proxyHeader.map { ProxyHeader(context.peer).bytes($0) }
        var tried: [EndpointState] = []
        var failure: ProxyFailure?
        while tried.count < configuration.attempts {
            let choice: EndpointChoice
            do {
                choice = try chooser.chooseEndpoint(hash: hash, excluding: tried, context: context)
            } catch {
                // What the last endpoint met says more than that there is no other.
                throw failure ?? error
            }
            guard !tried.contains(where: { $0 === choice.state }) else {
                // The only one that is left has been tried.
                release(choice)
                break
            }
            if !tried.isEmpty { L4Metric.retries.increment() }
            do {
                return (choice, try await connect(to: choice, greeting, context))
            } catch let error as UpstreamFailure {
                let met = ProxyFailure(error, endpoint: choice.endpoint.text)
                guard met.cause != .full else {
                    // This process has no descriptor left: no fault of the endpoint, and no other would do better.
                    release(choice)
                    throw met
                }
                chooser.report(error.isTimeout ? .timedOut : .notConnected, of: choice, at: context.worker.now)
                choice.state.end()
                failure = met
                context.logger.debug("an endpoint was not reached", metadata: ["failure": "\(error.detail)"])
                tried.append(choice.state)
            } catch {
                release(choice)
                throw error
            }
        }
        throw failure ?? ProxyFailure(.pool, .gateway, .unavailable)
    }

    private func connect(
        to choice: EndpointChoice, _ greeting: ByteBuffer?, _ context: RequestContext
    ) async throws -> ConnectionBytes {
        let began = context.worker.now
        let connection = try await EndpointDial(in: context, greeting: greeting).connect(
            to: choice.endpoint.address, by: context.runtime.dialer, within: configuration.connectTimeout)
        let now = context.worker.now
        L4Metric.connectDuration.record(nanoseconds: now - began)
        chooser.report(.connected(nanoseconds: now - began), of: choice, at: now)
        return connection
    }

    private func release(_ choice: EndpointChoice) {
        chooser.abandon(choice)
        choice.state.end()
    }
}
