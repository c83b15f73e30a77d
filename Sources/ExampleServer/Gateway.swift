import CoreMetrics
import HTTPTypes
import Middleware

/// The gateway of the demo: every piece of the library that exists, and one of its own.
struct Gateway {
    let chain: Pipeline

    init(origins: Origins, files: String, log: LogFormat, edge: EdgeOptions) {
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)

        let team = Cluster(
            "team", endpoints: origins.team, balancing: .roundRobin,
            activeHealth: .http(path: "/healthz", every: .seconds(5)))
        let half = Cluster(
            "half", endpoints: [origins.team[0], origins.broken], balancing: .roundRobin)
        var patient = LoadBalancer.Configuration()
        patient.retries.statuses.insert(500)
        var sticky = LoadBalancer.Configuration()
        sticky.affinity = .cookie(
            StickyCookie("demo-node"),
            keys: [SessionAffinity.Key((0..<32).map { _ in UInt8.random(in: .min ... .max) })])

        chain = Pipeline {
            RequestID()
            if let format = log.format { AccessLog(format: format) }
            ClientAddress(trusting: ["127.0.0.0/8", "::1/128"])
            edge.layers
            ErrorPages("<!doctype html><title>{{status}}</title><h1>{{reason}}</h1><p>Request {{request-id}}</p>")
            SecurityHeaders()
            LoadShedder()
            Signature(text: "example")
            Router {
                Route(.get, "/") {
                    StaticResponse("A gateway composed with Middleware. Try /hello\n")
                }
                Route("/hello/**") { ReverseProxy(to: origins.hello) }
                Route(.get, "/greet/{name}") {
                    HandlerFunction { _, context in
                        Response(.ok, body: .text("hello \(context.parameters["name"] ?? "")\n"))
                    }
                }
                Route("/echo/**") {
                    BodyLimit(bytes: 1 << 20)
                    ReverseProxy(to: origins.echo)
                }
                Route("/ticks/**") { ReverseProxy(to: origins.ticks) }
                Route("/broken/**") { ReverseProxy(to: origins.broken) }
                Route("/slow/**") {
                    ConcurrencyLimit(10)
                    Timeout(head: .seconds(2))
                    ReverseProxy(to: origins.slow)
                }
                Route("/balanced/**") { LoadBalancer(team) }
                Route("/failover/**") { LoadBalancer(half, patient) }
                Route("/sticky/**") { LoadBalancer(team, sticky) }
                Route("/canary/**") {
                    TrafficSplit([
                        TrafficSplit.Branch("stable", weight: 90, LoadBalancer(team)),
                        TrafficSplit.Branch("canary", weight: 10, ReverseProxy(to: origins.hello)),
                    ])
                }
                Route("/mirrored/**") {
                    TrafficMirror(to: ReverseProxy(to: origins.echo))
                    LoadBalancer(team)
                }
                Route("/files/**") { Files(root: files, below: "/files") }
                Route("/moved/**") { Redirect(from: "/moved", to: "/hello") }
                Route("/rewritten/**") {
                    HeaderRewrite {
                        $0.request.rewritePath(prefix: "/rewritten", to: "/hello")
                        $0.response.set(.init("X-Asked-For")!, to: "\(.path)")
                    }
                    ReverseProxy(to: origins.hello)
                }
                Route("/api/**") {
                    CORS(allowing: ["https://app.example", "http://localhost:*"])
                    CSRF()
                    ReverseProxy(to: origins.hello)
                }
                Route("/elsewhere/**") {
                    IPFilter(allow: ["192.0.2.0/24"])
                    ReverseProxy(to: origins.hello)
                }
                Route("/closed/**") {
                    Maintenance(Maintenance.Switch(isOn: true))
                    ReverseProxy(to: origins.hello)
                }
                // On a listener of its own where strangers reach the gateway.
                Route(.get, "/metrics") { PrometheusMetrics(metrics) }
            }
        }
    }
}

extension Files {
    /// Files whose URLs have a beginning that their folder has not.
    init(root: String, below prefix: String, listing: Listing = .html(atMost: 1000)) {
        var configuration = Configuration()
        configuration.prefix = prefix
        configuration.listing = listing
        self.init(root: root, configuration)
    }
}

extension Redirect {
    /// What has moved from one folder to another.
    fileprivate init(from old: String, to new: String) {
        var configuration = Configuration()
        configuration.path = .replacingPrefix(old, with: new)
        self.init(configuration)
    }
}

/// Signs every answer in the field `Server`: a middleware of the demo's own.
struct Signature: HeadMiddleware {
    let text: String

    func before(_ request: inout Request, context: RequestContext) -> Response? { nil }

    func after(_ response: inout Response, context: RequestContext) { response.headers[.server] = text }
}
