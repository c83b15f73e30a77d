import ArgumentParser
import HTTPTypes
import Middleware

/// The options that spread requests over several origins.
struct BalancingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How requests are spread over the upstreams.", valueName: "NAME"))
    var balancing = Balancing.powerOfTwoChoices

    @Option(
        help: ArgumentHelp(
            "Find the upstreams there: dns:NAME:PORT, srv:NAME or file:PATH (see Documentation/Discovery.md).",
            valueName: "SOURCE"
        ),
        transform: { try Discovery($0) }
    )
    var discover: Discovery?

    @Option(
        help: ArgumentHelp(
            "Ask that name server; repeatable. (default: those of the system)", valueName: "HOST:PORT")
    )
    var nameServer: [String] = []

    @Option(help: ArgumentHelp("Probe that path of every upstream.", valueName: "PATH"))
    var healthPath: String?

    @Option(
        help: ArgumentHelp("From one probe to the next. (default: 5)", valueName: "SECONDS"),
        transform: { try Int(positive: $0) }
    )
    var healthInterval: Int?

    @Option(
        help: ArgumentHelp("The most tries after the first one; 0 for none. (default: 2)", valueName: "N"),
        transform: { try Int(layers: $0) }
    )
    var retries: Int?

    @Option(
        help: ArgumentHelp(
            "Try answers of that status again, and count them as failures; repeatable. (default: 502, 503, 504)",
            valueName: "STATUS"
        )
    )
    var retryStatus: [Int] = []

    @Option(
        help: ArgumentHelp("Give a try so long for the head of its answer.", valueName: "MILLISECONDS"),
        transform: { try Int(positive: $0) }
    )
    var tryTimeout: Int?

    @Option(
        help: ArgumentHelp("Send a second try after so long without an answer.", valueName: "MILLISECONDS"),
        transform: { try Int(positive: $0) }
    )
    var hedgeAfter: Int?

    @Option(help: ArgumentHelp("Keep clients at their upstream by a cookie of that name.", valueName: "NAME"))
    var stickyCookie: String?

    @Option(
        help: ArgumentHelp("Send a copy of every GET there, and drop its answer.", valueName: "HOST:PORT"),
        transform: { try Endpoint(argument: $0) }
    )
    var mirror: Endpoint?

    /// Whether anything is asked for that one origin alone does not need.
    private var isAsked: Bool {
        discover != nil || healthPath != nil || retries != nil || !retryStatus.isEmpty || tryTimeout != nil
            || hedgeAfter != nil || stickyCookie != nil || balancing != .powerOfTwoChoices
    }

    /// What forwards to these upstreams; `nil` without any.
    func handler(for upstreams: [Endpoint]) -> (any Handler)? {
        if upstreams.count == 1, !isAsked { return ReverseProxy(to: upstreams[0]) }
        guard let cluster = cluster(of: upstreams) else { return nil }
        return LoadBalancer(cluster, configuration)
    }

    /// What stands in front of it.
    var layers: [any Middleware] {
        mirror.map { [TrafficMirror(to: ReverseProxy(to: $0))] } ?? []
    }

    private func cluster(of upstreams: [Endpoint]) -> Cluster? {
        let probes = healthPath.map { ActiveHealth.http(path: $0, every: .seconds(healthInterval ?? 5)) }
        var passive = PassiveHealth()
        passive.failureStatuses.formUnion(retryStatus)
        let policy = balancing.policy
        if let discover {
            return Cluster(
                "upstreams", from: discover.source(asking: nameServer), balancing: policy, activeHealth: probes,
                passiveHealth: passive)
        }
        guard !upstreams.isEmpty else { return nil }
        return Cluster(
            "upstreams", endpoints: upstreams, balancing: policy, activeHealth: probes, passiveHealth: passive)
    }

    private var configuration: LoadBalancer.Configuration {
        var configuration = LoadBalancer.Configuration()
        if let retries { configuration.retries.retries = retries }
        configuration.retries.statuses.formUnion(retryStatus)
        configuration.retries.tryTimeout = tryTimeout.map { .milliseconds($0) }
        configuration.hedging = hedgeAfter.map { Hedging(after: .milliseconds($0)) }
        configuration.affinity = stickyCookie.map { name in
            // Of this process alone: a gateway that has siblings shares its key with them.
            let key = SessionAffinity.Key((0..<32).map { _ in UInt8.random(in: .min ... .max) })
            return .cookie(StickyCookie(name), keys: [key])
        }
        return configuration
    }
}

/// What may stand behind `--balancing`.
enum Balancing: String, CaseIterable, ExpressibleByArgument {
    case roundRobin = "round-robin"
    case weightedRoundRobin = "weighted-round-robin"
    case random
    case weightedRandom = "weighted-random"
    case powerOfTwoChoices = "power-of-two-choices"
    case leastRequests = "least-requests"
    case leastTime = "least-time"
    case ipHash = "ip-hash"
    case ringHash = "ring-hash"
    case maglev
    case rendezvous

    /// The policy; those that hash go by the path.
    var policy: any BalancingPolicy {
        switch self {
        case .roundRobin: .roundRobin
        case .weightedRoundRobin: .weightedRoundRobin
        case .random: .random
        case .weightedRandom: .weightedRandom
        case .powerOfTwoChoices: .powerOfTwoChoices
        case .leastRequests: .leastRequests
        case .leastTime: .leastTime
        case .ipHash: .ipHash
        case .ringHash: .ringHash(by: .path)
        case .maglev: .maglev(by: .path)
        case .rendezvous: .rendezvous(by: .path)
        }
    }
}

/// `dns:NAME:PORT`, `srv:NAME` or `file:PATH`.
enum Discovery {
    case host(String, port: Int)
    case service(String)
    case file(String)

    init(_ argument: String) throws {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case ("dns", 3):
            guard let port = Int(parts[2]) else { throw ValidationError("the port is no number, give dns:NAME:PORT") }
            self = .host(parts[1], port: port)
        case ("srv", 2):
            self = .service(parts[1])
        case ("file", 2...):
            self = .file(String(argument.dropFirst("file:".count)))
        default:
            throw ValidationError("give dns:NAME:PORT, srv:NAME or file:PATH")
        }
    }

    func source(asking nameServers: [String]) -> any EndpointSource {
        var configuration = DNSEndpoints.Configuration()
        if !nameServers.isEmpty { configuration.nameServers = NameServers(nameServers) }
        return switch self {
        case .host(let name, let port): DNSEndpoints(name, port: port, configuration)
        case .service(let name): DNSEndpoints(service: name, configuration)
        case .file(let path): FileEndpoints(path)
        }
    }
}
