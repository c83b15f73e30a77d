import HTTPTypes
import Middleware
import MiddlewareTesting
import Testing

/// The code of `Documentation/TrafficShaping.md`, checked as compositions besides.
@Suite("The examples of traffic shaping")
struct TrafficShapingExamples {
    private func splits() throws -> [Blueprint] {
        // snippet: shaping-split
        let split = TrafficSplit([
            TrafficSplit.Branch("stable", weight: 95, ReverseProxy(to: "http://10.0.0.1:8080")),
            TrafficSplit.Branch("canary", weight: 5, ReverseProxy(to: "http://10.0.0.2:8080")),
        ])
        // end
        // snippet: shaping-split-customised
        var configuration = TrafficSplit.Configuration()
        configuration.stickiness = .cookie("edge-split")
        configuration.selectors = [.header(.init("X-Canary")!, ["always": "canary", "never": "stable"])]
        let release = TrafficSplit(
            [
                TrafficSplit.Branch("stable", weight: 99.5, ReverseProxy(to: "http://10.0.0.1:8080")),
                TrafficSplit.Branch("canary", weight: 0.5) {
                    Timeout(head: .seconds(5))
                    ReverseProxy(to: "http://10.0.0.2:8080")
                },
            ],
            configuration
        )

        try release.reweigh(["stable": 80, "canary": 20])
        // end
        return [split.blueprint, release.blueprint]
    }

    private func mirrors() -> [Blueprint] {
        // snippet: shaping-mirror
        let gateway = Pipeline {
            TrafficMirror(to: ReverseProxy(to: "http://10.0.9.1:8080"), share: 0.1)
            ReverseProxy(to: "http://10.0.0.1:8080")
        }
        // end
        // snippet: shaping-mirror-customised
        var configuration = TrafficMirror.Configuration()
        configuration.methods = [.get, .head, .post, .put]
        configuration.bodyBytes = 1 << 20
        configuration.concurrency = 32
        configuration.timeout = .seconds(5)
        let shadow = Pipeline {
            HeaderRewrite {
                $0.request.remove(.authorization)
                $0.request.remove(.cookie)
            }
            ReverseProxy(to: "http://10.0.9.1:8080")
        }
        let mirror = TrafficMirror(to: shadow, configuration)
        // end
        return [gateway.blueprint, mirror.blueprint]
    }

    private func faults() -> [Blueprint] {
        // snippet: shaping-faults
        let control = FaultInjection.Switch()
        let faults = FaultInjection(control, [.status(.serviceUnavailable, share: 0.05)])

        control.isOn = true
        // end
        // snippet: shaping-faults-customised
        var configuration = FaultInjection.Configuration()
        configuration.optIn = .init("X-Chaos")
        let chaos = FaultInjection(
            FaultInjection.Switch(isOn: true),
            [.delay(.milliseconds(100)...(.seconds(2)), share: 0.5), .brokenAnswer(share: 0.1)],
            configuration
        )
        // end
        return [faults.blueprint, chaos.blueprint]
    }

    private func sessions(secret: String, formerSecret: String) -> [SessionAffinity] {
        // snippet: shaping-sessions
        let sessions = SessionAffinity.cookie("app-node", keys: [SessionAffinity.Key(secret)])
        // end
        // snippet: shaping-sessions-customised
        var cookie = StickyCookie("__Host-app-node")
        cookie.isSecure = true
        cookie.maxAge = .seconds(86_400)
        let keys = [SessionAffinity.Key(secret), SessionAffinity.Key(formerSecret)]
        let strict = SessionAffinity.cookie(cookie, keys: keys, whenGone: .refuse)
        let tenants = SessionAffinity.by(.header(.init("X-Tenant")!))
        // end
        return [sessions, strict, tenants]
    }

    @Test("the examples are sound compositions")
    func sound() throws {
        let parts = try splits() + mirrors() + faults()
        #expect(parts.flatMap { $0.validate() } == [])
        var blueprint = Blueprint("LoadBalancer")
        let (secret, former) = (String(repeating: "a", count: 64), String(repeating: "b", count: 64))
        for affinity in sessions(secret: secret, formerSecret: former) { affinity.describe(in: &blueprint) }
        #expect(blueprint.validate() == [])
    }
}
