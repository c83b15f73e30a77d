/// The addresses that a name stands for, looked up again and again, as long as their records hold.
///
/// ```swift
/// DNSEndpoints("origin.internal", port: 8080)             // A and AAAA
/// DNSEndpoints(service: "_http._tcp.origin.internal")     // SRV: port, weight and priority come with each
/// ```
///
/// Each endpoint is `address:port`, so that every address is a choice of the balancer, with counts and health of its
/// own. The set is sorted and without duplicates; an answer that differs from the one before in nothing or only in its
/// order is no new set. It holds 1,000 endpoints at most, the first by priority and address.
///
/// **When it looks again.** Once the record that holds for the shortest time does not hold any more, and not before
/// the floor or after the ceiling of the configuration.
///
/// **What failure does.** A name that does not exist any more, that has no addresses, a server that fails, a time-out:
/// the last good set stays, the log says why, and the next look comes soon, then later and later, each by chance
/// between the half and the whole of its turn. That holds for parts as well: a target of a service that does not
/// resolve keeps the addresses it had. So an outage of the name servers is none of the cluster, and endpoints are never
/// taken away by the lack of an answer: health checks see to those that are gone. The stream does not throw; without
/// a first answer there is no set yet.
///
/// **Services** (RFC 2782). The priority is the tier, the weight the weight. A weight of 0 counts as 1, which is the
/// chance that the RFC's own way of choosing gives to such a record among others. Each address of a target has the
/// weight of its record. Targets come with the answer or are asked for, eight at a time. A target of `.` is no place.
///
/// **What it does not do.** It takes no notice of `/etc/hosts` and multicast DNS, checks no signatures (trust the way
/// to a server that does), and keeps no answers for others. Aliases are followed, eight at most.
public struct DNSEndpoints: EndpointSource {
    /// Which addresses are wanted.
    public enum Families: Sendable, CaseIterable {
        /// IPv4, and IPv6 for a name that has no IPv4 address: an origin that has both is one endpoint, not two, and a
        /// machine without IPv6 is not sent there.
        case preferringIPv4
        /// IPv6, and IPv4 for a name that has no IPv6 address.
        case preferringIPv6
        /// IPv4 alone.
        case ipv4
        /// IPv6 alone.
        case ipv6
        /// All. An origin that has one of each is two endpoints.
        case all
    }

    /// How names are looked up.
    public struct Configuration: Sendable {
        /// Which addresses are wanted; ``Families/preferringIPv4`` unless set.
        public var families = Families.preferringIPv4
        /// Who is asked; the name servers of the system unless set.
        public var nameServers = NameServers.system
        /// The floor: answers that hold for less are kept for this long. 5 seconds unless set.
        public var minimumLifetime = Duration.seconds(5)
        /// The ceiling: answers that hold for longer are looked up again all the same. 5 minutes unless set.
        public var maximumLifetime = Duration.seconds(300)
        /// How soon after a failure the next look comes, at the latest; 1 second unless set. Doubles with each.
        public var firstRetry = Duration.seconds(1)
        /// How late that becomes; 30 seconds unless set.
        public var maximumRetry = Duration.seconds(30)
        /// What the endpoints have in common; nothing in particular unless set. The priority of a service is that of
        /// its records.
        public var attributes = Endpoint.Attributes()

        public init() {}
    }

    /// What is looked up.
    package enum Target: Sendable {
        case host(String, port: Int)
        case service(String)

        var name: String {
            switch self {
            case .host(let name, _), .service(let name): name
            }
        }
    }

    let target: Target
    let configuration: Configuration
    private let transport: any DNSTransport

    init(_ target: Target, _ configuration: Configuration, transport: any DNSTransport) {
        self.target = target
        self.configuration = configuration
        self.transport = transport
    }

    /// The addresses of a host.
    ///
    /// - Parameters:
    ///   - host: its name; one with few dots is completed as the system does (see ``NameServers/search``).
    ///   - port: the port of each endpoint.
    public init(_ host: String, port: Int, _ configuration: Configuration = Configuration()) {
        self.init(.host(host, port: port), configuration, transport: SocketDNSTransport())
    }

    /// The places of a service.
    ///
    /// - Parameter service: its name with service and protocol, such as `_http._tcp.origin.internal`.
    public init(service: String, _ configuration: Configuration = Configuration()) {
        self.init(.service(service), configuration, transport: SocketDNSTransport())
    }

    /// The same by way of a script.
    package func carried(by transport: any DNSTransport) -> DNSEndpoints {
        DNSEndpoints(target, configuration, transport: transport)
    }

    public func endpoints(_ runtime: Runtime) -> AsyncThrowingStream<[Endpoint], any Error> {
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                var watch = DNSWatch(target, configuration, transport: transport, runtime: runtime)
                while !Task.isCancelled {
                    let turn = await watch.turn()
                    if let endpoints = turn.endpoints { continuation.yield(endpoints) }
                    do { try await runtime.sleep(for: turn.wait) } catch { break }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    public func check(_ blueprint: inout Blueprint) {
        let name = target.name
        blueprint.require(
            DNSName(name).map { !$0.isRoot } == true && IPAddress(name) == nil,
            "looks up \(name.isEmpty ? "an empty name" : name)",
            mend: "give a domain name in ASCII, as in origin.internal; an address is an endpoint already"
        )
        if case .host(_, let port) = target {
            blueprint.require(
                (1...65_535).contains(port), "has endpoints of \(name) at port \(port)", mend: "give 1 to 65535")
        }
        let (floor, ceiling) = (configuration.minimumLifetime, configuration.maximumLifetime)
        blueprint.require(floor > .zero, "keeps answers for \(floor) at least", mend: "give more than zero")
        blueprint.require(
            floor <= ceiling, "keeps answers for \(floor) at least and \(ceiling) at most", mend: "turn them round")
        let (first, last) = (configuration.firstRetry, configuration.maximumRetry)
        blueprint.require(first > .zero, "asks again after \(first)", mend: "give more than zero")
        blueprint.require(
            first <= last, "asks again after \(first) at first and \(last) at last", mend: "turn them round")
        configuration.nameServers.check(&blueprint)
    }
}
